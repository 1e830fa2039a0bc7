"""Calls as records: what is asked for, what was granted, what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from core.calls import CallKey
from core.money import Usage
from core.state import OutcomeKind

CallStatus = Literal["reserved", "settled", "estimated", "lost", "void"]


@dataclass(frozen=True, slots=True)
class CallSpec:
    """A call about to be sent."""

    key: CallKey
    model: str
    request_hash: str
    worst_pico: int
    """The most it can cost, on the basis the run's cap counts."""
    lifeline: bool
    """Whether it takes one."""
    simulated: bool
    """Answered from a tape: a crash makes it void instead of lost."""
    prices: dict[str, Any]
    """Unit prices it is billed at, for the record."""
    price_book: str
    """Hash of the price book."""


@dataclass(frozen=True, slots=True)
class Granted:
    """Money (and a lifeline) is set aside; the call must be settled or voided."""

    call_id: int
    attempt: int
    """1 for the first request with this key, then 2 …"""
    lifelines_left: int


@dataclass(frozen=True, slots=True)
class Denied:
    """Nothing was written and nothing may be sent."""

    reason: Literal["over_budget", "no_lifeline"]
    left_pico: int
    """What the cap leaves after everything spent and reserved."""
    lifelines_left: int


@dataclass(frozen=True, slots=True)
class CallBill:
    """What a sent call came to."""

    status: Literal["settled", "estimated"]
    outcome: OutcomeKind
    usage: Usage
    cost_pico: int
    """On the basis the run's cap counts."""
    paid_pico: int
    list_pico: int
    top_pico: int
    """What the same tokens would have cost at the top tier."""
    seconds: float
    reply: str | None = None
    finish: str | None = None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a reserved call came to nothing and costs nothing."""

    outcome: str
    detail: str
    give_back_lifeline: bool


@dataclass(frozen=True, slots=True)
class Totals:
    """Where the run stands after a call was closed."""

    spent_pico: int
    reserved_pico: int
    cap_pico: int
    lifelines_left: int
    lifelines_used: int


@dataclass(frozen=True, slots=True)
class CallRow:
    """One request to a model as the journal holds it."""

    id: int
    run_id: str
    step: int
    tier: int
    try_no: int
    purpose: str
    ordinal: int
    attempt: int
    model: str
    status: CallStatus
    lifeline: bool
    """Whether it holds a lifeline (no longer, once it was given back)."""
    simulated: bool
    worst_pico: int
    cost_pico: int
    paid_pico: int
    list_pico: int
    top_pico: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    seconds: float
    created: str
    settled_at: str | None
    outcome: OutcomeKind | None
    finish: str | None
    request_hash: str
    price_book: str
    prices: dict[str, Any]
    detail: str | None
    reply: str | None

    @property
    def key(self) -> CallKey:
        """What makes it the same call on resume."""
        purpose: Any = self.purpose  # stored from a CallKey
        return CallKey(self.step, self.tier, self.try_no, purpose, self.ordinal)

    @property
    def usage(self) -> Usage:
        """Its tokens."""
        return Usage(
            self.input_tokens,
            self.output_tokens,
            self.cache_read_tokens,
            self.cache_write_tokens,
            self.reasoning_tokens,
            estimated=self.status == "estimated",
        )


@dataclass(frozen=True, slots=True)
class BillLine:
    """The calls of one tier, model, purpose and status added up."""

    tier: int
    model: str
    purpose: str
    status: CallStatus
    calls: int
    lifelines: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_pico: int
    paid_pico: int
    list_pico: int
    top_pico: int
    seconds: float
