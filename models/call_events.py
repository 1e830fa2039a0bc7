"""The events a call leaves in the log of its run."""

from __future__ import annotations

from collections.abc import Sequence

from core.calls import CallKey
from core.events import Event
from core.money import usd_text
from models.meter import Line
from models.outcomes import Failure
from store.callrows import CallBill, Totals
from store.eventrows import StampedEvent


def started(line: Line, key: CallKey, worst_pico: int) -> Event:
    """The call is reserved and about to be sent."""
    return _event("call.started", line, key, worst_usd=usd_text(worst_pico))


def finished(line: Line, key: CallKey, bill: CallBill) -> Event:
    """A reply came, whether or not it is of use."""
    return _event("call.finished", line, key, **_billed(bill))


def charged(line: Line, key: CallKey, bill: CallBill) -> Event:
    """No reply came, but the call may have been billed and is charged by an estimate."""
    return _event("call.failed", line, key, **_billed(bill), reason=bill.detail)


def refused(line: Line, key: CallKey, failure: Failure) -> Event:
    """No reply came and nothing is charged."""
    return _event("call.failed", line, key, outcome=failure.kind, reason=failure.reason)


def replayed(line: Line, key: CallKey, outcome: str) -> Event:
    """The reply came from the journal; it was paid before."""
    return _event("call.finished", line, key, outcome=outcome, replayed=True, paid_usd="0")


def cost_so_far(line: Line) -> Event:
    """Where the run stands against its cap; `tell` fills it."""
    return Event("cost", tier=line.tier)


def lifeline(line: Line) -> Event:
    """A lifeline was taken or given back; `tell` fills it."""
    return Event("lifeline", tier=line.tier)


def tell(events: Sequence[StampedEvent], totals: Totals) -> None:
    """Write where the run stands now into those of the events that say so."""
    spent, cap = usd_text(totals.spent_pico), usd_text(totals.cap_pico)
    for event in (stamped.event for stamped in events):
        if event.type == "cost" or "status" in event.data:
            event.data.update(spent_usd=spent, cap_usd=cap)
        elif event.type == "lifeline":
            event.data.update(used=totals.lifelines_used, left=totals.lifelines_left)


def warning(tier: int, message: str) -> Event:
    """Something odd that stops nothing."""
    return Event("log", tier=tier, data={"level": "warning", "message": message})


def overrun(line: Line, bill: CallBill, worst_pico: int) -> Event:
    """A provider counted more tokens than the request can hold."""
    return warning(
        line.tier,
        f"{line.model} counted tokens for {usd_text(bill.cost_pico)} USD where at most "
        f"{usd_text(worst_pico)} USD were possible; compare its usage report with its bill",
    )


def _event(type_: str, line: Line, key: CallKey, **data: object) -> Event:
    base = {
        "model": line.model,
        "purpose": key.purpose,
        "try": key.try_no,
        "simulated": line.simulated,
    }
    return Event(type_, tier=line.tier, data=base | data)


def _billed(bill: CallBill) -> dict[str, object]:
    usage = bill.usage
    tokens = {
        "input": usage.input_tokens,
        "output": usage.output_tokens,
        "cache_read": usage.cache_read_tokens,
        "cache_write": usage.cache_write_tokens,
        "reasoning": usage.reasoning_tokens,
    }
    return {
        "outcome": bill.outcome,
        "status": bill.status,
        "tokens": tokens,
        "paid_usd": usd_text(bill.paid_pico),
        "list_usd": usd_text(bill.list_pico),
        "seconds": round(bill.seconds, 3),
    }
