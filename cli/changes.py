"""What a step changed in the workspace, from the run's history."""

from __future__ import annotations

from cli.home import settings
from store.database import Store
from store.steprows import StepRow
from tasks.history import History


def diff_of(store: Store, run_id: str, step: StepRow) -> str:
    """Unified diff between the snapshots before and after a step.

    Raises:
        WorkspaceLost: the run's history is gone.
    """
    before = _before(store, run_id, step.step)
    if step.snapshot is None or before is None or before == step.snapshot:
        return ""
    root = settings().runs_dir / run_id
    return History.open(root / "history.git", root / "workspace").diff(before, step.snapshot)


def _before(store: Store, run_id: str, number: int) -> str | None:
    if number > 1:
        earlier = store.steps.span(run_id, number - 1, number - 1)
        return earlier[0].snapshot if earlier else None
    prepared = store.events.read(run_id, types=("run.prepared",))
    return str(prepared[-1].data["snapshot"]) if prepared else _of_parent(store, run_id)


def _of_parent(store: Store, run_id: str) -> str | None:
    """A fork's first step stands on the starter files of the run it came from."""
    parent = store.runs.get(run_id).parent_run
    return _before(store, parent, 1) if parent else None
