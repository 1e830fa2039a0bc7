"""The cascade as pure functions of the state: who plans next, and what a reply leads to.

BudgetMLAgent §3.2–3.3; the rules R1–R15 are tests in tests/test_core_cascade.py by their ids.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any, Literal, NamedTuple

from core.actions import HELP
from core.config import RunConfig
from core.state import Executed, Policy, RunState, Turn

Route = Literal["retry", "escalate", "expert", "act", "unparsed", "fail", "end"]

NO_LIFELINES = "no lifelines are left, so the expert can no longer be asked; choose another action"
NOT_YOURS = "only the base planner may ask the expert in this step; choose another action"
_USES_A_TRY = ("malformed", "truncated", "empty", "broken")
_AWAY = ("transient", "permanent", "no_lifeline", "broken", "overflow")


class Decision(NamedTuple):
    """Where a reply leads, why, and which proposal is carried out."""

    route: Route
    reason: str
    turn: Turn | None = None
    flagged: bool = False
    """True when a repeated action is carried out because nothing better came."""


def policy_of(config: RunConfig) -> Policy:
    """The routers' view of a run configuration."""
    cascade, expert, limits = config.cascade, config.expert, config.limits
    extra = 1 if cascade.tries_count == "after_first" else 0
    return Policy(
        tries=[t.tries + extra for t in config.tiers],
        metered=[t.metered for t in config.tiers],
        expert=expert is not None,
        asked_by=expert.asked_by if expert else "base",
        expert_returns=expert.returns if expert else "step",
        expert_malformed=expert.malformed if expert else "observation",
        help_steps=expert.help_steps if expert else 1,
        window=cascade.repetition_window,
        basis=cascade.repetition_basis,
        repetition_of_failure=cascade.repetition_of_failure,
        last_tier_repetition=cascade.last_tier_repetition,
        without_lifelines=cascade.without_lifelines,
        last_resort=cascade.last_resort,
        failed_in_a_row=cascade.failed_steps_in_a_row,
        spent_help=cascade.spent_help,
        input_repair_tries=cascade.input_repair_tries,
        truncated_reply=cascade.truncated_reply,
        sticky_steps=cascade.sticky_steps,
        max_steps=limits.steps,
        steps_count=limits.steps_count,
        time_s=limits.time_s,
        retrieval=config.memory.retrieval,
        recall_after=config.memory.recall_after,
    )


def most_steps(limit: int) -> int:
    """A17: where uncounted steps are free, a run that does nothing else still ends."""
    return 3 * limit


def action_key(basis: str, action: str, action_input: dict[str, Any]) -> str:
    """A1: what two actions must share to count as the same."""
    if basis == "action":
        return action
    canonical = json.dumps(action_input, sort_keys=True, separators=(",", ":"))
    return f"{action} {hashlib.sha256(canonical.encode()).hexdigest()[:16]}"


def usable(state: RunState, tier: int) -> bool:
    """R8, R11: a tier that is not switched off, and whose lifelines are not spent if metered."""
    policy = state["policy"]
    if tier in state["disabled"]:
        return False
    return not policy["metered"][tier] or state["lifelines_left"] > 0


def next_tier(state: RunState, above: int) -> int | None:
    """The next usable tier above this one, or None (R5)."""
    tiers = range(above + 1, len(state["policy"]["tries"]))
    return next((t for t in tiers if usable(state, t)), None)


def first_tier(state: RunState) -> int | None:
    """R1: where a step starts; None when every tier is out."""
    if state["sticky_left"] > 0 and usable(state, state["sticky_tier"]):
        return state["sticky_tier"]
    return next_tier(state, -1)


def may_ask(state: RunState) -> bool:
    """R9, A13: whether the help action is on offer for the tier that plans now."""
    return state["policy"]["expert"] and is_asker(state) and state["lifelines_left"] > 0


def is_asker(state: RunState) -> bool:
    """A13: whether the tier that plans now is one that may ask for help at all."""
    return state["tier"] == 0 or state["policy"]["asked_by"] == "any_tier"


def is_repetition(policy: Policy, recent: list[Executed], turn: Turn) -> bool:
    """R6: the proposal equals all of the last r executed actions."""
    last = recent[-policy["window"] :] if policy["window"] else []
    if not last or len(last) < policy["window"]:
        return False
    key = action_key(policy["basis"], turn["action"], turn["input"])
    if all(e["key"] == key for e in last):
        return True
    return policy["repetition_of_failure"] and all(
        e["failed"] and e["action"] == turn["action"] and e["observation"] == last[0]["observation"]
        for e in last
    )


def decide(state: RunState) -> Decision:
    """What the last reply leads to; pure, so routers, nodes and Studio agree on it."""
    turn = state.get("turn")
    if turn is None:
        return Decision("end", "models_unavailable")
    if turn["by"] == "expert":
        return _expert_reply(state, turn)
    if turn["kind"] == "over_budget":
        return _over_budget(state, turn)
    if turn["kind"] == "ok" and turn["action"] == HELP:
        return _help(state, turn)
    if turn["kind"] == "ok":
        return _wellformed(state, turn)
    return _unusable(state, turn["kind"], turn["reason"])


def _over_budget(state: RunState, turn: Turn) -> Decision:
    """What is left may still pay for cheaper models: the run ends when even the first cannot."""
    if state["tier"] == first_tier(state):
        return Decision("end", "budget")
    kept = state.get("kept")
    if kept is not None and not kept["input_error"]:
        return Decision("act", "repetition", kept, flagged=True)
    return Decision("fail", turn["reason"])


def _help(state: RunState, turn: Turn) -> Decision:
    """A8: a help action that is not on offer is a failed try, whatever its input."""
    if state.get("result") is not None:  # the expert has given advice (A9), perhaps its last
        return Decision("act", "help", turn)
    if not may_ask(state):
        return _unusable(state, "malformed", _why_not(state))
    if turn["input_error"]:
        return _bad_input(state, turn, turn["input_error"])
    return Decision("expert", "help", turn)


def _why_not(state: RunState) -> str:
    if state["policy"]["spent_help"] == "unknown_action":
        return f"The action {HELP!r} is not offered; choose one of the actions listed."
    return NO_LIFELINES if is_asker(state) else NOT_YOURS


def _expert_reply(state: RunState, turn: Turn) -> Decision:
    """R10, A12: the expert has one try; its step is carried out or the reason is observed."""
    if turn["kind"] == "ok" and not turn["input_error"]:
        return Decision("act", "help", turn)
    if turn["kind"] != "ok" and state["policy"]["expert_malformed"] == "end_run":
        return Decision("end", "no_valid_reply")
    return Decision("unparsed", turn["input_error"] or turn["reason"], turn)


def _wellformed(state: RunState, turn: Turn) -> Decision:
    """R6 before R14: an action that only repeats is not worth repairing."""
    repeated = is_repetition(state["policy"], state["recent"], turn)
    if repeated and next_tier(state, state["tier"]) is not None:
        return Decision("escalate", "repetition", turn)
    if turn["input_error"]:
        return _bad_input(state, turn, turn["input_error"])
    return _repeated_at_the_end(state, turn) if repeated else Decision("act", "", turn)


def _bad_input(state: RunState, turn: Turn, error: str) -> Decision:
    """R14, A16: `repairs` counts this reply too, so that node and router agree on it."""
    if state["repairs"] <= state["policy"]["input_repair_tries"] and usable(state, state["tier"]):
        return Decision("retry", error)
    return Decision("unparsed", error, turn)


def _repeated_at_the_end(state: RunState, turn: Turn) -> Decision:
    """A3, A7: nobody above can be asked about a repeated action."""
    policy = state["policy"]
    last = state["tier"] == len(policy["tries"]) - 1
    rule = policy["last_tier_repetition"] if last else policy["without_lifelines"]
    if rule == "accept":
        return Decision("act", "repetition", turn, flagged=True)
    nothing_kept: RunState = {**state, "kept": None}  # it repeats the action as well
    return _nothing_left(nothing_kept, "the action was proposed again and nobody is left to ask")


def _unusable(state: RunState, kind: str, reason: str) -> Decision:
    """R4, R5: another try at this tier, the next tier, or the last resort."""
    tier = state["tier"]
    if _is_worth_a_try(state, kind) and usable(state, tier):
        return Decision("retry", reason)
    if next_tier(state, tier) is not None:
        why = "unavailable" if kind in _AWAY else "blocked" if kind == "blocked" else "format"
        return Decision("escalate", why)
    return _nothing_left(state, reason)


def _is_worth_a_try(state: RunState, kind: str) -> bool:
    """An overflow gets one more try with a shorter prompt, whatever m is."""
    if kind == "overflow":
        return state["tried"] == 1
    return kind in _USES_A_TRY and state["tried"] < state["policy"]["tries"][state["tier"]]


def _nothing_left(state: RunState, reason: str) -> Decision:
    """A6: keep a repeated but well-formed reply, else a failed step, else the paper's end (R12)."""
    if first_tier(state) is None:
        return Decision("end", "models_unavailable")
    if state["policy"]["last_resort"] == "end_run":
        return Decision("end", "no_valid_reply")
    kept = state.get("kept")
    if kept is not None and not kept["input_error"]:
        return Decision("act", "repetition", kept, flagged=True)
    return Decision("fail", reason)
