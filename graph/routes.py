"""The conditional edges of the `budget` graph: pure functions of the state over core/cascade.py."""

from __future__ import annotations

from typing import Literal

from core.cascade import Decision, decide
from core.state import RunState

_NODES = {"retry": "planner", "escalate": "escalate", "expert": "expert"}


def after_prepare(state: RunState) -> Literal["recall", "planner"]:
    """Retrieval stands before the planner where it is on (R16)."""
    return "recall" if state["policy"]["retrieval"] else "planner"


def after_planner(state: RunState) -> str:
    """Another try, the next tier, the expert, an action, or the end of the step."""
    decision = decide(state)
    return _NODES.get(decision.route) or _action(decision)


def after_expert(state: RunState) -> str:
    """The expert's action, or its advice or refusal as an observation (A9, A12)."""
    return "observe" if state.get("result") is not None else _action(decide(state))


def after_observe(state: RunState) -> Literal["recall", "planner", "grade"]:
    """The next step, or the grade when the run is over (R15)."""
    return "grade" if state["end_reason"] else after_prepare(state)


def _action(decision: Decision) -> str:
    if decision.route == "act" and decision.turn is not None:
        return decision.turn["action"]
    return "observe"
