"""A new run that begins where another one stood after a step."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, cast

from langchain_core.runnables import RunnableConfig

from core.cascade import first_tier, policy_of
from core.config import RunConfig, RunOptions
from core.errors import BudgetMLError, UnknownName
from core.money import to_pico
from core.offload import off_loop
from core.presets import resolve
from core.state import RunState
from graph.budget import Graph, compiled
from graph.services import Services
from graph.snapshots import snapshots
from graph.sources import Nobody
from graph.start import check, new_run_id
from nodes.deps import Paths
from store.checkpoints import open_saver
from store.fence import Fence
from store.runrows import NewRun, RunRow
from tasks.files import full_disk
from tasks.history import History, HistoryOptions


async def fork_run(
    services: Services, run_id: str, step: int, options: RunOptions | RunConfig | None = None
) -> RunRow:
    """A run to be resumed, with the source's steps 1 to `step`, its files and a bill of its own.

    Args:
        options: another configuration; None keeps the source's.

    Raises:
        UnknownName: no such run, or it has not finished that step.
        BudgetMLError: the new configuration cannot work, or the files could not be copied; a run
            that was begun is then marked as failed.
    """
    source = await off_loop(services.store.runs.get, run_id)
    config = kept = RunConfig.model_validate(source.config)
    if options is not None:  # its files link to the data they were made with
        chosen = options if isinstance(options, RunConfig) else resolve(options)
        config = chosen.model_copy(update={"data_version": kept.data_version})
    task = await off_loop(services.task, source.task_dir or source.task_id)
    await off_loop(check, services, task, config, source.id)
    async with open_saver(services.settings.database) as saver:
        graph = compiled(Nobody(), saver)
        values = await _state_after(graph, source, step)
        row = await off_loop(branch, services, source, step, config)
        fence = await off_loop(services.store.runs.claim, row.id, "fork")
        if fence is None:
            raise UnknownName(f"The new run {row.id} was taken by another process; fork again.")
        saver.hold(fence)
        try:
            await off_loop(fill, services, row, str(values["snapshot"]))
            state = _under(config, {**values, "run_id": row.id})
            await graph.aupdate_state(_thread(row.id), state, as_node="observe")
        except (BudgetMLError, OSError) as error:
            await off_loop(_give_up, services, fence, str(error))
            raise
        await off_loop(services.store.runs.release, fence, reason=f"forked from {source.id}")
    return await off_loop(services.store.runs.get, row.id)


def _under(config: RunConfig, values: dict[str, Any]) -> dict[str, Any]:
    """The state as the configuration's own: its rules, tiers and lifelines, nothing spent."""
    values = {
        **values,
        "policy": policy_of(config),
        "lifelines_left": config.limits.lifelines,
        "disabled": [],
        "end_reason": None,
    }
    if values["sticky_tier"] >= len(config.tiers):
        values |= {"sticky_tier": 0, "sticky_left": 0}
    tier = first_tier(cast(RunState, values))
    return values | {"tier": 0 if tier is None else tier}


def _give_up(services: Services, fence: Fence, reason: str) -> None:
    """A fork without its files must not be resumed as if it were a run from the start."""
    services.store.runs.finish(
        fence, status="failed", end_reason="error", result={}, error=f"The fork failed: {reason}"
    )


def _thread(run_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": run_id}}


async def _state_after(graph: Graph, source: RunRow, step: int) -> dict[str, Any]:
    """The state with which step + 1 began."""
    found: dict[str, Any] | None = None
    async for snapshot in snapshots(graph, _thread(source.id)):
        if snapshot.values.get("step") == step + 1:
            found = dict(snapshot.values)
        elif found is not None:
            break
    if found is None or step < 1:
        raise UnknownName(
            f"Run {source.id} has no state after step {step}; it has finished {source.step_count} "
            f"steps. `budgetml show {source.id}` lists them; resume the run first to have more."
        )
    return found


def branch(services: Services, source: RunRow, step: int, config: RunConfig) -> RunRow:
    """A queued run that is to begin after the source's step; claim it, then `fill` it."""
    return services.store.runs.create(
        NewRun(
            id=new_run_id(),
            task_id=source.task_id,
            task_dir=source.task_dir,
            preset=config.preset,
            config=config.model_dump(mode="json"),
            cap_pico=to_pico(config.limits.budget_usd),
            lifelines=config.limits.lifelines,
            labels=dict(source.labels),
            seed=config.seed,
            parent_run=source.id,
            parent_step=step,
        )
    )


def fill(services: Services, row: RunRow, snapshot: str) -> None:
    """Give a branch its source's steps and history, and the workspace of the snapshot.

    Raises UnknownName when the source has not finished that many steps.
    """
    source, step = str(row.parent_run), int(row.parent_step or 0)
    old, new = (Paths(services.settings.runs_dir / r) for r in (source, row.id))
    with full_disk(new.root):
        new.workspace.mkdir(parents=True)
        _history(old).clone_to(new.history, new.artifacts)
        _history(new).restore(snapshot)
        services.store.steps.fork(source, row.id, step)
        outputs = [s.artifact for s in services.store.steps.span(row.id, 1) if s.artifact]
        new.artifacts.mkdir(exist_ok=True)
        for output in outputs:
            shutil.copy2(old.artifacts / output, new.artifacts / output)
        Path(new.root / "created").touch()


def _history(paths: Paths) -> History:
    return History.open(paths.history, paths.workspace, HistoryOptions(paths.artifacts))
