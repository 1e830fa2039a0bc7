"""The append-only log of every run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, case, func, select

from core.events import Event, LoggedEvent
from store.eventrows import StampedEvent, logged
from store.fence import Fence, advance
from store.tables import events, runs
from store.transactions import Transactions

ROLLED_BACK = "step.rolled_back"

_ATTEMPTS = (
    select(
        events.c.step,
        events.c.attempt,
        func.max(events.c.ordinal).label("last"),
        func.count(case((events.c.type == ROLLED_BACK, 1))).label("undone"),
    )
    .where(
        events.c.run_id == bindparam("b_run"),
        events.c.step.between(bindparam("b_first"), bindparam("b_last")),
    )
    .group_by(events.c.step, events.c.attempt)
    .order_by(events.c.step, events.c.attempt)
)
_ALL_STEPS = 2**31 - 1
_TELLING = (events.c.data["purpose"].as_string(), events.c.data["action"].as_string())
_TALLY = (
    select(events.c.type, events.c.node, *_TELLING, func.count())
    .where(events.c.run_id == bindparam("b_run"))
    .group_by(events.c.type, events.c.node, *_TELLING)
)


class Tally(NamedTuple):
    """Events of a run that are alike."""

    type: str
    node: str
    purpose: str | None
    """Of a call."""
    action: str | None
    """Of a finished step."""
    times: int


class Events:
    """Appending and reading; sequence numbers of a run count from 1 without a gap."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def append(self, fence: Fence, stamped: Sequence[StampedEvent]) -> int:
        """Write all or none of them; returns the run's last sequence number.

        Raises Fenced when the run is no longer ours.
        """
        with self._transactions.writing() as connection:
            return int(advance(connection, fence, events=stamped).last_seq)

    def read(
        self,
        run_id: str,
        after: int = 0,
        limit: int = 500,
        types: Collection[str] | None = None,
    ) -> list[LoggedEvent]:
        """At most `limit` events with a higher sequence number than `after`, in order."""
        wanted = select(events).where(events.c.run_id == run_id, events.c.seq > after)
        if types is not None:
            wanted = wanted.where(events.c.type.in_(types))
        with self._transactions.reading() as connection:
            rows = connection.execute(wanted.order_by(events.c.seq).limit(limit))
            return [logged(row) for row in rows]

    def heads(self, run_ids: Collection[str]) -> dict[str, int]:
        """The last sequence number of each of these runs that exists."""
        wanted = select(runs.c.id, runs.c.last_seq).where(runs.c.id.in_(run_ids))
        with self._transactions.reading() as connection:
            return {row.id: row.last_seq for row in connection.execute(wanted)}

    def tally(self, run_id: str) -> list[Tally]:
        """How often each kind of event was logged."""
        with self._transactions.reading() as connection:
            return [Tally(*row) for row in connection.execute(_TALLY, {"b_run": run_id})]

    def next_key(self, run_id: str, step: int) -> tuple[int, int]:
        """(attempt, ordinal) of the next event of a step; a rolled-back attempt is closed."""
        bound = {"b_run": run_id, "b_first": step, "b_last": step}
        with self._transactions.reading() as connection:
            rows = connection.execute(_ATTEMPTS, bound).all()
        if not rows:
            return 1, 0
        newest = rows[-1]
        return (newest.attempt + 1, 0) if newest.undone else (newest.attempt, newest.last + 1)

    def roll_back(self, fence: Fence, step: int) -> None:
        """Close the open attempt of this and every later step with a `step.rolled_back`.

        What was done in it is void and will be done again under the next attempt; steps without
        events, or already rolled back, are left alone. Raises Fenced.
        """
        bound = {"b_run": fence.run_id, "b_first": max(step, 0), "b_last": _ALL_STEPS}
        with self._transactions.writing() as connection:
            rows = connection.execute(_ATTEMPTS, bound).all()
            newest = {row.step: row for row in rows}
            closing = [
                StampedEvent(_undoing(row.attempt), row.step, row.attempt, row.last + 1)
                for row in newest.values()
                if not row.undone
            ]
            advance(connection, fence, events=closing)


def _undoing(attempt: int) -> Event:
    return Event(ROLLED_BACK, data={"attempt": attempt})
