"""Steps as records: one accepted planner decision and the observation of its action."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class ActedStep:
    """A step whose action was done and whose observation nobody has summarised yet."""

    step: int
    attempt: int
    """Which execution of the step, from 1, as the event log counts."""
    tier: int
    model: str
    action: str
    action_input: dict[str, Any]
    observation: str
    """The whole text."""
    failed: bool
    executed: bool
    """False when the reply could not be used and nothing was run."""
    final: bool
    seconds: float
    """Wall time of the action."""
    entries: dict[str, str] = field(default_factory=dict)
    """The prose entries of the reply: reflection, plan, thought …"""
    reply_flags: list[str] = field(default_factory=list)
    """What the parser recovered, and `flagged` for a repetition let through."""
    artifact: str | None = None
    """Path below the run's artifacts, when the observation was cut."""
    snapshot: str | None = None
    """Commit of the workspace after the action."""


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step as stored."""

    run_id: str
    step: int
    attempt: int
    status: Literal["acted", "finished"]
    tier: int
    model: str
    action: str
    action_input: dict[str, Any]
    entries: dict[str, str]
    reply_flags: list[str]
    failed: bool
    executed: bool
    final: bool
    counted: bool | None
    """Whether it counts towards the step limit; None until finished."""
    artifact: str | None
    snapshot: str | None
    seconds: float
    acted_at: str
    finished_at: str | None
    log_summary: str | None
    """Its line in the research log."""
    shown: str | None
    """The observation as the planner sees it."""
    observation: str
