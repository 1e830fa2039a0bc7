"""What the service says of runs and events, from which the OpenAPI document is made."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Self

from pydantic import BaseModel, Field

from api.plain import plain
from core.events import LoggedEvent
from core.money import usd_text
from store.runrows import RunRow, Status


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
