"""Which commit of a run's history stands for a step."""

from __future__ import annotations

from core.errors import UnknownName
from nodes.deps import Paths
from store.database import Store
from store.runrows import RunRow
from tasks.history import History, HistoryOptions


def history_of(paths: Paths) -> History:
    """The run's history, for reading. Raises WorkspaceLost."""
    return History.open(paths.history, paths.workspace, HistoryOptions(paths.artifacts))


def snapshot_of(store: Store, row: RunRow, paths: Paths, step: int | None) -> str | None:
    """The commit after a step, 0 for the starter files; None before the run has any.

    Raises UnknownName when the run has not finished that step.
    """
    if step is not None and step > row.step_count:
        raise UnknownName(f"Run {row.id} has finished {row.step_count} steps; choose one of them.")
    after = store.steps.last_snapshot(row.id, step) if step != 0 else None
    return after or _starter(store, row, paths)


def _starter(store: Store, row: RunRow, paths: Paths) -> str | None:
    """A fork stands on the starter files of another run, which may be deleted by now."""
    prepared = store.events.read(row.id, types=("run.prepared",))
    if prepared:
        return str(prepared[-1].data["snapshot"])
    first = store.steps.last_snapshot(row.id, 1)
    return first and (history_of(paths).parent(first) or first)
