"""Scores a changed submission during the run, for followers only: the agent never sees it."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from core.events import Event
from core.offload import off_loop
from core.state import RunState
from nodes.deps import Deps
from tasks.grading import Grade


async def live_grade(state: RunState, deps: Deps) -> list[Event]:
    """A `metric` event when this step changed the submission and the task can be scored quickly."""
    spec, result = deps.task.spec, state["result"]
    if not deps.config.grade_live or not spec.live_grading or result is None:
        return []
    before = await off_loop(deps.store.steps.span, deps.run_id, state["step"] - 1, None)
    earlier = before[0].snapshot if before and before[0].step < state["step"] else None
    if not await off_loop(submission_changed, deps, earlier, state["snapshot"]):
        return []
    grade = await grade_snapshot(deps, state["snapshot"])
    if grade.score is None:
        return []
    return [Event("metric", "observe", data=metric(grade, spec.metric.name, "live"))]


def metric(grade: Grade, name: str, when: str) -> dict[str, object]:
    """The data of a `metric` event."""
    return {
        "name": name,
        "score": grade.score,
        "baseline": grade.baseline,
        "improvement": grade.improvement,
        "solved": grade.solved,
        "when": when,
    }


def submission_changed(deps: Deps, before: str | None, after: str) -> bool:
    """Whether a submission exists and differs from the earlier snapshot's."""
    files = deps.task.spec.submission
    now = [deps.history.blob_id(after, f) for f in files]
    if before is None:
        return all(now)
    return all(now) and now != [deps.history.blob_id(before, f) for f in files]


def _own_folder(root: Path) -> Path:
    """A fresh folder; what a killed grading left behind goes first."""
    for left in root.glob("grade-*"):
        shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix="grade-", dir=root))


async def grade_snapshot(deps: Deps, snapshot: str) -> Grade:
    """Grade the files of a snapshot in a folder of their own, out of the agent's reach."""
    folder = await off_loop(_own_folder, deps.paths.root)
    try:
        data = (deps.workspace.data,) if deps.workspace.data else ()
        await off_loop(deps.history.checkout, snapshot, folder / "submission", data)
        return await deps.grade(folder / "submission")
    finally:
        await off_loop(shutil.rmtree, folder, ignore_errors=True)
