"""An action described: what a planner is told, what the parser checks, what the graph shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

HELP = "Request Help from a Planning Expert"
FINAL = "Final Answer"

Kind = Literal["high-level", "low-level", "expert"]


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """One row of the paper's Table 1 (or of MLAgentBench's action list)."""

    name: str
    kind: Kind
    description: str
    usage: dict[str, str]
    """Input key -> what to put there; a reply must give exactly these keys."""
    returns: str
    profile: str = ""
    """System profile of the LLM worker; empty when the action calls no model."""
    integers: tuple[str, ...] = field(default=())
    """Keys whose value is a whole number."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The input keys in the order shown to the model."""
        return tuple(self.usage)
