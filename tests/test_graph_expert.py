"""The Planning Expert: who asks, what it sees, and what becomes of its answer (§3.3)."""

from __future__ import annotations

from pathlib import Path

import pytest
from graph_kit import DONE, EXECUTE, HELP_ME, LIST_FILES, MALFORMED, TOP, Cast, Line, play
from state_kit import DEFAULT, PAPER, READINGS, with_field

from bench.kit import reply
from core.actions import HELP

FAILS_THRICE: list[Line] = [MALFORMED, MALFORMED, MALFORMED]
NO_SUCH_FILE = reply("Execute Script", script_name="nowhere.py")


async def test_R10_the_expert_is_the_strong_model_with_its_own_profile_and_one_try(
    tmp_path: Path,
) -> None:
    cast = Cast(base=[HELP_ME, DONE], expert=[MALFORMED, EXECUTE])
    played = await play(tmp_path, cast)
    (request,) = cast.seen["expert"]
    assert (request.model, request.body["temperature"]) == ("gpt-4-0125-preview", 0.2)
    assert request.prompt.startswith("You are an expert in planning")
    assert "Request Help" not in request.prompt, "it is not offered its own help"
    (call,) = [c for c in played.calls if c.purpose == "expert"]
    assert (call.lifeline, call.list_pico > 0) == (True, True)
    assert played.steps[0].observation.startswith("No usable reply was given in this step")


@pytest.mark.parametrize("preset", READINGS)
async def test_A9_the_experts_step_is_carried_out_in_the_same_step(
    tmp_path: Path, preset: str
) -> None:
    cast = Cast(base=[HELP_ME], expert=[EXECUTE])
    played = await play(tmp_path, cast, READINGS[preset])
    assert played.actions == ["Execute Script", "Final Answer"]
    assert played.steps[0].model == TOP
    assert "expert" in played.steps[0].reply_flags


async def test_A9_or_its_advice_is_observed_also_with_the_last_lifeline(tmp_path: Path) -> None:
    config = with_field(DEFAULT, "expert.returns", "advice")
    config = with_field(config, "limits.lifelines", 1)
    config = with_field(config, "cascade.failed_steps_in_a_row", 1)
    config = with_field(config, "tiers.0.tries", 1)
    cast = Cast(base=[HELP_ME], expert=["Measure the starter first."])
    played = await play(tmp_path, cast, config)
    assert "at most 300 words" in cast.prompts("expert")[0]
    assert "Measure the starter first." in cast.prompts("base")[1]
    assert (played.steps[0].action, played.steps[0].failed) == (HELP, False)
    assert played.row.end_reason == "final_answer"


@pytest.mark.parametrize(("counts", "steps"), [(1, 2), (2, 1)])
async def test_A10_help_counts_as_one_step_with_the_experts_action_or_as_two(
    tmp_path: Path, counts: int, steps: int
) -> None:
    config = with_field(PAPER, "expert.help_steps", counts)
    cast = Cast(base=[HELP_ME, LIST_FILES], expert=[EXECUTE])
    played = await play(tmp_path, cast, with_field(config, "limits.steps", 2))
    assert (played.row.end_reason, len(played.steps)) == ("steps", steps)


@pytest.mark.parametrize(("preset", "more"), [("paper", False), ("default", True)])
async def test_A11_what_the_expert_sees(tmp_path: Path, preset: str, more: bool) -> None:
    reading = READINGS[preset].expert
    assert reading is not None
    config = with_field(DEFAULT, "expert.sees_last_error", reading.sees_last_error)
    cast = Cast(base=[NO_SUCH_FILE, HELP_ME], expert=[DONE])
    await play(tmp_path, cast, config)
    (prompt,) = cast.prompts("expert")
    assert "what now?" in prompt
    assert ("The last action that failed returned:" in prompt) is more
    assert ("Lifelines left after this answer: 4" in prompt) is more


@pytest.mark.parametrize(
    ("rule", "end"), [("observation", "final_answer"), ("end_run", "no_valid_reply")]
)
async def test_A12_an_unusable_answer_of_the_expert(tmp_path: Path, rule: str, end: str) -> None:
    config = with_field(PAPER, "expert.malformed", rule)
    cast = Cast(base=[HELP_ME], expert=[MALFORMED])
    played = await play(tmp_path, cast, config)
    assert played.row.end_reason == end
    assert (played.row.lifelines_used, len(cast.seen["expert"])) == (1, 1)


@pytest.mark.parametrize(("asked_by", "asked"), [("base", 0), ("any_tier", 1)])
async def test_A13_who_may_ask(tmp_path: Path, asked_by: str, asked: int) -> None:
    config = with_field(PAPER, "expert.asked_by", asked_by)
    cast = Cast(base=FAILS_THRICE, top=[HELP_ME], expert=[LIST_FILES])
    await play(tmp_path, cast, config)
    assert len(cast.seen["expert"]) == asked
