"""The success rule: better than the baseline by strictly more than 10 % (paper R19)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tasks.spec import Direction

THRESHOLD = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a score is worth beside a baseline."""

    improvement: float | None
    """Fraction of the baseline, positive is better; None when it cannot be computed."""
    solved: bool
    reason: str
    """Why it is not solved; empty when it is."""


def valid_score(value: Any) -> float | None:
    """The value as a score: a finite number of at least 0, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not math.isfinite(value) or value < 0:
        return None
    return float(value)


def judge(score: float | None, baseline: float | Decimal | None, direction: Direction) -> Verdict:
    """Compare in decimal, so that an improvement of exactly 10 % is not rounded over the line."""
    if score is None or valid_score(score) is None:
        return Verdict(None, False, "there is no valid score")
    if baseline is None or not math.isfinite(baseline) or baseline <= 0:
        return Verdict(None, False, "there is no positive baseline to compare with")
    base = Decimal(str(baseline))
    gain = Decimal(str(score)) - base
    improvement = (gain if direction == "higher" else -gain) / base
    if improvement > THRESHOLD:
        return Verdict(float(improvement), True, "")
    percent = f"{improvement * 100:+.1f} %"
    reason = f"{percent} against the baseline; solved means strictly more than +10 %"
    return Verdict(float(improvement), False, reason)
