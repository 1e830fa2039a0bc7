"""What the service says of the trace of a run: steps, calls, report and graph."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Self

from pydantic import BaseModel

from api.plain import plain
from core.money import usd_text
from store.callrows import BillLine, CallRow
from store.steprows import StepRow


class StepOut(BaseModel):
    """One accepted decision and what came of it."""

    step: int
    attempt: int
    status: str
    tier: int
    model: str
    action: str
    action_input: dict[str, Any]
    entries: dict[str, str]
    """Reflection, plan, fact check and thought."""
    reply_flags: list[str]
    failed: bool
    executed: bool
    final: bool
    counted: bool | None
    seconds: float
    acted_at: str
    finished_at: str | None
    log_summary: str | None
    shown: str | None
    """The observation as the planner saw it."""
    snapshot: str | None

    @classmethod
    def of(cls, row: StepRow) -> Self:
        """The step as it is listed."""
        return cls.model_validate(plain(asdict(row)))


class StepDetail(StepOut):
    """A step with its whole observation."""

    observation: str


class StepPage(BaseModel):
    """Steps in order."""

    items: list[StepOut]
    next: int | None
    """Give it as `after` for the page after this one."""


class CallOut(BaseModel):
    """One request to a model, as it is billed."""

    id: int
    step: int
    tier: int
    try_no: int
    purpose: str
    ordinal: int
    attempt: int
    model: str
    status: str
    """reserved, settled, estimated, lost or void."""
    outcome: str | None
    lifeline: bool
    simulated: bool
    worst_usd: str
    cost_usd: str
    paid_usd: str
    list_usd: str
    top_usd: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    seconds: float
    created: str
    settled_at: str | None
    finish: str | None
    prices: dict[str, Any]
    price_book: str
    request_hash: str
    detail: str | None
    reply: str | None

    @classmethod
    def of(cls, row: CallRow) -> Self:
        """The call with money as text."""
        return cls.model_validate(_dollars(asdict(row)))


class BillLineOut(BaseModel):
    """The calls of one tier, model, purpose and status added up."""

    tier: int
    model: str
    purpose: str
    status: str
    calls: int
    lifelines: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    cache_write_tokens: int
    reasoning_tokens: int
    cost_usd: str
    paid_usd: str
    list_usd: str
    top_usd: str
    seconds: float

    @classmethod
    def of(cls, line: BillLine) -> Self:
        """The line with money as text."""
        return cls.model_validate(_dollars(asdict(line)))


class CallPage(BaseModel):
    """The bill: its lines for the whole run, and the single calls page by page."""

    items: list[CallOut]
    next: int | None
    """Give it as `after` for the page after this one."""
    bill: list[BillLineOut]


class EscalationOut(BaseModel):
    """One step up, or one request for help."""

    step: int
    reason: str
    detail: str


class ReportOut(BaseModel):
    """What a run achieved, what it cost and what each escalation was for."""

    summary: dict[str, Any]
    bill: list[BillLineOut]
    escalations: list[EscalationOut]


class GraphOut(BaseModel):
    """The graph with the route the run took."""

    mermaid: str
    visits: dict[str, int]
    """Node -> how often the run's events tell of it."""


def _dollars(facts: dict[str, Any]) -> dict[str, Any]:
    """Amounts in pico-dollars as decimal strings of dollars."""
    amounts = {k: v for k, v in facts.items() if k.endswith("_pico")}
    rest = {k: v for k, v in facts.items() if k not in amounts}
    texts = {f"{k.removesuffix('_pico')}_usd": usd_text(v) for k, v in amounts.items()}
    return dict(plain(rest | texts))
