"""What the service answers, as records: dollars are Decimal, and unknown new fields are ignored."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any


@dataclass(frozen=True, slots=True)
class Parent:
    """Where a fork began."""

    run_id: str
    step: int


@dataclass(frozen=True, slots=True)
class Run:
    """How a run stands."""

    id: str
    task_id: str
    preset: str
    status: str
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
    cap_usd: Decimal
    spent_usd: Decimal
    """On the basis the cap counts."""
    reserved_usd: Decimal
    """Worst case of the calls in flight."""
    paid_usd: Decimal
    list_usd: Decimal
    top_tier_usd: Decimal
    """What the same tokens would have cost at the top tier."""
    lifelines: int
    lifelines_used: int
    end_reason: str | None
    error: str | None
    result: dict[str, Any] | None
    parent: Parent | None


@dataclass(frozen=True, slots=True)
class RunDetail(Run):
    """A run with the configuration that was frozen with it."""

    config: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
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


@dataclass(frozen=True, slots=True)
class StepDetail(Step):
    """A step with its whole observation."""

    observation: str


@dataclass(frozen=True, slots=True)
class Call:
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
    worst_usd: Decimal
    cost_usd: Decimal
    paid_usd: Decimal
    list_usd: Decimal
    top_usd: Decimal
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


@dataclass(frozen=True, slots=True)
class BillLine:
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
    cost_usd: Decimal
    paid_usd: Decimal
    list_usd: Decimal
    top_usd: Decimal
    seconds: float


@dataclass(frozen=True, slots=True)
class Escalation:
    """One step up, or one request for help."""

    step: int
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a run achieved, what it cost and what each escalation was for."""

    summary: dict[str, Any]
    bill: list[BillLine]
    escalations: list[Escalation]


@dataclass(frozen=True, slots=True)
class Graph:
    """The graph with the route the run took."""

    mermaid: str
    visits: dict[str, int]


@dataclass(frozen=True, slots=True)
class File:
    """One file of a snapshot."""

    path: str
    kind: str
    """file, large or link."""
    size: int | None


@dataclass(frozen=True, slots=True)
class Files:
    """The files after a step."""

    snapshot: str | None
    """None before the run has begun."""
    items: list[File]


@dataclass(frozen=True, slots=True)
class Change:
    """One file that a step changed."""

    change: str
    """A, M or D."""
    path: str


@dataclass(frozen=True, slots=True)
class Diff:
    """What a step changed."""

    step: int
    before: str | None
    after: str | None
    items: list[Change]
    patch: str
    truncated: bool
