"""What becomes of calls that were in flight when their process died."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, bindparam, select, update

from store.tables import calls, runs
from store.transactions import now


class Closed(NamedTuple):
    """How many calls were closed, and how."""

    lost: int
    void: int


_RESERVED = select(calls.c.id, calls.c.worst_pico, calls.c.lifeline, calls.c.simulated).where(
    calls.c.run_id == bindparam("b_run"), calls.c.status == "reserved"
)
_LOSE = (
    update(calls)
    .where(calls.c.id == bindparam("b_call"))
    .values(
        status="lost",
        cost_pico=calls.c.worst_pico,
        paid_pico=calls.c.worst_pico,
        list_pico=calls.c.worst_pico,
        top_pico=calls.c.worst_pico,
        settled_at=bindparam("b_now"),
    )
)
_VOID = (
    update(calls)
    .where(calls.c.id == bindparam("b_call"))
    .values(status="void", lifeline=False, settled_at=bindparam("b_now"))
)
_CHARGE = (
    update(runs)
    .where(runs.c.id == bindparam("b_run"))
    .values(
        reserved_pico=0,
        spent_pico=runs.c.spent_pico + bindparam("b_worst"),
        paid_pico=runs.c.paid_pico + bindparam("b_worst"),
        list_pico=runs.c.list_pico + bindparam("b_worst"),
        top_pico=runs.c.top_pico + bindparam("b_worst"),
        lifelines_used=runs.c.lifelines_used - bindparam("b_returned"),
        call_count=runs.c.call_count - bindparam("b_void"),
    )
)


def close_open_calls(connection: Connection, run_id: str) -> Closed:
    """Charge every reserved call at its reservation as `lost`; simulated ones become `void`.

    Nobody knows what a lost call cost, so its reservation stands in every bill and its lifeline
    stays taken. The caller's transaction must hold the run's row.
    """
    rows = connection.execute(_RESERVED, {"b_run": run_id}).all()
    if not rows:
        return Closed(0, 0)
    void = [r for r in rows if r.simulated]
    lost = [r for r in rows if not r.simulated]
    for statement, group in ((_LOSE, lost), (_VOID, void)):
        if group:
            connection.execute(statement, _ids(r.id for r in group))
    charge = {
        "b_run": run_id,
        "b_worst": sum(r.worst_pico for r in lost),
        "b_returned": sum(r.lifeline for r in void),
        "b_void": len(void),
    }
    connection.execute(_CHARGE, charge)
    return Closed(len(lost), len(void))


def _ids(call_ids: Iterable[int]) -> list[dict[str, Any]]:
    stamp = now()
    return [{"b_call": call, "b_now": stamp} for call in call_ids]
