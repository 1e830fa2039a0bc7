"""From every reachable state a step ends, within its tries and its lifelines."""

from __future__ import annotations

from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from state_kit import DEFAULT, LIST, PAPER, RUN, at, done, from_expert, reply, unusable

from core.actions import HELP
from core.cascade import decide, first_tier, next_tier
from core.config import RunConfig, TierConfig
from core.state import OutcomeKind, RunState, Turn
from graph.routes import after_planner

KINDS = [k for k in get_args(OutcomeKind) if k not in {"ok", "over_budget"}]

tiers = st.lists(
    st.builds(TierConfig, model=st.just("local:m"), tries=st.integers(1, 4), metered=st.booleans()),
    min_size=1,
    max_size=4,
)


@st.composite
def configs(draw: st.DrawFn) -> RunConfig:
    """A preset's reading with any cascade of up to four tiers and any last resort."""
    base = draw(st.sampled_from([PAPER, DEFAULT]))
    changes = {
        "repetition_basis": draw(st.sampled_from(["action", "action_and_input"])),
        "last_resort": draw(st.sampled_from(["failed_step", "end_run"])),
        "last_tier_repetition": draw(st.sampled_from(["accept", "fail"])),
        "without_lifelines": draw(st.sampled_from(["accept", "fail"])),
        "tries_count": draw(st.sampled_from(["total", "after_first"])),
        "input_repair_tries": draw(st.integers(0, 3)),
    }
    cascade = base.cascade.model_copy(update=changes)
    return base.model_copy(update={"tiers": tuple(draw(tiers)), "cascade": cascade})


@st.composite
def replies(draw: st.DrawFn) -> Turn:
    """Anything a planner call can come to, but the end of the budget."""
    if draw(st.booleans()):
        return unusable(draw(st.sampled_from(KINDS)))
    bad = draw(st.sampled_from([None, None, "no JSON"]))
    return reply(draw(st.sampled_from([LIST, RUN, HELP])), bad_input=bad)


def after_call(state: RunState, turn: Turn) -> RunState:
    """What the planner node leaves: a try and perhaps a lifeline used, a dead tier switched off."""
    tier = state["tier"]
    metered = state["policy"]["metered"][tier]
    used = int(metered and turn["kind"] != "no_lifeline")
    dead = [tier] if turn["kind"] == "permanent" else []
    return {
        **state,
        "turn": turn,
        "tried": state["tried"] + 1,
        "repairs": state["repairs"] + int(bool(turn["input_error"])),
        "lifelines_left": state["lifelines_left"] - used,
        "disabled": [*state["disabled"], *dead],
    }


def escalated(state: RunState) -> RunState:
    """What the escalate node leaves."""
    tier, kept = next_tier(state, state["tier"]), state["kept"]
    assert tier is not None, "escalated to nobody"
    assert tier > state["tier"], "the tier fell"
    if decide(state).reason == "repetition":
        kept = state["turn"]
    return {**state, "tier": tier, "tried": 0, "kept": kept}


@settings(max_examples=400, deadline=None)
@given(configs(), st.integers(0, 5), st.integers(0, 3), st.data())
def test_R4_R8_R11_a_step_ends_within_its_tries_and_its_lifelines(
    config: RunConfig, lifelines: int, repeated: int, data: st.DataObject
) -> None:
    basis = config.cascade.repetition_basis
    state = at(config, tried=0, lifelines=lifelines, recent=[done(LIST, basis=basis)] * repeated)
    start = first_tier(state)
    if start is None:
        return
    state = {**state, "tier": start}
    policy, calls = state["policy"], 0
    while True:
        assert state["lifelines_left"] > 0 or not policy["metered"][state["tier"]]
        state, calls = after_call(state, data.draw(replies())), calls + 1
        decision = decide(state)
        if decision.route == "escalate":
            state = escalated(state)
        elif decision.route != "retry":
            break
    overflows = len(policy["tries"])
    assert calls <= sum(policy["tries"]) + policy["input_repair_tries"] + overflows
    assert state["lifelines_left"] >= 0
    check_end(state)


def check_end(state: RunState) -> None:
    """However the step ended, nothing unusable is carried out and nobody unpaid is asked."""
    decision = decide(state)
    if decision.route == "act":
        turn = decision.turn
        assert turn is not None
        assert (turn["kind"], turn["input_error"]) == ("ok", None)
        assert turn["action"] != HELP
        assert after_planner(state) == turn["action"]
    elif decision.route == "expert":
        assert state["lifelines_left"] > 0
        answered: RunState = {**state, "turn": from_expert(unusable())}
        assert decide(answered).route in {"unparsed", "end"}
    else:
        assert after_planner(state) == "observe"
