"""First node: the workspace becomes the first snapshot, limits are copied into the state."""

from __future__ import annotations

from typing import Any

from core.cascade import policy_of
from core.events import Event
from core.offload import off_loop
from core.state import RunState
from nodes.deps import Deps
from nodes.steps import fresh_step


async def prepare(state: RunState, deps: Deps) -> dict[str, Any]:
    """Snapshot the starter files and fill the state; safe to run again after a kill."""
    await off_loop(deps.log.begin, 0)
    snapshot = await off_loop(deps.history.snapshot, "starter files", None)
    lifelines = deps.config.limits.lifelines
    files = await off_loop(deps.workspace.listing, ".")
    await deps.emit(
        Event(
            "run.prepared",
            "prepare",
            data={
                "task_id": deps.task.spec.id,
                "files": files,
                "snapshot": snapshot,
                "lifelines": lifelines,
                "sandbox": deps.sandbox.name,
                "unprotected": list(deps.sandbox.unprotected),
            },
        )
    )
    start: dict[str, Any] = {
        "run_id": deps.run_id,
        "policy": policy_of(deps.config),
        "counted": 0,
        "planner_calls": 0,
        "sticky_left": 0,
        "sticky_tier": 0,
        "recent": [],
        "failed_in_row": 0,
        "lifelines_left": lifelines,
        "disabled": [],
        "window_from": 1,
        "snapshot": snapshot,
        "elapsed_s": 0.0,
        "end_reason": None,
    }
    merged: RunState = {**state, **start}  # type: ignore[typeddict-item]  # filled in here
    return {**start, **fresh_step(merged, 1)}
