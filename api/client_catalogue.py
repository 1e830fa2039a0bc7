"""What can be asked for, as the client shows it: tasks, presets and models."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Task:
    """A task that can be solved there."""

    id: str
    title: str
    summary: str
    metric: str
    unit: str
    direction: str
    submission: list[str]
    data: str
    """none needed, sample, local or missing."""
    tape: bool
    """It has a recorded run, which the preset `demo` plays."""


@dataclass(frozen=True, slots=True)
class TaskDetail(Task):
    """A task with the statement the agent reads."""

    brief: str


@dataclass(frozen=True, slots=True)
class Preset:
    """A named configuration."""

    name: str
    description: str
    tiers: list[str]
    expert: str | None
    budget_usd: Decimal
    lifelines: int
    steps: int
    retrieval: bool


@dataclass(frozen=True, slots=True)
class Model:
    """A model with its list price in USD per million tokens."""

    model: str
    input_usd: Decimal
    output_usd: Decimal
    usable: bool
    """The server has its library and a key."""
