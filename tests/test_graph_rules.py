"""The paper's rules as a whole run shows them: real graph, store, clients, sandbox and grader."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from graph_kit import DONE, EXECUTE, LIST_FILES, MALFORMED, TOP, Cast, play
from state_kit import CHATGPT, PAPER, RETRIEVAL, with_field

from bench.dialects import Answer
from bench.kit import reply

NO_FACT_CHECK = EXECUTE.replace("Fact Check: nothing to check\n", "")
UNREADABLE = LIST_FILES.replace('{"dir_path": "."}', "the current folder")
UNDERSTAND = reply("Understand File", file_name="train.py", things_to_look_for="what it writes")
FAILS_THRICE = [MALFORMED, MALFORMED, MALFORMED]


async def test_R1_the_step_after_an_escalated_one_starts_at_the_base(tmp_path: Path) -> None:
    played = await play(tmp_path, Cast(base=[*FAILS_THRICE, DONE], top=[LIST_FILES]))
    assert played.keys == [(1, 0, 1), (1, 0, 2), (1, 0, 3), (1, 1, 1), (2, 0, 1)]
    assert [s.tier for s in played.steps] == [1, 0]


async def test_R3_the_paper_wants_all_six_entries_and_the_default_forgives(tmp_path: Path) -> None:
    strict = await play(tmp_path / "a", Cast(base=[NO_FACT_CHECK]), PAPER)
    assert strict.actions == ["Final Answer"]
    tolerant = with_field(PAPER, "cascade.reply_rule", "default")
    played = await play(tmp_path / "b", Cast(base=[NO_FACT_CHECK]), tolerant)
    assert played.actions == ["Execute Script", "Final Answer"]


async def test_R4_a_retry_is_another_billed_call_and_says_what_was_wrong(tmp_path: Path) -> None:
    cast = Cast(base=[NO_FACT_CHECK, DONE])
    played = await play(tmp_path, cast)
    assert played.keys == [(1, 0, 1), (1, 0, 2)]
    first, second = cast.prompts("base")
    assert "could not be used" not in first
    assert second.startswith(first.rstrip())
    assert "some of the four prose entries have no label" in second


async def test_R4_a_step_makes_m_calls_at_most_at_each_tier(tmp_path: Path) -> None:
    twice = with_field(PAPER, "tiers.0.tries", 2)
    cast = Cast(base=[MALFORMED, MALFORMED], top=[DONE])
    assert (await play(tmp_path, cast, twice)).keys == [(1, 0, 1), (1, 0, 2), (1, 1, 1)]


async def test_R4_an_overflow_is_tried_again_with_the_last_step_only(tmp_path: Path) -> None:
    overflow = Answer(status=400, error_code="context_length_exceeded")
    cast = Cast(base=[LIST_FILES, EXECUTE, overflow, DONE])
    played = await play(tmp_path, cast)
    assert [(c.step, c.try_no, c.status) for c in played.calls if c.step == 3] == [
        (3, 1, "void"),
        (3, 2, "settled"),
    ]
    whole, trimmed = cast.prompts("base")[2:4]
    assert "## Step 1" in whole
    assert "## Step 1" not in trimmed
    assert "## Step 2" in trimmed


async def test_R5_format_failures_escalate(tmp_path: Path) -> None:
    played = await play(tmp_path, Cast(base=FAILS_THRICE, top=[DONE]))
    (event,) = played.of_type("escalation")
    assert (event.data["reason"], event.data["from"], event.data["to"]) == ("format", 0, 1)
    assert played.summary["escalations"]["format"] == 1
    assert played.steps[0].model == TOP


async def test_R6_a_repeated_action_escalates_and_is_not_carried_out(tmp_path: Path) -> None:
    cast = Cast(base=[LIST_FILES] * 4, top=[EXECUTE])
    played = await play(tmp_path, cast)
    assert played.actions == ["List Files"] * 3 + ["Execute Script", "Final Answer"]
    assert played.summary["escalations"]["repetition"] == 1
    assert played.keys[3:5] == [(4, 0, 1), (4, 1, 1)]


async def test_R7_a_rejected_reply_is_charged_but_never_carried_out(tmp_path: Path) -> None:
    played = await play(tmp_path, Cast(base=[NO_FACT_CHECK, DONE]))
    rejected = played.calls[0]
    assert rejected.status == "settled"
    assert rejected.list_pico > 0
    assert played.actions == ["Final Answer"]
    assert not (played.workspace / "answer.txt").exists()


async def test_R12_the_paper_ends_the_run_when_the_last_model_fails_too(tmp_path: Path) -> None:
    played = await play(tmp_path, Cast(base=FAILS_THRICE, top=[MALFORMED]))
    assert (played.row.status, played.row.end_reason) == ("failed", "no_valid_reply")
    assert played.steps == []


async def test_R13_R18_workers_ask_the_base_model_at_the_low_temperature(tmp_path: Path) -> None:
    cast = Cast(base=[UNDERSTAND], work=["It writes answer.txt."])
    played = await play(tmp_path, cast)
    (request,) = cast.seen["work"]
    assert (request.model, request.body["temperature"]) == ("gpt-3.5-turbo", 0.01)
    assert "expert in understanding files" in request.prompt
    assert played.steps[0].observation == "It writes answer.txt."
    assert played.row.lifelines_used == 0


async def test_R13_a_worker_that_fails_is_an_observation_and_never_escalates(
    tmp_path: Path,
) -> None:
    cast = Cast(base=[UNDERSTAND], work=[""])
    played = await play(tmp_path, cast)
    assert played.steps[0].failed
    assert "no usable reply" in played.steps[0].observation
    assert played.summary["escalations"] == dict.fromkeys(played.summary["escalations"], 0)


async def test_R13_the_model_of_the_workers_can_be_named(tmp_path: Path) -> None:
    config = with_field(PAPER, "worker", {"model": "openai:gpt-5-mini"})
    cast = Cast(base=[UNDERSTAND])
    played = await play(tmp_path, cast, config)
    assert [c.model for c in played.calls if c.purpose == "understand"] == ["openai:gpt-5-mini"]


async def test_R14_unusable_input_is_observed_and_nothing_is_run(tmp_path: Path) -> None:
    cast = Cast(base=[UNREADABLE])
    played = await play(tmp_path, cast)
    assert played.keys == [(1, 0, 1), (2, 0, 1)]
    assert not played.steps[0].executed
    assert played.steps[0].observation.startswith("ActionInputParsingError: ")
    assert "ActionInputParsingError: " in cast.prompts("base")[1]


async def test_R16_with_retrieval_every_step_is_logged_and_the_log_asked_later(
    tmp_path: Path,
) -> None:
    plan = [LIST_FILES, EXECUTE] * 3
    cast = Cast(base=plan, work=[f"note {n}" for n in range(20)])
    played = await play(tmp_path, cast, RETRIEVAL)
    logged = [c.step for c in played.calls if c.purpose == "log"]
    asked = [c.step for c in played.calls if c.purpose == "recall"]
    assert logged == [1, 2, 3, 4, 5, 6, 7]
    assert asked == [5, 6, 7], "from the fifth planner call on"
    assert "What the research log says" not in cast.prompts("base")[3]
    assert "What the research log says\nnote 4" in cast.prompts("base")[4]


async def test_R16_the_first_retrieval_can_be_earlier(tmp_path: Path) -> None:
    config = with_field(RETRIEVAL, "memory.recall_after", 1)
    played = await play(tmp_path, Cast(base=[LIST_FILES, EXECUTE]), config)
    assert [c.step for c in played.calls if c.purpose == "recall"] == [2, 3]


async def test_R16_without_retrieval_there_are_no_such_calls_and_no_reflection(
    tmp_path: Path,
) -> None:
    cast = Cast(base=[LIST_FILES, EXECUTE] * 3)
    played = await play(tmp_path, cast, PAPER)
    assert {c.purpose for c in played.calls} == {"plan"}
    assert "## Reflection" not in cast.prompts("base")[0]


async def test_R17_both_bills_are_the_servers_tokens_times_the_price(tmp_path: Path) -> None:
    cast = Cast(base=[*FAILS_THRICE, UNDERSTAND], top=[LIST_FILES])
    played = await play(tmp_path, cast)
    tokens = played.server.tokens_by_model
    base, top = tokens["gpt-3.5-turbo"], tokens["gpt-4-0125-preview"]
    strong = (10 * top.input + 30 * top.output) / Decimal(10**6)
    cheap = (Decimal("0.5") * base.input + Decimal("1.5") * base.output) / Decimal(10**6)
    assert Decimal(played.summary["cost_usd"]) == strong, "the base is on a free tier"
    assert Decimal(played.summary["cost_list_usd"]) == strong + cheap


@pytest.mark.parametrize(("field", "value"), [("plan_temperature", 0.7), ("plan_temperature", 0.2)])
async def test_R18_every_planner_and_the_expert_have_the_planning_temperature(
    tmp_path: Path, field: str, value: float
) -> None:
    cast = Cast(base=[*FAILS_THRICE, DONE], top=[LIST_FILES])
    await play(tmp_path, cast, with_field(PAPER, field, value))
    sent = {r.body["temperature"] for role in ("base", "top") for r in cast.seen[role]}
    assert sent == {value}


async def test_R18_the_temperature_of_internal_calls_is_a_field(tmp_path: Path) -> None:
    cast = Cast(base=[UNDERSTAND])
    played = await play(tmp_path, cast, with_field(CHATGPT, "work_temperature", 0.3))
    assert [r.body["temperature"] for r in played.server.requests] == [0.2, 0.3, 0.2]
