"""Last node: grade the final files outside the agent's reach and close the run (design §6)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from core.events import Event
from core.offload import off_loop
from core.state import RunState
from nodes.deps import Deps
from nodes.live_grade import grade_snapshot, metric
from tasks.grading import Grade

FAILED = ("no_valid_reply", "models_unavailable", "error")
EARLIER = 3


async def grade(state: RunState, deps: Deps) -> dict[str, Any]:
    """Score the run and write its result with the last event, `run.finished`."""
    await off_loop(deps.log.begin, state["step"])
    reason = state["end_reason"] or "error"
    final, snapshot = await _last_scoring(state, deps, reason)
    data = metric(final, deps.task.spec.metric.name, "final") | {"reason": final.reason}
    await deps.emit(Event("metric", "grade", data=data), Event("run.graded", "grade", data=data))
    result = {
        "grade": asdict(final),
        "snapshot": snapshot,
        "data": deps.data_source,
        "elapsed_s": round(state["elapsed_s"], 3),
        "metric": deps.task.spec.metric.model_dump(),
    }
    status = "failed" if reason in FAILED else "succeeded"
    await off_loop(
        deps.store.runs.finish, deps.fence, status=status, end_reason=reason, result=result
    )
    return {"end_reason": reason}


async def _last_scoring(state: RunState, deps: Deps, reason: str) -> tuple[Grade, str]:
    """The final files; where a limit ended the run, an earlier submission if those hold none."""
    snapshot = state["snapshot"]
    graded = await grade_snapshot(deps, snapshot)
    if graded.score is not None or reason == "final_answer":
        return graded, snapshot
    for earlier in await off_loop(_earlier_submissions, deps, snapshot):
        before = await grade_snapshot(deps, earlier)
        if before.score is not None:
            return before, earlier
    return graded, snapshot


def _earlier_submissions(deps: Deps, final: str) -> list[str]:
    """Snapshots with other submission files than the final one, newest first."""
    files, found = deps.task.spec.submission, []
    seen = {tuple(deps.history.blob_id(final, f) for f in files)}
    for step in reversed(deps.store.steps.span(deps.run_id, 1)):
        if step.snapshot is None:
            continue
        blobs = tuple(deps.history.blob_id(step.snapshot, f) for f in files)
        if all(blobs) and blobs not in seen:
            seen.add(blobs)
            found.append(step.snapshot)
    return found[:EARLIER]
