"""The trajectory of a run: what was decided, done and seen, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import Connection, bindparam, delete, func, insert, literal, select, update

from core.errors import UnknownName
from store.eventrows import StampedEvent
from store.fence import Fence, advance, fenced
from store.steprows import ActedStep, StepRow
from store.tables import runs, steps
from store.transactions import Transactions, now

_HERE = (steps.c.run_id == bindparam("b_run"), steps.c.step == bindparam("b_step"))
_DELETE = delete(steps).where(*_HERE)
_INSERT = insert(steps)
_FINISH = update(steps).where(*_HERE)
_COUNT = fenced(update(runs).values(step_count=bindparam("b_step")))
_ACTED = select(steps).where(*_HERE)
_LAST = 2**31 - 1
_SPAN = (
    select(steps)
    .where(
        steps.c.run_id == bindparam("b_run"),
        steps.c.step >= bindparam("b_first"),
        steps.c.step <= bindparam("b_last"),
    )
    .order_by(steps.c.step)
)


class Steps:
    """Saving and reading steps."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def save_action(
        self, fence: Fence, step: ActedStep, events: Sequence[StampedEvent] = ()
    ) -> None:
        """Keep what an action did before anything else can fail; replaces an earlier attempt.

        Raises Fenced.
        """
        row = {f.name: getattr(step, f.name) for f in fields(step)}
        row |= {"run_id": fence.run_id, "status": "acted", "acted_at": now()}
        with self._transactions.writing() as connection:
            advance(connection, fence, events=events)
            connection.execute(_DELETE, {"b_run": fence.run_id, "b_step": step.step})
            connection.execute(_INSERT, row)

    def finish(
        self,
        fence: Fence,
        step: int,
        *,
        shown: str,
        log_summary: str | None,
        counted: bool,
        events: Sequence[StampedEvent] = (),
    ) -> None:
        """Complete a saved step; the run's step count becomes its number.

        Raises Fenced, or UnknownName when no action of the step was saved.
        """
        closed = {"status": "finished", "finished_at": now(), "shown": shown}
        more = {"log_summary": log_summary, "counted": counted}
        key = {"b_run": fence.run_id, "b_step": step}
        with self._transactions.writing() as connection:
            advance(connection, fence, statement=_COUNT, values={"b_step": step}, events=events)
            done = connection.execute(_FINISH, {**key, **closed, **more})
            if done.rowcount != 1:
                raise _unknown(fence.run_id, step)

    def acted(self, run_id: str, step: int) -> StepRow | None:
        """The step as far as it was saved, finished or not."""
        with self._transactions.reading() as connection:
            row = connection.execute(_ACTED, {"b_run": run_id, "b_step": step}).one_or_none()
        return None if row is None else StepRow(**row._mapping)

    def span(self, run_id: str, first: int, last: int | None = None) -> list[StepRow]:
        """Steps from `first` to `last`, both included, in order."""
        bound = {"b_run": run_id, "b_first": first, "b_last": _LAST if last is None else last}
        with self._transactions.reading() as connection:
            rows = connection.execute(_SPAN, bound)
            return [StepRow(**row._mapping) for row in rows]

    def last_snapshot(self, run_id: str, upto: int | None = None) -> str | None:
        """Commit of the workspace after that step, or the last one before it that made any."""
        wanted = (
            select(steps.c.snapshot)
            .where(steps.c.run_id == run_id, steps.c.snapshot.is_not(None))
            .where(steps.c.step <= (_LAST if upto is None else upto))
            .order_by(steps.c.step.desc())
            .limit(1)
        )
        with self._transactions.reading() as connection:
            found: str | None = connection.execute(wanted).scalar_one_or_none()
        return found

    def fork(self, source_run: str, target_run: str, upto_step: int) -> None:
        """Give a new run the finished steps of another, up to and including `upto_step`.

        Raises UnknownName when the source has not finished that step, or there is no target.
        """
        with self._transactions.writing() as connection:
            counted = update(runs).where(runs.c.id == target_run).values(step_count=upto_step)
            if connection.execute(counted).rowcount != 1:
                raise UnknownName(f"There is no run {target_run}; create it before forking.")
            if _copy(connection, source_run, target_run, upto_step) != upto_step:
                raise _unknown(source_run, upto_step)


def _copy(connection: Connection, source: str, target: str, upto: int) -> int:
    others = [c for c in steps.c if c.name != "run_id"]
    chosen = (
        steps.c.run_id == source,
        steps.c.step.between(1, upto),
        steps.c.status == "finished",
    )
    found: Any = connection.execute(select(func.count()).where(*chosen)).scalar_one()
    rows = select(literal(target), *others).where(*chosen)
    connection.execute(insert(steps).from_select(["run_id", *(c.name for c in others)], rows))
    return int(found)


def _unknown(run_id: str, step: int) -> UnknownName:
    return UnknownName(
        f"Step {step} of run {run_id} was never done; `budgetml show {run_id}` lists its steps."
    )
