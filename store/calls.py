"""The bill and the tape of a run: calls are reserved before they are sent and settled after.

A reservation holds the worst case, so spent + reserved never passes the cap in any order of
failures, retries, crashes and parallel branches (BudgetMLAgent §3.3: the cap on strong calls).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, Integer, Row, and_, bindparam, cast, func, insert, select, update

from core.calls import CallKey
from core.errors import UnknownName
from store.callrows import (
    BillLine,
    CallBill,
    CallRow,
    CallSpec,
    Denied,
    Granted,
    Refused,
    Totals,
)
from store.eventrows import StampedEvent
from store.fence import Fence, advance, attempt, fenced, fenced_error, is_ours
from store.tables import calls, runs
from store.transactions import Transactions, now

_HAS_KEY = and_(
    calls.c.run_id == bindparam("b_run"),
    *(calls.c[part] == bindparam(f"b_{part}") for part in CallKey._fields),
)
_OPEN = and_(
    calls.c.id == bindparam("b_call"),
    calls.c.run_id == bindparam("b_run"),
    calls.c.status == "reserved",
)
_WORST = select(calls.c.worst_pico).where(_OPEN).scalar_subquery()
_LIFELINE = select(cast(calls.c.lifeline, Integer)).where(_OPEN).scalar_subquery()

_RESERVE = fenced(
    update(runs)
    .where(
        runs.c.spent_pico + runs.c.reserved_pico + bindparam("b_worst") <= runs.c.cap_pico,
        runs.c.lifelines_used + bindparam("b_lifeline") <= runs.c.lifelines,
    )
    .values(
        reserved_pico=runs.c.reserved_pico + bindparam("b_worst"),
        lifelines_used=runs.c.lifelines_used + bindparam("b_lifeline"),
        call_count=runs.c.call_count + 1,
    )
)
_SETTLE = fenced(
    update(runs).values(
        reserved_pico=runs.c.reserved_pico - func.coalesce(_WORST, 0),
        spent_pico=runs.c.spent_pico + bindparam("b_cost"),
        paid_pico=runs.c.paid_pico + bindparam("b_paid"),
        list_pico=runs.c.list_pico + bindparam("b_list"),
        top_pico=runs.c.top_pico + bindparam("b_top"),
    )
)
_VOID = fenced(
    update(runs).values(
        reserved_pico=runs.c.reserved_pico - func.coalesce(_WORST, 0),
        lifelines_used=runs.c.lifelines_used
        - func.coalesce(_LIFELINE, 0) * bindparam("b_give_back", type_=Integer),
        call_count=runs.c.call_count - 1,
    )
)
_INSERT = insert(calls).values(
    attempt=select(func.coalesce(func.max(calls.c.attempt), 0) + 1)
    .where(_HAS_KEY)
    .scalar_subquery()
)
_INSERT_RETURNING = _INSERT.returning(calls.c.id, calls.c.attempt)
_CLOSE = update(calls).where(_OPEN)
_SETTLED = (
    select(calls)
    .where(_HAS_KEY, calls.c.status.in_(("settled", "estimated")))
    .order_by(calls.c.attempt.desc())
    .limit(1)
)
_BUDGET = select(
    runs.c.cap_pico,
    runs.c.spent_pico,
    runs.c.reserved_pico,
    runs.c.lifelines,
    runs.c.lifelines_used,
).where(runs.c.id == bindparam("b_run"))
_GROUPS = (calls.c.tier, calls.c.model, calls.c.purpose, calls.c.status)
_SUMS = [f.name for f in fields(BillLine)][6:]
_BILL = (
    select(
        *_GROUPS,
        func.count().label("calls"),
        func.sum(cast(calls.c.lifeline, Integer)).label("lifelines"),
        *(func.sum(calls.c[name]).label(name) for name in _SUMS),
    )
    .where(calls.c.run_id == bindparam("b_run"))
    .group_by(*_GROUPS)
    .order_by(*_GROUPS)
)


def _nothing(_: Totals) -> None:
    """Nobody wants to be told."""


class Calls:
    """Reserving, settling and reading calls."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def settled(self, run_id: str, key: CallKey) -> CallRow | None:
        """The newest paid reply with this key, which a resumed run takes instead of paying."""
        with self._transactions.reading() as connection:
            row = connection.execute(_SETTLED, _bound_key(run_id, key)).one_or_none()
        return None if row is None else CallRow(**row._mapping)

    def reserve(
        self,
        fence: Fence,
        spec: CallSpec,
        events: Sequence[StampedEvent] = (),
        told: Callable[[Totals], None] = _nothing,
    ) -> Granted | Denied:
        """Set the worst case (and a lifeline) aside if cap and lifelines allow it.

        Denied writes nothing, events neither. `told` gets the new totals just before the events
        are written. Raises Fenced.
        """
        values = {"b_worst": spec.worst_pico, "b_lifeline": int(spec.lifeline)}
        with self._transactions.writing() as connection:
            row = attempt(
                connection,
                fence,
                statement=_RESERVE,
                values=values,
                events=events,
                told=lambda row: told(_totals(row)),
            )
            if row is None:
                return _denied(connection, fence, spec)
            call = connection.execute(_INSERT_RETURNING, _new_row(fence.run_id, spec)).one()
        return Granted(call.id, call.attempt, row.lifelines - row.lifelines_used)

    def settle(
        self,
        fence: Fence,
        call_id: int,
        bill: CallBill,
        events: Sequence[StampedEvent] = (),
        told: Callable[[Totals], None] = _nothing,
    ) -> Totals:
        """Replace the reservation by what the call cost; `told` as for `reserve`.

        A provider that charges more than the worst case is booked as it charged, and then the
        cap denies the next call. Raises Fenced, or UnknownName when the call is not reserved.
        """
        values = {
            "b_call": call_id,
            "b_cost": bill.cost_pico,
            "b_paid": bill.paid_pico,
            "b_list": bill.list_pico,
            "b_top": bill.top_pico,
        }
        with self._transactions.writing() as connection:
            row = advance(
                connection,
                fence,
                statement=_SETTLE,
                values=values,
                events=events,
                told=lambda row: told(_totals(row)),
            )
            _close(connection, fence, call_id, _settled_row(bill))
        return _totals(row)

    def void(
        self,
        fence: Fence,
        call_id: int,
        refused: Refused,
        events: Sequence[StampedEvent] = (),
        told: Callable[[Totals], None] = _nothing,
    ) -> Totals:
        """Close a call that was refused or never sent: it costs nothing; `told` as for `reserve`.

        Raises Fenced, or UnknownName when the call is not reserved.
        """
        back = refused.give_back_lifeline
        values = {"b_call": call_id, "b_give_back": int(back)}
        closed: dict[str, Any] = {"status": "void"}
        closed |= {"outcome": refused.outcome, "detail": refused.detail}
        closed |= {"lifeline": False} if back else {}
        with self._transactions.writing() as connection:
            row = advance(
                connection,
                fence,
                statement=_VOID,
                values=values,
                events=events,
                told=lambda row: told(_totals(row)),
            )
            _close(connection, fence, call_id, closed)
        return _totals(row)

    def read(self, run_id: str, after_id: int = 0, limit: int = 1000) -> list[CallRow]:
        """Calls in the order they were reserved."""
        wanted = select(calls).where(calls.c.run_id == run_id, calls.c.id > after_id)
        with self._transactions.reading() as connection:
            rows = connection.execute(wanted.order_by(calls.c.id).limit(limit))
            return [CallRow(**row._mapping) for row in rows]

    def bill(self, run_id: str) -> list[BillLine]:
        """Calls grouped by tier, model, purpose and status; lost ones at their reservation."""
        with self._transactions.reading() as connection:
            rows = connection.execute(_BILL, {"b_run": run_id})
            return [BillLine(**row._mapping) for row in rows]


def _bound_key(run_id: str, key: CallKey) -> dict[str, Any]:
    return {"b_run": run_id, **{f"b_{part}": value for part, value in key._asdict().items()}}


def _new_row(run_id: str, spec: CallSpec) -> dict[str, Any]:
    row = {f.name: getattr(spec, f.name) for f in fields(spec) if f.name != "key"}
    fixed = {"run_id": run_id, "status": "reserved", "created": now()}
    return {**row, **spec.key._asdict(), **fixed, **_bound_key(run_id, spec.key)}


def _settled_row(bill: CallBill) -> dict[str, Any]:
    row = {f.name: getattr(bill, f.name) for f in fields(bill) if f.name != "usage"}
    tokens = asdict(bill.usage)
    del tokens["estimated"]  # the status says it
    return {**row, **tokens}


def _close(connection: Connection, fence: Fence, call_id: int, values: dict[str, Any]) -> None:
    bound = {"b_call": call_id, "b_run": fence.run_id}
    done = connection.execute(_CLOSE, {**bound, **values, "settled_at": now()})
    if done.rowcount != 1:
        raise UnknownName(
            f"Call {call_id} of run {fence.run_id} is not open, so it cannot be closed; "
            "settle or void each granted call exactly once."
        )


def _denied(connection: Connection, fence: Fence, spec: CallSpec) -> Denied:
    if not is_ours(connection, fence):
        raise fenced_error(connection, fence)
    row = connection.execute(_BUDGET, {"b_run": fence.run_id}).one()
    left = row.cap_pico - row.spent_pico - row.reserved_pico
    lifelines_left = row.lifelines - row.lifelines_used
    short = spec.lifeline and lifelines_left < 1
    return Denied("no_lifeline" if short else "over_budget", left, lifelines_left)


def _totals(row: Row[Any]) -> Totals:
    left = row.lifelines - row.lifelines_used
    counters = (row.spent_pico, row.reserved_pico, row.cap_pico)
    return Totals(*counters, lifelines_left=left, lifelines_used=row.lifelines_used)
