"""Runs as records: what is asked for and what is known about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal[
    "queued",
    "running",
    "waiting",
    "cancelling",
    "succeeded",
    "failed",
    "cancelled",
    "interrupted",
]


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be queued."""

    id: str
    task_id: str
    preset: str
    config: dict[str, Any]
    """RunConfig.model_dump(mode="json")."""
    cap_pico: int
    """Hard cap in pico-dollars, on the basis the configuration names."""
    lifelines: int
    labels: dict[str, str] = field(default_factory=dict)
    task_dir: str | None = None
    """Folder of a task that is not built in."""
    priority: int = 0
    seed: int = 0
    parent_run: str | None = None
    """The run this one was forked from."""
    parent_step: int | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run; the row is the source of truth about it. Amounts are pico-dollars."""

    id: str
    task_id: str
    task_dir: str | None
    preset: str
    status: Status
    epoch: int
    """How often it was claimed."""
    owner: str | None
    """The process that works on it; None when nobody does."""
    heartbeat: str | None
    priority: int
    last_seq: int
    cap_pico: int
    spent_pico: int
    """On the basis the cap counts."""
    reserved_pico: int
    """Worst case of the calls in flight."""
    paid_pico: int
    list_pico: int
    top_pico: int
    lifelines: int
    lifelines_used: int
    call_count: int
    """Calls that were sent, void ones not counted."""
    step_count: int
    """Number of the last finished step."""
    seed: int
    created: str
    started: str | None
    finished: str | None
    parent_run: str | None
    parent_step: int | None
    end_reason: str | None
    error: str | None
    config: dict[str, Any]
    labels: dict[str, str]
    result: dict[str, Any] | None
