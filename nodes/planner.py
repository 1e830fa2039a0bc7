"""The planner: one try of one tier at the next step (§3.1, R4, R7, R18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from core.calls import CallKey, ModelRequest, Outcome
from core.cascade import decide
from core.events import Event
from core.reply import Reply
from core.state import RunState, Turn
from nodes.deps import Deps
from nodes.prompting import accepted_names, planner_parts, profile, request, tail
from nodes.reply import parse_reply
from nodes.steps import opening, window


async def planner(state: RunState, deps: Deps) -> dict[str, Any]:
    """Call the model of the current tier once and read its reply; never raises after payment."""
    await opening(state, deps, "planner")
    tier, tried = state["tier"], state["tried"] + 1
    prompt = await planner_request(state, deps, CallKey(state["step"], tier, tried, "plan"))
    outcome = await deps.tiers[tier](prompt)
    turn = read_turn(outcome, state, deps, accepted_names(state, deps))
    update: dict[str, Any] = {
        "tried": tried,
        "planner_calls": state["planner_calls"] + 1,
        "turn": turn,
        "repairs": state["repairs"] + (1 if turn["input_error"] else 0),
    }
    if state["policy"]["metered"][tier]:
        update["lifelines_left"] = await deps.lifelines_left()
    if outcome.kind == "permanent":
        update["disabled"] = [*state["disabled"], tier]
    after = _consequences({**state, **update}, turn)  # type: ignore[typeddict-item]  # same keys
    if "feedback" in after:
        said = {"level": "retry", "message": after["feedback"]}
        deps.log.stage(Event("log", "planner", tier, said))
    return update | after


def _consequences(state: RunState, turn: Turn) -> dict[str, Any]:
    """What the decision about this reply changes for the next try."""
    decision = decide(state)
    if decision.route == "retry":
        return {
            "feedback": decision.reason,
            "trimmed": state["trimmed"] or turn["kind"] == "overflow",
        }
    if decision.route == "escalate" and decision.reason == "repetition":
        return {"kept": turn}
    return {}


async def planner_request(state: RunState, deps: Deps, key: CallKey) -> ModelRequest:
    """The planner's prompt for this try (A14: profile of an escalated tier)."""
    steps = await window(state, deps)
    escalated = state["tier"] > 0 and deps.config.cascade.escalated_profile == "expert"
    return request(
        deps,
        key,
        [*planner_parts(state, deps, steps), tail(state, deps, first=not steps)],
        system=profile(deps, "expert" if escalated else "planner"),
        max_tokens=deps.config.tiers[state["tier"]].max_tokens,
        plan=True,
    )


def read_turn(
    outcome: Outcome, state: RunState, deps: Deps, names: Mapping[str, tuple[str, ...]]
) -> Turn:
    """The reply as typed data (R3, R14); A24 says what a truncated one is worth."""
    tier = state["tier"]
    turn = Turn(
        kind=outcome.kind,
        reason=outcome.reason,
        tier=tier,
        action="",
        input={},
        input_error=None,
        by="planner",
        model=deps.config.tiers[tier].model,
        entries={},
        recovered=[],
    )
    cut = outcome.kind == "truncated" and state["policy"]["truncated_reply"] != "retry"
    if outcome.kind != "ok" and not cut:
        return turn
    reply = parse_reply(outcome.text, names, rule=deps.config.cascade.reply_rule)
    if not isinstance(reply, Reply):
        return {**turn, "kind": "malformed", "reason": reply.reason}
    return {
        **turn,
        "kind": "ok",
        "action": reply.action,
        "input": reply.action_input,
        "input_error": reply.input_error,
        "entries": dict(reply.entries),
        "recovered": list(reply.recovered),
    }
