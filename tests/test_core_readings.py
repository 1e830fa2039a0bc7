"""The open points (A1–A24) that the pure rules settle: the paper's reading beside ours."""

from __future__ import annotations

import pytest
from state_kit import (
    CHATGPT,
    DEFAULT,
    LIST,
    PAPER,
    READINGS,
    RUN,
    at,
    done,
    from_expert,
    reply,
    unusable,
    with_field,
)

from core.actions import HELP
from core.cascade import NO_LIFELINES, NOT_YOURS, decide, first_tier, is_repetition, policy_of
from core.state import Executed, Result

FOUR_FILES = [f"{n}.csv" for n in range(4)]
AGAIN = reply(LIST, dir_path=".")


def repeated(preset: str) -> list[Executed]:
    """Three equal executed actions, the same as AGAIN."""
    basis = READINGS[preset].cascade.repetition_basis
    return [done(LIST, basis=basis, dir_path=".")] * 3


@pytest.mark.parametrize(("preset", "alike"), [("paper", True), ("default", False)])
def test_A1_the_same_action_with_other_inputs(preset: str, alike: bool) -> None:
    policy = policy_of(READINGS[preset])
    recent = [done("Read File", basis=policy["basis"], file_name=name) for name in FOUR_FILES[:3]]
    assert is_repetition(policy, recent, reply("Read File", file_name=FOUR_FILES[3])) is alike


def test_A1_equal_inputs_are_alike_in_any_order_of_keys() -> None:
    policy = policy_of(with_field(PAPER, "cascade.repetition_basis", "action_and_input"))
    recent = [done("Copy File", basis=policy["basis"], source="a", destination="b")] * 3
    assert is_repetition(policy, recent, reply("Copy File", destination="b", source="a"))
    assert not is_repetition(policy, recent, reply("Copy File", destination="a", source="b"))


@pytest.mark.parametrize(("on", "alike"), [(True, True), (False, False)])
def test_A1_other_inputs_with_one_and_the_same_failure(on: bool, alike: bool) -> None:
    policy = policy_of(with_field(DEFAULT, "cascade.repetition_of_failure", on))
    failing = [done(RUN, failed=True, saw="E", basis=policy["basis"], n=n) for n in range(3)]
    assert is_repetition(policy, failing, reply(RUN, n=9)) is alike
    other = [*failing[:2], done(RUN, failed=True, saw="F", basis=policy["basis"], n=2)]
    assert not is_repetition(policy, other, reply(RUN, n=9))
    assert not is_repetition(policy, failing, reply(LIST, n=9))


@pytest.mark.parametrize("preset", READINGS)
def test_A2_escalation_lasts_one_step_in_both_readings(preset: str) -> None:
    assert READINGS[preset].cascade.sticky_steps == 0
    assert first_tier(at(READINGS[preset], tier=1)) == 0


def test_A2_sticky_steps_start_escalated_while_the_tier_is_usable() -> None:
    sticky = with_field(DEFAULT, "cascade.sticky_steps", 2)
    assert first_tier(at(sticky, sticky_left=1, sticky_tier=1)) == 1
    assert first_tier(at(sticky, sticky_left=1, sticky_tier=1, lifelines=0)) == 0


@pytest.mark.parametrize("preset", READINGS)
def test_A3_a_repeated_action_of_the_last_tier_is_accepted_and_flagged(preset: str) -> None:
    decision = decide(at(READINGS[preset], AGAIN, tier=1, recent=repeated(preset)))
    assert decision == ("act", "repetition", AGAIN, True)


def test_A3_or_fails_the_step_together_with_the_kept_repetition() -> None:
    strict = with_field(DEFAULT, "cascade.last_tier_repetition", "fail")
    state = at(strict, AGAIN, tier=1, recent=repeated("default"), kept=AGAIN)
    assert decide(state).route == "fail"


@pytest.mark.parametrize(("count", "last_try"), [("total", 3), ("after_first", 4)])
def test_A4_m_counts_tries_or_retries(count: str, last_try: int) -> None:
    config = with_field(PAPER, "cascade.tries_count", count)
    assert decide(at(config, unusable(), tried=last_try - 1)).route == "retry"
    assert decide(at(config, unusable(), tried=last_try)).route == "escalate"


@pytest.mark.parametrize("preset", READINGS)
def test_A4_both_readings_count_tries(preset: str) -> None:
    assert policy_of(READINGS[preset])["tries"] == [3, 1]


@pytest.mark.parametrize(
    ("preset", "route", "reason"),
    [("paper", "end", "no_valid_reply"), ("default", "fail", "no Thought")],
)
def test_A6_the_last_tier_fails_too(preset: str, route: str, reason: str) -> None:
    decision = decide(at(READINGS[preset], unusable(), tier=1))
    assert (decision.route, decision.reason) == (route, reason)


@pytest.mark.parametrize(("preset", "kept_is_used"), [("paper", False), ("default", True)])
def test_A6_a_repeated_reply_of_the_base_is_kept_for_that_case(
    preset: str, kept_is_used: bool
) -> None:
    decision = decide(at(READINGS[preset], unusable(), tier=1, kept=AGAIN))
    assert (decision.turn == AGAIN and decision.flagged) is kept_is_used


@pytest.mark.parametrize(("rule", "route"), [("failed_step", "fail"), ("end_run", "end")])
def test_A6_the_last_resort_is_a_field_of_its_own(rule: str, route: str) -> None:
    config = with_field(DEFAULT, "cascade.last_resort", rule)
    assert decide(at(config, unusable(), tier=1)).route == route


@pytest.mark.parametrize(("preset", "route"), [("paper", "end"), ("default", "fail")])
def test_A7_format_failure_without_lifelines(preset: str, route: str) -> None:
    assert decide(at(READINGS[preset], unusable(), tried=3, lifelines=0)).route == route


@pytest.mark.parametrize("preset", READINGS)
def test_A7_repetition_without_lifelines_is_accepted_and_flagged(preset: str) -> None:
    state = at(READINGS[preset], AGAIN, lifelines=0, recent=repeated(preset))
    assert decide(state) == ("act", "repetition", AGAIN, True)


def test_A7_or_is_a_failed_step() -> None:
    config = with_field(DEFAULT, "cascade.without_lifelines", "fail")
    state = at(config, AGAIN, lifelines=0, recent=repeated("default"))
    assert decide(state).route == "fail"


def test_A8_using_the_spent_help_action_is_a_failed_try_that_says_so() -> None:
    spent = reply(HELP, request="?")
    assert decide(at(DEFAULT, spent, lifelines=0)) == ("retry", NO_LIFELINES, None, False)
    assert decide(at(DEFAULT, spent, lifelines=0, tried=3)).route == "fail"


@pytest.mark.parametrize(("rule", "route"), [("observation", "unparsed"), ("end_run", "end")])
def test_A12_an_unusable_reply_of_the_expert(rule: str, route: str) -> None:
    config = with_field(PAPER, "expert.malformed", rule)
    assert decide(at(config, from_expert(unusable()))).route == route


@pytest.mark.parametrize("preset", READINGS)
def test_A12_both_readings_make_it_an_observation(preset: str) -> None:
    decision = decide(at(READINGS[preset], from_expert(unusable(reason="no Action"))))
    assert (decision.route, decision.reason) == ("unparsed", "no Action")


@pytest.mark.parametrize(("asked_by", "route"), [("base", "retry"), ("any_tier", "expert")])
def test_A13_who_may_ask(asked_by: str, route: str) -> None:
    twice = with_field(DEFAULT, "tiers.1.tries", 2)
    config = with_field(twice, "expert.asked_by", asked_by)
    decision = decide(at(config, reply(HELP, request="?"), tier=1))
    assert decision.route == route
    assert decision.reason == (NOT_YOURS if route == "retry" else "help")


@pytest.mark.parametrize(("preset", "route"), [("paper", "unparsed"), ("default", "retry")])
def test_A16_unusable_input_is_repaired_once_or_never(preset: str, route: str) -> None:
    config, turn = READINGS[preset], reply(RUN, bad_input="no JSON")
    assert decide(at(config, turn, repairs=1)).route == route
    assert decide(at(config, turn, repairs=2)).route == "unparsed"


@pytest.mark.parametrize(("tries", "route"), [(0, "unparsed"), (2, "retry")])
def test_A16_the_number_of_repairs_is_a_field(tries: int, route: str) -> None:
    config = with_field(DEFAULT, "cascade.input_repair_tries", tries)
    assert decide(at(config, reply(RUN, bad_input="no JSON"), repairs=2)).route == route


def test_A16_a_repair_at_a_metered_tier_needs_a_lifeline() -> None:
    turn = reply(RUN, bad_input="no JSON")
    assert decide(at(DEFAULT, turn, tier=1, repairs=1)).route == "retry"
    assert decide(at(DEFAULT, turn, tier=1, repairs=1, lifelines=0)).route == "unparsed"


def test_A20_only_metered_tiers_take_lifelines() -> None:
    assert policy_of(CHATGPT)["metered"] == [False, False]
    assert policy_of(PAPER)["metered"] == [False, True]
    capped = with_field(CHATGPT, "tiers.1.metered", True)
    assert decide(at(capped, unusable(), tried=3, lifelines=0)).route == "end"
    assert decide(at(CHATGPT, unusable(), tried=3, lifelines=0)).route == "escalate"


def test_A9_advice_that_was_given_counts_also_when_it_was_the_last() -> None:
    advice = Result(observation="a", failed=False, final=False, executed=False, artifact=None)
    asked = reply(HELP, request="?")
    assert decide(at(DEFAULT, asked, lifelines=0, result=advice)).turn == asked


def test_A8_the_paper_knows_no_such_action() -> None:
    decision = decide(at(PAPER, reply(HELP, request="?"), lifelines=0))
    assert decision.route == "retry"
    assert "is not offered" in decision.reason
