"""The edges of the graph: every decision has its node, and every node its way on."""

from __future__ import annotations

import pytest
from state_kit import DEFAULT, LIST, PAPER, RETRIEVAL, RUN, at, done, from_expert, reply, unusable

from core.actions import HELP
from core.state import Result, RunState
from graph.routes import after_expert, after_observe, after_planner, after_prepare

ADVICE = Result(observation="do this", failed=False, final=False, executed=False, artifact=None)


@pytest.mark.parametrize(
    ("state", "node"),
    [
        (at(PAPER, unusable()), "planner"),
        (at(PAPER, unusable(), tried=3), "escalate"),
        (at(PAPER, reply(LIST), recent=[done(LIST)] * 3), "escalate"),
        (at(PAPER, reply(HELP, request="?")), "expert"),
        (at(PAPER, reply(RUN)), RUN),
        (at(DEFAULT, unusable(), tier=1), "observe"),
        (at(PAPER, unusable(), tier=1), "observe"),
        (at(PAPER, reply(RUN, bad_input="no JSON"), repairs=1), "observe"),
        (at(PAPER, unusable("over_budget")), "observe"),
    ],
)
def test_R4_R5_R6_R9_R14_where_a_reply_leads(state: RunState, node: str) -> None:
    assert after_planner(state) == node


def test_A9_a_step_of_the_expert_is_carried_out_and_advice_is_observed() -> None:
    step = at(DEFAULT, from_expert(reply(RUN)))
    assert after_expert(step) == RUN
    assert after_expert({**step, "result": ADVICE}) == "observe"


def test_A12_an_unusable_reply_of_the_expert_is_observed() -> None:
    assert after_expert(at(PAPER, from_expert(unusable()))) == "observe"


def test_R16_the_log_is_asked_before_the_planner_where_retrieval_is_on() -> None:
    assert after_prepare(at(PAPER)) == "planner"
    assert after_prepare(at(RETRIEVAL)) == "recall"
    assert after_observe(at(RETRIEVAL, end_reason=None)) == "recall"


def test_R15_an_ended_run_is_graded() -> None:
    assert after_observe(at(RETRIEVAL, end_reason="steps")) == "grade"
    assert after_observe(at(PAPER, end_reason=None)) == "planner"
