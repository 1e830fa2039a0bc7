"""Runs handed to the service: who submitted them, and which of them wait for somebody to work."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass

from sqlalchemy import (
    Connection,
    and_,
    bindparam,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from core.errors import Conflict
from store.limits import check_limits, check_run
from store.runrows import NewRun, RunRow, Status
from store.runs import insert_run
from store.tables import events, runs, submissions
from store.transactions import Transactions, now

_KEYED = select(submissions.c.run_id, submissions.c.body_hash).where(
    submissions.c.principal == bindparam("b_principal"),
    submissions.c.idempotency_key == bindparam("b_key"),
)
_SUBMITTED = exists().where(submissions.c.run_id == runs.c.id)
_QUEUED = select(func.count()).where(runs.c.status == "queued", _SUBMITTED)
_OPEN = (
    select(runs.c.id, runs.c.status, runs.c.owner, runs.c.heartbeat, runs.c.finished)
    .where(
        or_(
            and_(runs.c.status.in_(("queued", "running")), _SUBMITTED),
            runs.c.status == "cancelling",
        )
    )
    .order_by(runs.c.priority.desc(), runs.c.created, runs.c.id)
)
_PROGRESS = select(func.coalesce(func.max(events.c.seq), 0)).where(
    events.c.run_id == bindparam("b_run"), events.c.type.in_(("step.finished", "interrupt"))
)
_CLAIMS = select(func.count()).where(
    events.c.run_id == bindparam("b_run"),
    events.c.type.in_(("run.started", "run.resumed")),
    events.c.seq > _PROGRESS.scalar_subquery(),
)
_REQUEUE = (
    update(runs)
    .where(
        runs.c.id == bindparam("b_run"),
        runs.c.status == "interrupted",
        runs.c.owner.is_(None),
    )
    .values(status=literal("queued"))
)


@dataclass(frozen=True, slots=True)
class Submission:
    """On whose behalf a run is made, and how a repeated request is recognised."""

    principal: str
    idempotency_key: str | None = None
    body_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """The run that an idempotency key stands for."""

    run_id: str
    body_hash: str


@dataclass(frozen=True, slots=True)
class OpenRun:
    """An unfinished run of the service, or one that waits for its cancellation."""

    id: str
    status: Status
    owner: str | None
    heartbeat: str | None
    finished: str | None


class Queue:
    """A run belongs to the service from its submission on; others are left to their commands."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def original(self, principal: str, key: str) -> Original | None:
        """The run this key was used for before."""
        with self._transactions.reading() as connection:
            return _original(connection, principal, key)

    def create(self, new: NewRun, submission: Submission) -> RunRow | Original:
        """Queue a new run; or, when the key is taken, only say by which run."""
        key = submission.idempotency_key
        with self._transactions.writing() as connection:
            if key and (found := _original(connection, submission.principal, key)):
                return found
            row = insert_run(connection, new)
            _insert(connection, new.id, submission)
            return row

    def check(self, principal: str, cap_pico: int) -> None:
        """Raise LimitReached if a run with that cap would be refused, before work is put into it.

        `create` and `hand_over` decide.
        """
        with self._transactions.reading() as connection:
            check_limits(connection, principal, cap_pico)

    def hand_over(self, run_id: str, submission: Submission) -> None:
        """Let the service go on with an unfinished run; it keeps its first submitter.

        Raises Conflict when the run has ended.
        """
        with self._transactions.writing() as connection:
            connection.execute(_REQUEUE, {"b_run": run_id})
            known = select(submissions.c.run_id).where(submissions.c.run_id == run_id)
            over = select(runs.c.finished).where(runs.c.id == run_id)
            if connection.execute(over).scalar_one_or_none() is not None:
                raise Conflict(f"Run {run_id} has ended meanwhile; fork it to go on from a step.")
            if connection.execute(known).one_or_none() is None:
                _insert(connection, run_id, submission)

    def length(self, besides: Collection[str] = ()) -> int:
        """Submitted runs nobody has begun to work on; `besides` are about to be claimed."""
        waiting = _QUEUED.where(runs.c.id.not_in(besides))
        with self._transactions.reading() as connection:
            return int(connection.execute(waiting).scalar_one())

    def open_runs(self) -> list[OpenRun]:
        """By priority, then by age; the caller tells whose owner is dead."""
        with self._transactions.reading() as connection:
            return [OpenRun(**row._mapping) for row in connection.execute(_OPEN)]

    def fruitless_claims(self, run_id: str) -> int:
        """How often the run was claimed since it last finished a step or was left in order."""
        with self._transactions.reading() as connection:
            return int(connection.execute(_CLAIMS, {"b_run": run_id}).scalar_one())


def _original(connection: Connection, principal: str, key: str) -> Original | None:
    row = connection.execute(_KEYED, {"b_principal": principal, "b_key": key}).one_or_none()
    return None if row is None else Original(row.run_id, row.body_hash)


def _insert(connection: Connection, run_id: str, submission: Submission) -> None:
    values = asdict(submission) | {"run_id": run_id, "created": now()}
    check_run(connection, submission.principal, run_id)
    connection.execute(insert(submissions), values)
