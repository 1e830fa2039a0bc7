"""Open points of the paper that only a whole run shows: both readings, side by side."""

from __future__ import annotations

from pathlib import Path

import pytest
from graph_kit import BASE, DONE, EXECUTE, LIST_FILES, MALFORMED, Cast, Line, play
from state_kit import DEFAULT, PAPER, READINGS, RETRIEVAL, with_field

from bench.dialects import Answer
from bench.kit import reply

FAILS_THRICE: list[Line] = [MALFORMED, MALFORMED, MALFORMED]
UNREADABLE = LIST_FILES.replace('{"dir_path": "."}', "the current folder")
EDIT = reply(
    "Edit Script (AI)", script_name="train.py", edit_instruction="faster", save_name="train.py"
)
WORKER = "openai:gpt-5-mini"
CODE = "```python\nprint('edited')\n```"
OTHERS = [reply("List Files", dir_path=path) for path in (".", "./", "././", ".//")]


@pytest.mark.parametrize(("preset", "escalations"), [("paper", 1), ("default", 0)])
async def test_A1_one_action_with_four_inputs(
    tmp_path: Path, preset: str, escalations: int
) -> None:
    played = await play(tmp_path, Cast(base=[*OTHERS, DONE], top=[EXECUTE]), READINGS[preset])
    assert played.summary["escalations"]["repetition"] == escalations


@pytest.mark.parametrize(("steps", "tiers"), [(0, [1, 0, 0]), (1, [1, 1, 0])])
async def test_A2_sticky_steps_start_where_the_last_one_ended(
    tmp_path: Path, steps: int, tiers: list[int]
) -> None:
    config = with_field(DEFAULT, "cascade.sticky_steps", steps)
    cast = Cast(base=[*FAILS_THRICE, *[EXECUTE] * (1 - steps)], top=[LIST_FILES, EXECUTE])
    played = await play(tmp_path, cast, config)
    assert [s.tier for s in played.steps] == tiers


@pytest.mark.parametrize("preset", READINGS)
async def test_A3_the_last_tiers_repetition_is_carried_out_and_flagged(
    tmp_path: Path, preset: str
) -> None:
    cast = Cast(base=[LIST_FILES] * 4, top=[LIST_FILES])
    played = await play(tmp_path, cast, READINGS[preset])
    assert played.actions == ["List Files"] * 4 + ["Final Answer"]
    assert "repeated" in played.steps[3].reply_flags


@pytest.mark.parametrize(("preset", "end"), [("paper", "no_valid_reply"), ("default", "steps")])
async def test_A6_the_last_model_fails_too(tmp_path: Path, preset: str, end: str) -> None:
    config = with_field(READINGS[preset], "limits.steps", 1)
    played = await play(tmp_path, Cast(base=FAILS_THRICE, top=[MALFORMED]), config)
    assert played.row.end_reason == end
    assert [s.executed for s in played.steps] == ([] if preset == "paper" else [False])


@pytest.mark.parametrize(("many", "ended_after"), [(1, 1), (2, 2)])
async def test_A6_failed_steps_in_a_row_end_the_run(
    tmp_path: Path, many: int, ended_after: int
) -> None:
    config = with_field(DEFAULT, "cascade.failed_steps_in_a_row", many)
    cast = Cast(base=FAILS_THRICE * 3, top=[MALFORMED] * 3)
    played = await play(tmp_path, cast, config)
    assert (played.row.end_reason, len(played.steps)) == ("no_valid_reply", ended_after)


async def test_A6_the_kept_repetition_is_better_than_a_failed_step(tmp_path: Path) -> None:
    cast = Cast(base=[LIST_FILES] * 4, top=[MALFORMED])
    played = await play(tmp_path, cast, DEFAULT)
    kept = played.steps[3]
    assert (kept.action, kept.executed, kept.model) == ("List Files", True, BASE)
    assert "repeated" in kept.reply_flags


@pytest.mark.parametrize(
    ("profile", "words"), [("planner", "You are a planner"), ("expert", "You are an expert in")]
)
async def test_A14_the_profile_of_an_escalated_planner(
    tmp_path: Path, profile: str, words: str
) -> None:
    config = with_field(PAPER, "cascade.escalated_profile", profile)
    cast = Cast(base=FAILS_THRICE, top=[DONE])
    await play(tmp_path, cast, config)
    assert cast.prompts("top")[0].startswith(words)
    assert cast.prompts("base")[0].startswith("You are a planner")


@pytest.mark.parametrize(("preset", "edited"), [("paper", False), ("default", True)])
async def test_A15_an_edit_without_a_code_block(tmp_path: Path, preset: str, edited: bool) -> None:
    cast = Cast(base=[EDIT], work=["I cannot do that.", CODE])
    played = await play(tmp_path, cast, READINGS[preset])
    assert played.steps[0].failed is not edited
    assert ("edited" in (played.workspace / "train.py").read_text()) is edited


async def test_A15_the_number_of_tries_of_a_worker_is_a_field(tmp_path: Path) -> None:
    cast = Cast(base=[EDIT], work=["no", "no", CODE])
    played = await play(tmp_path, cast, with_field(PAPER, "worker_retry", 2))
    assert not played.steps[0].failed


@pytest.mark.parametrize(
    ("preset", "keys"), [("paper", [(1, 0, 1), (2, 0, 1)]), ("default", [(1, 0, 1), (1, 0, 2)])]
)
async def test_A16_unusable_input_is_observed_or_repaired(
    tmp_path: Path, preset: str, keys: list[tuple[int, int, int]]
) -> None:
    cast = Cast(base=[UNREADABLE, DONE])
    played = await play(tmp_path, cast, READINGS[preset])
    assert played.keys == keys
    assert "Action Input of List Files" in cast.prompts("base")[1]


@pytest.mark.parametrize(("preset", "steps"), [("paper", 3), ("default", 2)])
async def test_A17_what_counts_towards_the_limit(tmp_path: Path, preset: str, steps: int) -> None:
    counting = READINGS[preset].limits.steps_count
    config = with_field(PAPER, "limits.steps_count", counting)
    cast = Cast(base=[UNREADABLE, LIST_FILES, EXECUTE, LIST_FILES])
    played = await play(tmp_path, cast, with_field(config, "limits.steps", 2))
    assert (played.row.end_reason, len(played.steps)) == ("steps", steps)


@pytest.mark.parametrize("sees", [False, True])
async def test_A18_what_an_escalated_planner_knows_of_the_failures(
    tmp_path: Path, sees: bool
) -> None:
    config = with_field(PAPER, "cascade.escalation_sees_error", sees)
    cast = Cast(base=FAILS_THRICE, top=[DONE])
    await play(tmp_path, cast, config)
    assert ("could not be used" in cast.prompts("top")[0]) is sees


@pytest.mark.parametrize(
    ("preset", "roles"), [("paper", ["user"]), ("default", ["system", "user"])]
)
async def test_A21_where_the_profile_stands(tmp_path: Path, preset: str, roles: list[str]) -> None:
    placement = READINGS[preset].system_profile
    cast = Cast()
    await play(tmp_path, cast, with_field(PAPER, "system_profile", placement))
    messages = cast.seen["base"][0].body["messages"]
    assert [m["role"] for m in messages] == roles
    assert messages[0]["content"].startswith("You are a planner")


async def test_A22_a_failed_run_keeps_its_status_and_counts_as_unsolved(tmp_path: Path) -> None:
    cast = Cast(base=[EXECUTE, *FAILS_THRICE], top=[MALFORMED])
    played = await play(tmp_path, cast, PAPER)
    assert played.summary["status"] == "failed"
    assert played.summary["score"] == 2.0
    assert not played.summary["solved"]


async def test_A23_summaries_and_retrieval_are_charged_to_the_base_model(tmp_path: Path) -> None:
    config = with_field(RETRIEVAL, "memory.recall_after", 1)
    config = with_field(config, "memory.observation_limit", 200)
    played = await play(
        tmp_path, Cast(base=[EXECUTE, LIST_FILES]), config, starter="print('long ' * 100)\n"
    )
    own = [c for c in played.calls if c.purpose in {"summarise", "log", "recall"}]
    assert {c.purpose for c in own} == {"summarise", "log", "recall"}
    assert {c.model for c in own} == {BASE}
    assert all(c.list_pico > 0 and not c.lifeline for c in own)


@pytest.mark.parametrize(("who", "model"), [("base", BASE), ("worker", WORKER)])
async def test_A23_bookkeeping_is_done_by_the_model_that_is_named(
    tmp_path: Path, who: str, model: str
) -> None:
    config = with_field(RETRIEVAL, "memory.bookkeeping_model", who)
    config = with_field(config, "worker", {"model": WORKER})
    played = await play(tmp_path, Cast(base=[LIST_FILES]), config)
    assert {c.model for c in played.calls if c.purpose == "log"} == {model}


@pytest.mark.parametrize(("rule", "counts"), [("count", True), ("drop", False)])
async def test_A22_a_failed_run_counts_or_is_dropped(
    tmp_path: Path, rule: str, counts: bool
) -> None:
    config = with_field(PAPER, "failed_runs", rule)
    played = await play(tmp_path, Cast(base=FAILS_THRICE, top=[MALFORMED]), config)
    assert played.row.status == "failed"
    assert played.summary["counts"] is counts


@pytest.mark.parametrize(("preset", "tries"), [("paper", 1), ("default", 2)])
async def test_A24_a_wellformed_reply_that_was_cut(tmp_path: Path, preset: str, tries: int) -> None:
    rule = READINGS[preset].cascade.truncated_reply
    cast = Cast(base=[Answer(DONE, finish="length"), DONE])
    played = await play(tmp_path, cast, with_field(PAPER, "cascade.truncated_reply", rule))
    assert len(played.keys) == tries


@pytest.mark.parametrize(("config", "purposes"), [(PAPER, {"plan"}), (RETRIEVAL, {"plan", "log"})])
async def test_A25_retrieval_is_the_whole_difference_between_two_presets(
    tmp_path: Path, config: object, purposes: set[str]
) -> None:
    reading = RETRIEVAL if config is RETRIEVAL else PAPER
    played = await play(tmp_path, Cast(base=[LIST_FILES]), reading)
    assert {c.purpose for c in played.calls} == purposes
