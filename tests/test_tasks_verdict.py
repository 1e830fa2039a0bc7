"""The success rule R19 at its edges."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest

from tasks.spec import Direction
from tasks.verdict import judge, valid_score


@pytest.mark.parametrize(
    ("score", "baseline", "direction", "improvement", "solved"),
    [
        (0.55, 0.5, "higher", 0.1, False),
        (0.5500001, 0.5, "higher", 0.1000002, True),
        (0.33, 0.3, "higher", 0.1, False),
        (0.9, 1.0, "lower", 0.1, False),
        (2.7, 3.0, "lower", 0.1, False),
        (0.8999999, 1.0, "lower", 0.1000001, True),
        (0.45, 0.5, "higher", -0.1, False),
        (1.2, 1.0, "lower", -0.2, False),
        (0.0, 0.5, "higher", -1.0, False),
        (0.0, 20_000.0, "lower", 1.0, True),
        (20_000.0, Decimal(10**10), "lower", 0.999998, True),
    ],
)
def test_r19_solved_means_strictly_more_than_ten_percent(
    score: float, baseline: float, direction: Direction, improvement: float, solved: bool
) -> None:
    verdict = judge(score, baseline, direction)
    assert verdict.improvement == pytest.approx(improvement, rel=1e-9)
    assert verdict.solved is solved
    assert bool(verdict.reason) is not solved


@pytest.mark.parametrize("score", [None, math.nan, math.inf, -math.inf, -0.1])
def test_r19_no_valid_score_is_never_solved(score: float | None) -> None:
    for direction in ("higher", "lower"):
        verdict = judge(score, 1.0, direction)
        assert (verdict.improvement, verdict.solved) == (None, False)
        assert "no valid score" in verdict.reason


@pytest.mark.parametrize("baseline", [None, 0, 0.0, -1.0, math.nan, math.inf])
def test_r19_without_a_positive_baseline_nothing_can_be_compared(baseline: float | None) -> None:
    verdict = judge(0.9, baseline, "higher")
    assert (verdict.improvement, verdict.solved) == (None, False)
    assert "baseline" in verdict.reason


@pytest.mark.parametrize("value", ["0.9", True, None, [1], {}, math.nan, math.inf, -1, -1e-9])
def test_what_is_no_score(value: Any) -> None:
    assert valid_score(value) is None


@pytest.mark.parametrize("value", [0, 1, 0.5, 10**12])
def test_what_is_a_score(value: float) -> None:
    assert valid_score(value) == value
