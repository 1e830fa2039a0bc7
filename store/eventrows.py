"""Events as rows: their key within a run and how they are written and read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, func, insert, select

from core.events import RUN_LEVEL, Event, LoggedEvent
from store.tables import events
from store.transactions import now


@dataclass(frozen=True, slots=True)
class StampedEvent:
    """An event with the key that keeps it from being written twice."""

    event: Event
    step: int
    attempt: int
    ordinal: int
    """Counts from 0 within (step, attempt)."""


_INSERT = insert(events)
_NEXT = select(func.coalesce(func.max(events.c.ordinal), -1) + 1).where(
    events.c.run_id == bindparam("b_run"),
    events.c.step == bindparam("b_step"),
    events.c.attempt == bindparam("b_attempt"),
)


def insert_events(
    connection: Connection, run_id: str, last_seq: int, stamped: Sequence[StampedEvent]
) -> None:
    """Write events whose sequence numbers end at `last_seq`."""
    ts, first = now(), last_seq - len(stamped) + 1
    connection.execute(_INSERT, [_values(run_id, first + i, ts, s) for i, s in enumerate(stamped)])


def next_ordinal(connection: Connection, run_id: str, step: int, attempt: int) -> int:
    """The first unused ordinal of (step, attempt)."""
    bound = {"b_run": run_id, "b_step": step, "b_attempt": attempt}
    return int(connection.execute(_NEXT, bound).scalar_one())


def stamp_run_level(connection: Connection, run_id: str, epoch: int, event: Event) -> StampedEvent:
    """Key of an event that belongs to no step: the claim takes the place of the attempt."""
    return StampedEvent(event, RUN_LEVEL, epoch, next_ordinal(connection, run_id, RUN_LEVEL, epoch))


def logged(row: Row[Any]) -> LoggedEvent:
    """A row as the outside sees it."""
    return LoggedEvent(
        seq=row.seq,
        ts=row.ts,
        run_id=row.run_id,
        type=row.type,
        step=None if row.step == RUN_LEVEL else row.step,
        attempt=row.attempt,
        tier=row.tier,
        node=row.node,
        data=row.data,
    )


def _values(run_id: str, seq: int, ts: str, stamped: StampedEvent) -> dict[str, Any]:
    event = stamped.event
    return {
        "run_id": run_id,
        "seq": seq,
        "ts": ts,
        "type": event.type,
        "step": stamped.step,
        "attempt": stamped.attempt,
        "ordinal": stamped.ordinal,
        "tier": event.tier,
        "node": event.node,
        "data": event.data,
    }
