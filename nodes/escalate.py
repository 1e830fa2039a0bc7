"""The cascade's step up: the next usable tier plans this step (§3.2, R5, R6)."""

from __future__ import annotations

from typing import Any

from core.cascade import decide, next_tier
from core.events import Event
from core.state import RunState
from nodes.deps import Deps


async def escalate(state: RunState, deps: Deps) -> dict[str, Any]:
    """Move to the next usable tier, with a fresh prompt unless A18 says otherwise."""
    decision, tier = decide(state), state["tier"]
    to = next_tier(state, tier)
    if to is None:
        raise AssertionError("the router escalates only when a usable tier is left")
    turn = state.get("turn")
    detail = turn["reason"] if turn and turn["reason"] else (turn["action"] if turn else "")
    await deps.emit(
        Event(
            "escalation",
            "escalate",
            to,
            {"reason": decision.reason, "from": tier, "to": to, "detail": detail},
        )
    )
    sees = deps.config.cascade.escalation_sees_error and decision.reason == "format"
    update: dict[str, Any] = {"tier": to, "tried": 0, "repairs": 0}
    update["feedback"] = detail if sees else ""
    if state["policy"]["sticky_steps"]:
        update |= {"sticky_tier": to, "sticky_left": state["policy"]["sticky_steps"] + 1}
    return update
