"""What the service says: its answers as models, from which the OpenAPI document is made."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Self

from pydantic import BaseModel, Field

from api.plain import plain
from core.events import LoggedEvent
from core.money import usd_text
from store.callrows import BillLine, CallRow
from store.runrows import RunRow, Status
from store.steprows import StepRow


class Parent(BaseModel):
    """Where a fork began."""

    run_id: str
    step: int


class RunOut(BaseModel):
    """How a run stands; dollars are decimal strings."""

    id: str = Field(examples=["3f2a9c0d1e4b5a67"])
    task_id: str = Field(examples=["vectorization"])
    preset: str = Field(examples=["demo"])
    status: Status
    solved: bool
    """Graded better than the task's threshold; `succeeded` only means finished and graded."""
    priority: int
    labels: dict[str, str]
    seed: int
    created: str
    started: str | None
    finished: str | None
    steps: int
    calls: int
    last_seq: int
    """The newest event."""
    cap_usd: str = Field(examples=["0.5"])
    spent_usd: str
    """On the basis the cap counts."""
    reserved_usd: str
    """Worst case of the calls in flight."""
    paid_usd: str
    list_usd: str
    top_tier_usd: str
    """What the same tokens would have cost at the top tier."""
    lifelines: int
    lifelines_used: int
    end_reason: str | None
    error: str | None
    result: dict[str, Any] | None
    parent: Parent | None

    @classmethod
    def fields_of(cls, row: RunRow) -> dict[str, Any]:
        """The row with money as text."""
        facts = {name: getattr(row, name) for name in _SAME}
        facts |= {f"{k}_usd": usd_text(getattr(row, f"{k}_pico")) for k in _AMOUNTS}
        grade = (row.result or {}).get("grade") or {}
        parent = {"run_id": row.parent_run, "step": row.parent_step}
        more = {
            "steps": row.step_count,
            "calls": row.call_count,
            "top_tier_usd": usd_text(row.top_pico),
            "solved": bool(grade.get("solved")) and row.status == "succeeded",
            "parent": parent if row.parent_run else None,
        }
        return dict(plain(facts | more))

    @classmethod
    def of(cls, row: RunRow) -> Self:
        """The run as it is shown."""
        return cls(**cls.fields_of(row))


_AMOUNTS = ("cap", "spent", "reserved", "paid", "list")
_SAME = (
    *("id", "task_id", "preset", "status", "priority", "labels", "seed", "created", "started"),
    *("finished", "last_seq", "lifelines", "lifelines_used", "end_reason", "error", "result"),
)


class RunDetail(RunOut):
    """A run with the configuration that was frozen with it."""

    config: dict[str, Any]

    @classmethod
    def fields_of(cls, row: RunRow) -> dict[str, Any]:
        """The row with its configuration."""
        return super().fields_of(row) | {"config": plain(row.config)}


class RunPage(BaseModel):
    """Runs, newest first."""

    items: list[RunOut]
    next: str | None
    """Give it as `cursor` for the page after this one."""


class EventOut(BaseModel):
    """One thing that happened."""

    seq: int
    """Counts from 1 without a gap within a run."""
    ts: str
    run_id: str
    type: str = Field(examples=["step.finished"])
    step: int | None
    attempt: int
    tier: int | None
    node: str
    data: dict[str, Any]

    @classmethod
    def fields_of(cls, event: LoggedEvent) -> dict[str, Any]:
        """The event as a JSON object."""
        return asdict(event)

    @classmethod
    def of(cls, event: LoggedEvent) -> Self:
        """The event as it is shown."""
        return cls(**plain(cls.fields_of(event)))


class EventPage(BaseModel):
    """Events in order."""

    items: list[EventOut]
    last_seq: int
    """The newest event there is."""
    finished: bool
    """No event will follow `last_seq`."""


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
