"""How a run stands after the events told so far."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

DOING = {
    "plan": "planning",
    "expert": "asking the expert",
    "understand": "reading a file",
    "edit": "editing a script",
    "reflect": "reflecting",
    "summarise": "summarising an observation",
    "log": "writing the research log",
    "recall": "reading the research log",
}
"""Purpose of a call -> what goes on while it is made."""
TAIL_LINES = 3


@dataclass(slots=True)
class Standing:
    """What the step lines and the status line show."""

    lifelines: int
    spent_pico: int = 0
    best: float | None = None
    best_gain: float = float("-inf")
    step: int = 0
    doing: str = "starting"
    since: float = field(default_factory=time.monotonic)
    tail: list[str] = field(default_factory=list)
    """The last lines of the script that runs now."""

    def start(self, doing: str) -> None:
        """Something else goes on from now."""
        if doing != self.doing:
            self.doing, self.since, self.tail = doing, time.monotonic(), []

    def scored(self, score: float, gain: float | None) -> None:
        """A submission was measured; the best one counts."""
        if (gain or 0.0) > self.best_gain:
            self.best, self.best_gain = score, gain or 0.0

    def said(self, lines: list[str]) -> None:
        """The running script wrote something."""
        self.tail = [*self.tail, *lines][-TAIL_LINES:]
