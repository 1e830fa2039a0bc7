"""Lifelines: cascade and help draw on one counter, and nothing gets past it (§3.3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from graph_kit import DONE, EXECUTE, HELP_ME, LIST_FILES, MALFORMED, TOP, Cast, Line, Played, play
from state_kit import CHATGPT, DEFAULT, PAPER, with_field

from bench.dialects import Answer
from core.actions import HELP
from core.cascade import NO_LIFELINES

FAILS_THRICE: list[Line] = [MALFORMED, MALFORMED, MALFORMED]
TURNS = [LIST_FILES, EXECUTE]
REFUSED = Answer(status=404, error_text="no such model")


def five_spent(order: str, *then: Line) -> Cast:
    """Five steps that take a lifeline each: `c` by the cascade, `h` by asking for help."""
    base: list[Line] = []
    strong: dict[str, list[Line]] = {"c": [], "h": []}
    for number, kind in enumerate(order):
        base += [HELP_ME] if kind == "h" else FAILS_THRICE
        strong[kind].append(TURNS[number % 2])
    return Cast(base=[*base, *then], top=strong["c"], expert=strong["h"])


def strong_calls(cast: Cast) -> int:
    return len(cast.seen["top"]) + len(cast.seen["expert"])


def spent_exactly_five(played: Played, cast: Cast) -> None:
    assert strong_calls(cast) == 5
    assert (played.row.lifelines, played.row.lifelines_used) == (5, 5)
    assert sum(c.lifeline for c in played.calls) == 5
    assert {c.model for c in played.calls if c.lifeline} == {TOP}


@pytest.mark.parametrize("order", ["hhhcc", "cchhh", "hchch"])
async def test_R8_R9_the_sixth_is_refused_when_it_is_a_request_for_help(
    tmp_path: Path, order: str
) -> None:
    cast = five_spent(order, HELP_ME, DONE)
    played = await play(tmp_path, cast, DEFAULT)
    spent_exactly_five(played, cast)
    assert NO_LIFELINES in cast.prompts("base")[-1]
    assert played.row.end_reason == "final_answer"


@pytest.mark.parametrize("order", ["hhhcc", "cchhh", "hchch"])
async def test_R8_R11_the_sixth_is_refused_when_the_cascade_wants_it(
    tmp_path: Path, order: str
) -> None:
    cast = five_spent(order, *FAILS_THRICE, DONE)
    played = await play(tmp_path, cast, DEFAULT)
    spent_exactly_five(played, cast)
    refused = played.steps[5]
    assert (refused.executed, refused.failed) == (False, True)
    assert refused.observation.startswith("No usable reply was given in this step: ")
    assert played.row.end_reason == "final_answer"


async def test_R9_the_papers_prompt_no_longer_lists_the_action(tmp_path: Path) -> None:
    cast = five_spent("hchch", HELP_ME, DONE)
    played = await play(tmp_path, cast, PAPER)
    spent_exactly_five(played, cast)
    prompts = cast.prompts("base")
    listed = [f"## {HELP}" in prompt for prompt in prompts]
    assert listed == [True] * (len(listed) - 2) + [False] * 2
    assert f"{HELP!r} is not offered" in prompts[-1]


async def test_A8_R9_the_default_keeps_it_listed_and_marks_it_spent_at_the_tail(
    tmp_path: Path,
) -> None:
    cast = five_spent("hhhhh")
    await play(tmp_path, cast, DEFAULT)
    before, after = cast.prompts("base")[4], cast.prompts("base")[5]
    assert f"## {HELP}" in before
    assert f"## {HELP}" in after
    assert before.rstrip().endswith("Lifelines left: 1.")
    assert after.rstrip().endswith("that action is spent.")


async def test_A8_the_explanation_of_a_refusal_is_a_field(tmp_path: Path) -> None:
    config = with_field(DEFAULT, "cascade.spent_help", "unknown_action")
    config = with_field(config, "limits.lifelines", 0)
    cast = Cast(base=[HELP_ME, DONE])
    await play(tmp_path, cast, config)
    assert "is not offered" in cast.prompts("base")[1]
    assert NO_LIFELINES not in cast.prompts("base")[1]


async def test_R9_hiding_the_spent_action_is_a_field(tmp_path: Path) -> None:
    config = with_field(DEFAULT, "cascade.hide_spent_help", True)
    cast = Cast()
    await play(tmp_path, cast, with_field(config, "limits.lifelines", 0))
    assert f"## {HELP}" not in cast.prompts("base")[0]


async def test_R8_a_run_without_lifelines_never_calls_the_strong_model(tmp_path: Path) -> None:
    cast = Cast(base=[*FAILS_THRICE, DONE])
    played = await play(tmp_path, cast, with_field(DEFAULT, "limits.lifelines", 0))
    assert strong_calls(cast) == 0
    assert [s.executed for s in played.steps] == [False, True]


async def test_R8_A20_a_tier_that_is_not_metered_takes_none(tmp_path: Path) -> None:
    cast = Cast(base=FAILS_THRICE, top=[DONE])
    free = await play(tmp_path / "a", cast, CHATGPT)
    assert free.row.lifelines_used == 0
    capped = with_field(CHATGPT, "tiers.1.metered", True)
    played = await play(tmp_path / "b", Cast(base=FAILS_THRICE, top=[DONE]), capped)
    assert played.row.lifelines_used == 1


@pytest.mark.parametrize(("config", "used"), [(PAPER, 1), (DEFAULT, 0)])
async def test_A5_a_refused_request_costs_the_paper_a_lifeline(
    tmp_path: Path, config: object, used: int
) -> None:
    per = PAPER.cascade.lifeline_per if config is PAPER else DEFAULT.cascade.lifeline_per
    reading = with_field(DEFAULT, "cascade.lifeline_per", per)
    cast = Cast(base=[HELP_ME, DONE], expert=[REFUSED])
    played = await play(tmp_path, cast, reading)
    assert played.row.lifelines_used == used
    assert f"Lifelines left: {5 - used}." in cast.prompts("base")[1]


async def test_A5_a_reply_that_may_have_been_billed_keeps_it(tmp_path: Path) -> None:
    cast = Cast(base=[HELP_ME, DONE], expert=[Answer("", finish="length")])
    played = await play(tmp_path, cast, DEFAULT)
    assert played.row.lifelines_used == 1
