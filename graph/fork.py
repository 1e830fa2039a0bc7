"""A new run that begins where another one stood after a step."""

from __future__ import annotations

import shutil
from pathlib import Path

from langchain_core.runnables import RunnableConfig

from core.cascade import policy_of
from core.config import RunConfig, RunOptions
from core.errors import UnknownName
from core.money import to_pico
from core.offload import off_loop
from core.presets import resolve
from graph.budget import Graph, compiled
from graph.services import Services
from graph.sources import Nobody
from graph.start import check, new_run_id
from nodes.deps import Paths
from store.checkpoints import open_saver
from store.runrows import NewRun, RunRow
from tasks.history import History


async def fork_run(
    services: Services, run_id: str, step: int, options: RunOptions | None = None
) -> RunRow:
    """A queued run with the source's steps 1 to `step`, its files and state, and a bill of its own.

    Args:
        options: another configuration; None keeps the source's.

    Raises:
        UnknownName: no such run, or it has not finished that step.
        BudgetMLError: the new configuration cannot work.
    """
    source = await off_loop(services.store.runs.get, run_id)
    config = RunConfig.model_validate(source.config) if options is None else resolve(options)
    task = await off_loop(services.task, source.task_dir or source.task_id)
    await off_loop(check, services, task, config)
    async with open_saver(services.settings.database) as saver:
        graph = compiled(Nobody(), saver)
        values = await _state_after(graph, source, step)
        row = await off_loop(branch, services, source, step, config)
        fence = await off_loop(services.store.runs.claim, row.id, "fork")
        if fence is None:
            raise UnknownName(f"The new run {row.id} was taken by another process; fork again.")
        saver.hold(fence)
        await off_loop(fill, services, row, str(values["snapshot"]))
        values |= {
            "run_id": row.id,
            "policy": policy_of(config),
            "lifelines_left": config.limits.lifelines,
            "disabled": [],
            "end_reason": None,
        }
        await graph.aupdate_state(_thread(row.id), values, as_node="observe")
        await off_loop(services.store.runs.release, fence, reason=f"forked from {source.id}")
    return await off_loop(services.store.runs.get, row.id)


def _thread(run_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": run_id}}


async def _state_after(graph: Graph, source: RunRow, step: int) -> dict[str, object]:
    """The state with which step + 1 began."""
    found: dict[str, object] | None = None
    async for snapshot in graph.aget_state_history(_thread(source.id)):
        if snapshot.values.get("step") == step + 1:
            found = dict(snapshot.values)
        elif found is not None:
            break
    if found is None or step < 1:
        raise UnknownName(
            f"Run {source.id} has not finished step {step}; it has {source.step_count} steps, "
            f"`budgetml show {source.id}` lists them."
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
    new.workspace.mkdir(parents=True)
    History.open(old.history, old.workspace).clone_to(new.history)
    History.open(new.history, new.workspace).restore(snapshot)
    if old.artifacts.is_dir():
        shutil.copytree(old.artifacts, new.artifacts)
    services.store.steps.fork(source, row.id, step)
    Path(new.root / "created").touch()
