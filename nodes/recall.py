"""Retrieval from the research log, once per step, from the fifth planner call on (§3.4, R16)."""

from __future__ import annotations

from typing import Any

from core.calls import CallKey
from core.errors import ActionFailed
from core.offload import off_loop
from core.state import RunState
from nodes.deps import Deps
from nodes.steps import opening
from nodes.workers.base import keep_books
from nodes.workers.research_log import research_log
from prompts import render


async def recall(state: RunState, deps: Deps) -> dict[str, Any]:
    """A summary of the log for the current plan; without one the planner goes on as it is."""
    await opening(state, deps, "recall")
    policy, step = state["policy"], state["step"]
    if not policy["retrieval"] or state["planner_calls"] < policy["recall_after"] or step < 2:
        return {"recalled": ""}
    last = await off_loop(deps.store.steps.span, deps.run_id, step - 1, step - 1)
    plan = last[0].entries.get("Research Plan and Status", "") if last else ""
    log = await off_loop(research_log, deps, step - 1)
    try:
        summary = await keep_books(
            deps, CallKey(step, 0, 0, "recall"), render("recall", log=log, plan=plan)
        )
    except ActionFailed as refusal:
        summary = f"(The log could not be summarised: {refusal})"
    return {"recalled": summary}
