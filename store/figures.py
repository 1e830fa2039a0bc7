"""Totals over all runs, deleted ones included, so that they outlive restarts and never fall."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Select,
    bindparam,
    case,
    func,
    insert,
    literal,
    literal_column,
    select,
    union_all,
)

from store.limits import SPENT
from store.tables import calls, events, remains, runs
from store.transactions import Transactions, now

Counter: TypeAlias = Select[str, str, Any]
"""(metric, label, value)."""


class Figure(NamedTuple):
    """One total."""

    metric: str
    """`steps`, `calls`, `pico_dollars` or `escalations`."""
    label: str
    """The outcome of calls, `paid` or `simulated` of dollars, the reason of escalations."""
    value: int


def _of_type(name: str) -> ColumnElement[bool]:
    # A literal: SQLite matches a bound value to no partial index.
    return events.c.type == literal_column(f"'{name}'")


_CLOSED: ColumnElement[bool] = calls.c.status != literal_column("'reserved'")
_REASON: ColumnElement[str] = func.coalesce(events.c.data["reason"].as_string(), "")
_OUTCOME: ColumnElement[str] = func.coalesce(calls.c.outcome, calls.c.status)
_WHO_PAID: ColumnElement[str] = case((calls.c.simulated, "simulated"), else_="paid")


def _counters(run_id: ColumnElement[str] | None) -> list[Counter]:
    """Those of one run, or of all that are on record."""
    of_event, of_call = (
        [] if run_id is None else [table.c.run_id == run_id] for table in (events, calls)
    )
    return [
        select(literal("steps"), literal(""), func.count())
        .where(_of_type("step.finished"), *of_event)
        .group_by(events.c.type),
        select(literal("escalations"), _REASON, func.count())
        .where(_of_type("escalation"), *of_event)
        .group_by(_REASON),
        select(literal("calls"), _OUTCOME, func.count())
        .where(_CLOSED, *of_call)
        .group_by(_OUTCOME),
        select(literal("pico_dollars"), _WHO_PAID, func.sum(calls.c.paid_pico))
        .where(_CLOSED, *of_call)
        .group_by(_WHO_PAID),
    ]


_DELETED = (
    select(remains.c.metric, remains.c.label, func.sum(remains.c.value))
    .where(remains.c.metric != SPENT)
    .group_by(remains.c.metric, remains.c.label)
)
_ALL: CompoundSelect[Any, Any, Any] = union_all(*_counters(None), _DELETED)
_ONE = union_all(*_counters(bindparam("b_run"))).subquery()
_KEEP = insert(remains).from_select(
    ["metric", "label", "value", "at"], select(*_ONE.c, bindparam("b_now"))
)
_BY_STATUS = select(runs.c.status, func.count()).group_by(runs.c.status)


class Figures:
    """Reads the totals."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def totals(self) -> list[Figure]:
        """Each metric and label once, in a fixed order."""
        found: dict[tuple[str, str], int] = {}
        with self._transactions.reading() as connection:
            for metric, label, value in connection.execute(_ALL):
                found[metric, label] = found.get((metric, label), 0) + int(value)
        return [Figure(*key, value) for key, value in sorted(found.items())]

    def runs_by_status(self) -> dict[str, int]:
        """How many runs on record have which status."""
        with self._transactions.reading() as connection:
            return {status: int(count) for status, count in connection.execute(_BY_STATUS)}


def keep_figures(connection: Connection, run_id: str) -> None:
    """Remember what a run adds to the totals, before it is deleted."""
    connection.execute(_KEEP, {"b_run": run_id, "b_now": now()})
