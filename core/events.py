"""What a run tells the world: one append-only log for CLI, REST, pages, reports and benchmarks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

EVENT_TYPES = (
    "run.created",
    "run.started",
    "run.resumed",
    "run.prepared",
    "run.graded",
    "run.finished",
    "step.started",
    "step.finished",
    "step.rolled_back",
    "call.started",
    "call.finished",
    "call.failed",
    "escalation",
    "lifeline",
    "cost",
    "metric",
    "log",
    "artifact",
    "interrupt",
)
"""Every type there is; `run.finished` is always the last event of a run."""

RUN_LEVEL = -1
"""The step of events that belong to no step (created, resumed, finished); shown as null."""


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened, before the store gives it a sequence number."""

    type: str
    node: str = ""
    """The graph node that says so; empty for the service itself."""
    tier: int | None = None
    """The cascade tier concerned, 0 is the cheapest."""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LoggedEvent:
    """An event as stored: `seq` counts from 1 without a gap within a run."""

    seq: int
    ts: str
    """UTC, ISO 8601."""
    run_id: str
    type: str
    step: int | None
    attempt: int
    """1 for the first execution of the step, 2 after one roll-back …"""
    tier: int | None
    node: str
    data: dict[str, Any]
