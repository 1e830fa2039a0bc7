"""A request to a model, its key in the journal, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from core.money import Usage
from core.state import OutcomeKind

Purpose = Literal[
    "plan", "expert", "understand", "edit", "reflect", "summarise", "log", "recall", "automl"
]
Role = Literal["system", "user", "assistant"]


class CallKey(NamedTuple):
    """Identifies a call within its run; the same key on resume means the same call."""

    step: int
    tier: int
    """Cascade tier, from 0; the expert and workers use the tier their model stands for."""
    try_no: int
    """Try at this tier within the step, from 1; 0 for calls of workers."""
    purpose: Purpose
    ordinal: int = 0
    """Counts calls of one purpose within a step (an understanding in several blocks)."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a prompt."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """Everything a provider needs for one call."""

    key: CallKey
    messages: tuple[Message, ...]
    temperature: float
    max_tokens: int
    stop: tuple[str, ...] = ()
    cache_key: str = ""
    """Stable per run, for providers that route by it."""


@dataclass(frozen=True, slots=True)
class ModelReply:
    """What a provider answered, in one shape for all of them."""

    text: str
    finish: Literal["stop", "length", "blocked", "unknown"] = "stop"
    usage: Usage | None = None
    """None when the provider reported nothing."""
    detail: str = ""
    """The provider's own words for a block or refusal."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a call came to; a call never raises for anything a provider or the budget did."""

    kind: OutcomeKind
    text: str = ""
    reason: str = ""
    """One sentence for a person when the kind is not `ok`; never holds a key."""
    retry_after_s: float | None = None
    meta: dict[str, Any] = field(default_factory=dict)
