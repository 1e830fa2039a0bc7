"""The retry loop: what is repeated, how often, and after which pauses."""

from __future__ import annotations

import random

import pytest
from models_kit import request

from core.calls import ModelRequest, Outcome
from core.state import OutcomeKind
from models.retrying import Retrying


class Line:
    """A caller with these outcomes in turn, the last one for ever."""

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes = outcomes
        self.asked = 0

    async def __call__(self, request: ModelRequest) -> Outcome:
        self.asked += 1
        return self._outcomes[min(self.asked, len(self._outcomes)) - 1]


class Clock:
    """Sleeps without waiting, and remembers for how long."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.slept.append(seconds)


def busy(retry_after_s: float | None = None) -> Outcome:
    return Outcome("transient", reason="busy", retry_after_s=retry_after_s)


@pytest.mark.parametrize(
    ("kind", "asked"),
    [
        ("ok", 1),
        ("truncated", 1),
        ("blocked", 1),
        ("empty", 1),
        ("permanent", 1),
        ("overflow", 1),
        ("over_budget", 1),
        ("no_lifeline", 1),
        ("broken", 2),
        ("transient", 4),
    ],
)
async def test_only_transient_and_broken_outcomes_are_repeated(
    kind: OutcomeKind, asked: int
) -> None:
    line, clock = Line(Outcome(kind)), Clock()
    assert (await Retrying(line, sleep=clock)(request())).kind == kind
    assert line.asked == asked
    assert len(clock.slept) == asked - 1


async def test_a_success_ends_the_loop() -> None:
    line = Line(busy(), busy(), Outcome("ok", "here"))
    assert (await Retrying(line, sleep=Clock())(request())).text == "here"
    assert line.asked == 3


async def test_a_broken_reply_after_transient_failures_is_not_asked_for_again() -> None:
    line = Line(busy(), busy(), Outcome("broken"))
    assert (await Retrying(line, sleep=Clock())(request())).kind == "broken"
    assert line.asked == 3


async def test_running_out_of_budget_between_attempts_ends_the_loop() -> None:
    line = Line(busy(), Outcome("over_budget"))
    assert (await Retrying(line, sleep=Clock())(request())).kind == "over_budget"


async def test_pauses_double_and_are_spread_over_their_whole_length() -> None:
    first: list[float] = []
    third: list[float] = []
    for seed in range(200):
        clock = Clock()
        await Retrying(Line(busy()), sleep=clock, rng=random.Random(seed))(request())
        first.append(clock.slept[0])
        third.append(clock.slept[2])
    assert 0 <= min(first) < 0.1
    assert 0.9 < max(first) <= 1
    assert 0 <= min(third) < 0.4
    assert 3.6 < max(third) <= 4


async def test_the_provider_s_wish_is_honoured_up_to_a_minute() -> None:
    clock = Clock()
    await Retrying(Line(busy(7), busy(600), Outcome("ok")), sleep=clock)(request())
    assert clock.slept == [7, 60]
