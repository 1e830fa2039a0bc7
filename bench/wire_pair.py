"""Compares a run on a tape with the same run through real clients, and the bill with the server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from core.money import to_usd
from graph.report import Report
from models.spec import priced_as
from store.callrows import CallRow
from store.steprows import StepRow
from tasks.prepared import Prepared
from tasks.spec import Task

NOISE: Final = 0.05
"""Two timings of one program: their gains over the starter may lie this far apart (fractions)."""
_SECONDS: Final = re.compile(r"\d+(?:\.\d+)? s\b")


@dataclass(frozen=True, slots=True)
class Played:
    """A run that has ended, as the store tells it."""

    report: Report
    steps: Sequence[StepRow]
    calls: Sequence[CallRow]

    @property
    def ledger_usd(self) -> Decimal:
        """What all its calls come to at list prices."""
        return to_usd(sum(line.list_pico for line in self.report.bill))

    def trajectory(self) -> list[tuple[Any, ...]]:
        """Its steps without what differs between two runs of the same programs: times and ids."""
        return [
            (s.step, s.tier, s.action, s.action_input, self._plain(s.observation), s.failed)
            for s in self.steps
        ]

    def ending(self) -> tuple[Any, ...]:
        """How it ended, what was escalated and why, and the lifelines that took."""
        row = self.report.row
        causes = [(e.step, e.reason) for e in self.report.escalations]
        return row.status, row.end_reason, causes, row.lifelines_used

    def _plain(self, text: str) -> str:
        return _SECONDS.sub("? s", text.replace(self.report.row.id, "RUN"))


@dataclass(frozen=True, slots=True)
class Pair:
    """A task's run on the tape, the same run through the clients, and what their server saw."""

    task: Task
    data: Prepared
    tape: Played
    wire: Played
    asked: Sequence[str]
    """provider:name of every HTTP request, in order."""
    server_usd: Decimal
    """The tokens the server reported, at list prices."""

    def bounds(self) -> dict[str, bool]:
        """Each bound and whether it holds."""
        settled = [call for call in self.wire.calls if call.status == "settled"]
        wanted = [priced_as(call.model) for call in self.tape.calls]
        return {
            "same trajectory, step by step": self.tape.trajectory() == self.wire.trajectory(),
            "same end, escalations and lifelines": self.tape.ending() == self.wire.ending(),
            f"both solved, scores equal (a time: gains within {NOISE})": self._same_score(),
            "the same models asked in the same order": list(self.asked) == wanted,
            "one HTTP request a call, all settled": len(self.asked)
            == len(settled)
            == len(self.wire.calls),
            "ledger less server's tokens times price is exactly 0": self.difference_usd == 0,
        }

    @property
    def difference_usd(self) -> Decimal:
        """Our ledger less the server's figures."""
        return self.wire.ledger_usd - self.server_usd

    def other_steps(self) -> list[int]:
        """Numbers of the steps that differ, or that only one run has."""
        mine, theirs = ({s[0]: s for s in p.trajectory()} for p in (self.tape, self.wire))
        return sorted(n for n in mine | theirs if mine.get(n) != theirs.get(n))

    def _same_score(self) -> bool:
        one, two = self.tape.report.summary(), self.wire.report.summary()
        if not (one["solved"] and two["solved"]):
            return False
        if self.task.spec.metric.unit == "s":
            return bool(abs(one["improvement"] - two["improvement"]) <= NOISE)
        return bool(one["score"] == two["score"])

    def figures(self) -> dict[str, Any]:
        """The task's object in the JSON; money as decimal strings, gains as fractions."""
        one, two = self.tape.report.summary(), self.wire.report.summary()
        return {
            "task": self.task.id,
            "data": self.data.source,
            "steps": len(self.wire.steps),
            "other_steps": self.other_steps(),
            "requests": len(self.asked),
            "calls": len(self.wire.calls),
            "escalations": len(self.wire.report.escalations),
            "lifelines": self.wire.report.row.lifelines_used,
            "score_tape": one["score"],
            "score_wire": two["score"],
            "gain_tape": one["improvement"],
            "gain_wire": two["improvement"],
            "ledger_usd": f"{self.wire.ledger_usd:f}",
            "server_usd": f"{self.server_usd:f}",
            "difference_usd": f"{self.difference_usd.normalize():f}",
        }
