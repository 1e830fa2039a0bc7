"""The fence: proof that a run is ours, checked in the same statement that writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, Update, bindparam, select, update
from sqlalchemy.sql.dml import ReturningUpdate

from core.errors import Fenced
from store.eventrows import StampedEvent, insert_events
from store.tables import runs

TERMINAL = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class Fence:
    """Whoever holds it claimed the run; the next claim makes it worthless."""

    run_id: str
    epoch: int


def fenced(statement: Update) -> ReturningUpdate[Any]:
    """The UPDATE of a run's row, done only while the run is claimed with this epoch.

    Being the first statement of its transaction it also locks the row, and it makes room in
    the event sequence. Returns the row's counters.
    """
    return (
        statement.where(
            runs.c.id == bindparam("b_run"),
            runs.c.epoch == bindparam("b_epoch"),
            runs.c.owner.is_not(None),
        )
        .values(last_seq=runs.c.last_seq + bindparam("b_events"))
        .returning(
            runs.c.last_seq,
            runs.c.spent_pico,
            runs.c.reserved_pico,
            runs.c.cap_pico,
            runs.c.lifelines,
            runs.c.lifelines_used,
        )
    )


Told = Callable[[Row[Any]], None]
"""Gets the run's counters before the events are written, so that they can tell them."""
TOUCH = fenced(update(runs))
_OWNER = select(runs.c.epoch, runs.c.status, runs.c.owner).where(runs.c.id == bindparam("b_run"))


def advance(
    connection: Connection,
    fence: Fence,
    *,
    statement: ReturningUpdate[Any] = TOUCH,
    values: Mapping[str, Any] | None = None,
    events: Sequence[StampedEvent] = (),
    told: Told | None = None,
) -> Row[Any]:
    """Run a fenced UPDATE and append the events, or raise Fenced."""
    row = attempt(connection, fence, statement=statement, values=values, events=events, told=told)
    if row is None:
        raise fenced_error(connection, fence)
    return row


def attempt(
    connection: Connection,
    fence: Fence,
    *,
    statement: ReturningUpdate[Any],
    values: Mapping[str, Any] | None = None,
    events: Sequence[StampedEvent] = (),
    told: Told | None = None,
) -> Row[Any] | None:
    """Like `advance`, but None when no row matched, for whatever reason."""
    bound = {"b_run": fence.run_id, "b_epoch": fence.epoch, "b_events": len(events)}
    row = connection.execute(statement, {**bound, **(values or {})}).one_or_none()
    if row is not None and told is not None:
        told(row)
    if row is not None and events:
        insert_events(connection, fence.run_id, row.last_seq, events)
    return row


def is_ours(connection: Connection, fence: Fence) -> bool:
    """Whether a fenced UPDATE would find its row."""
    row = connection.execute(_OWNER, {"b_run": fence.run_id}).one_or_none()
    return row is not None and row.epoch == fence.epoch and row.owner is not None


def fenced_error(connection: Connection, fence: Fence) -> Fenced:
    """Why a fenced UPDATE found no row."""
    row = connection.execute(_OWNER, {"b_run": fence.run_id}).one_or_none()
    if row is None:
        return Fenced(f"Run {fence.run_id} was deleted; stop working on it.")
    if row.epoch != fence.epoch:
        return Fenced(
            f"Run {fence.run_id} was claimed by another process (epoch {row.epoch}, ours is "
            f"{fence.epoch}); stop working on it, its new owner goes on."
        )
    return Fenced(
        f"Run {fence.run_id} is {row.status} and takes no more writes; "
        "claim it again (`budgetml resume`) or start a new run."
    )
