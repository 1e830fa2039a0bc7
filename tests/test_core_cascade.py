"""The pure rules of the paper (R1–R15 of the specification), each by its id."""

from __future__ import annotations

import pytest
from state_kit import (
    CHATGPT,
    DEFAULT,
    LIST,
    PAPER,
    RUN,
    at,
    done,
    from_expert,
    history,
    reply,
    three_tiers,
    unusable,
    with_field,
)

from core.actions import HELP
from core.cascade import decide, first_tier, is_repetition, may_ask, next_tier, policy_of
from core.state import OutcomeKind

THREE = [done(LIST)] * 3


def test_R1_every_step_starts_at_the_base_even_after_an_escalated_one() -> None:
    assert first_tier(at(PAPER, tier=1)) == 0


def test_R1_a_step_starts_higher_only_when_the_base_is_switched_off() -> None:
    assert first_tier(at(PAPER, disabled=[0])) == 1
    assert first_tier(at(PAPER, disabled=[0, 1])) is None


@pytest.mark.parametrize(("tried", "route"), [(1, "retry"), (2, "retry"), (3, "escalate")])
def test_R4_R5_malformed_replies_use_up_m_tries_then_escalate(tried: int, route: str) -> None:
    decision = decide(at(PAPER, unusable(reason="no Thought"), tried=tried))
    assert decision.route == route
    assert decision.reason == ("no Thought" if route == "retry" else "format")


@pytest.mark.parametrize("kind", ["malformed", "truncated", "empty"])
def test_R4_these_outcomes_use_a_try(kind: OutcomeKind) -> None:
    assert decide(at(PAPER, unusable(kind), tried=2)).route == "retry"
    assert decide(at(PAPER, unusable(kind), tried=3)).reason == "format"


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("blocked", "blocked"),
        ("permanent", "unavailable"),
        ("transient", "unavailable"),
        ("no_lifeline", "unavailable"),
    ],
)
def test_R5_a_refusal_is_not_asked_again_and_goes_up_at_once(
    kind: OutcomeKind, reason: str
) -> None:
    decision = decide(at(PAPER, unusable(kind), tried=1))
    assert (decision.route, decision.reason) == ("escalate", reason)


def test_R5_a_broken_gateway_is_no_format_failure_of_the_model() -> None:
    assert decide(at(PAPER, unusable("broken"), tried=3)).reason == "unavailable"


def test_R4_an_overflow_gets_one_shorter_prompt_whatever_m_is() -> None:
    assert decide(at(PAPER, unusable("overflow"), tier=1)).route == "retry"
    assert decide(at(PAPER, unusable("overflow"), tried=2)).route == "escalate"


@pytest.mark.parametrize(
    ("names", "proposed", "route"),
    [
        ("XXX", "X", "escalate"),
        ("XX", "X", "act"),
        ("XYX", "X", "act"),
        ("XXX", "Y", "act"),
        ("YXXX", "X", "escalate"),
        ("", "X", "act"),
    ],
)
def test_R6_the_examples_of_the_specification(names: str, proposed: str, route: str) -> None:
    recent = history(policy_of(PAPER), *names)
    decision = decide(at(PAPER, reply(proposed), recent=recent))
    assert decision.route == route
    assert decision.reason == ("repetition" if route == "escalate" else "")


@pytest.mark.parametrize(("window", "repeats"), [(0, False), (1, True), (2, True), (4, False)])
def test_R6_the_window_is_r_actions_wide_and_0_switches_the_rule_off(
    window: int, repeats: bool
) -> None:
    policy = policy_of(with_field(PAPER, "cascade.repetition_window", window))
    assert is_repetition(policy, THREE, reply(LIST)) is repeats


def test_R6_is_judged_before_the_action_input_is_read() -> None:
    decision = decide(at(PAPER, reply(LIST, bad_input="no JSON"), recent=THREE))
    assert (decision.route, decision.reason) == ("escalate", "repetition")


def test_R6_a_repeated_action_with_unusable_input_is_never_carried_out() -> None:
    broken = reply(LIST, bad_input="no JSON")
    for state in (
        at(PAPER, broken, recent=THREE, tier=1, repairs=1),
        at(PAPER, broken, recent=THREE, lifelines=0, repairs=1),
        at(DEFAULT, unusable(), tier=1, kept=broken),
    ):
        assert decide(state).route != "act"


def test_R8_R11_a_metered_tier_without_lifelines_drops_out_of_the_cascade() -> None:
    assert next_tier(at(PAPER, lifelines=1), 0) == 1
    assert next_tier(at(PAPER, lifelines=0), 0) is None
    assert next_tier(at(three_tiers(), lifelines=0), 0) == 1
    assert next_tier(at(three_tiers(), lifelines=0), 1) is None


def test_R8_a_retry_of_a_metered_tier_needs_a_lifeline_too() -> None:
    twice = with_field(DEFAULT, "tiers.1.tries", 2)
    assert decide(at(twice, unusable(), tier=1, lifelines=1)).route == "retry"
    assert decide(at(twice, unusable(), tier=1, lifelines=0)).route == "fail"


def test_R8_tiers_that_are_not_metered_need_no_lifelines() -> None:
    assert next_tier(at(CHATGPT, lifelines=0), 0) == 1


@pytest.mark.parametrize(("lifelines", "offered"), [(5, True), (1, True), (0, False)])
def test_R9_help_is_on_offer_while_a_lifeline_is_left(lifelines: int, offered: bool) -> None:
    assert may_ask(at(PAPER, lifelines=lifelines)) is offered
    route = decide(at(PAPER, reply(HELP, request="?"), lifelines=lifelines)).route
    assert (route == "expert") is offered


def test_R9_without_an_expert_there_is_no_help() -> None:
    assert not may_ask(at(CHATGPT))


def test_R9_a_request_that_cannot_be_read_takes_no_lifeline() -> None:
    decision = decide(at(PAPER, reply(HELP, bad_input="no request"), repairs=1))
    assert (decision.route, decision.reason) == ("unparsed", "no request")


def test_R10_the_expert_has_one_try_and_its_step_is_carried_out() -> None:
    step = from_expert(reply(RUN, script_name="train.py"))
    assert decide(at(PAPER, step)) == ("act", "help", step, False)
    for turn in (unusable(), reply(RUN, bad_input="no JSON")):
        assert decide(at(DEFAULT, from_expert(turn))).route == "unparsed"


@pytest.mark.parametrize("kind", ["malformed", "truncated", "empty", "blocked", "transient"])
def test_R12_the_run_ends_when_no_tier_gives_an_acceptable_reply(kind: OutcomeKind) -> None:
    decision = decide(at(PAPER, unusable(kind), tier=1, lifelines=3))
    assert (decision.route, decision.reason) == ("end", "no_valid_reply")


def test_R12_nobody_left_at_all_is_another_end() -> None:
    gone = at(DEFAULT, unusable("permanent"), tier=1, disabled=[0, 1])
    assert decide(gone) == ("end", "models_unavailable", None, False)
    assert decide(at(DEFAULT, None)).reason == "models_unavailable"


@pytest.mark.parametrize("repairs", [1, 2])
def test_R14_unusable_input_is_an_observation_and_no_format_failure(repairs: int) -> None:
    decision = decide(at(PAPER, reply(RUN, bad_input="no JSON"), tried=3, repairs=repairs))
    assert (decision.route, decision.reason) == ("unparsed", "no JSON")


def test_R15_a_first_call_beyond_the_cap_ends_the_run() -> None:
    decision = decide(at(DEFAULT, unusable("over_budget")))
    assert (decision.route, decision.reason) == ("end", "budget")


def test_R15_a_dearer_call_beyond_the_cap_leaves_the_cheap_ones() -> None:
    """What is left may still pay for tier 0, so only this step fails, or its kept reply is used."""
    assert decide(at(DEFAULT, unusable("over_budget"), tier=1)).route == "fail"
    expert = decide(at(DEFAULT, from_expert(unusable("over_budget"))))
    assert expert.route == "unparsed"
