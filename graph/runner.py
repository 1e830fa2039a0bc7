"""Runs a stored run to its end: claims it, resumes it from its last whole step, keeps it alive."""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig
from langgraph.types import StateSnapshot

from core.cascade import most_steps
from core.config import RunConfig, RunOptions
from core.errors import RunFailed, WorkspaceLost
from core.offload import off_loop, own_loop
from core.state import RunInput
from graph.budget import Graph, compiled
from graph.owner import claim
from graph.services import Progress, Services, open_deps, silent
from graph.snapshots import snapshots
from graph.sources import OneRun
from graph.supervise import go_back, supervised
from store.checkpoints import FencedSaver, open_saver
from store.fence import Fence
from store.runrows import RunRow
from tasks.files import full_disk

STOPPED = "stopped; resume it with `budgetml resume`"
DRAINED = "the service was stopped; it goes on with this run when it is started again"


async def run_agent(
    services: Services,
    run_id: str,
    owner: str,
    progress: Progress = silent,
    *,
    requeue: bool = False,
) -> RunRow:
    """Start or resume a run and return its row when it has ended or was interrupted.

    The running loop must serve this run alone: short blocking calls are made on it.

    Args:
        requeue: when we are stopped, leave the run queued instead of interrupted.

    Raises:
        RunFailed: another live process owns the run.
        BudgetMLError: it cannot go on for now; it is left interrupted and can be resumed.
        asyncio.CancelledError: we were stopped; the run is left interrupted.
    """
    with own_loop():
        row = await off_loop(services.store.runs.get, run_id)
        fence = await off_loop(claim, services.store.runs, run_id, owner)
        if fence is None:
            return await _not_ours(services, row)
        async with open_saver(services.settings.database) as saver:
            saver.hold(fence)
            work = _drive(services, row, fence, saver, progress)
            stopped = DRAINED if requeue else STOPPED
            await supervised(services.store.runs, fence, work, stopped=stopped, requeue=requeue)
        return await off_loop(services.store.runs.get, run_id)


async def _not_ours(services: Services, row: RunRow) -> RunRow:
    row = await off_loop(services.store.runs.get, row.id)
    if row.finished is not None:
        return row
    raise RunFailed(f"Run {row.id} is being run by {row.owner}; follow it with `budgetml watch`.")


async def _drive(
    services: Services, row: RunRow, fence: Fence, saver: FencedSaver, progress: Progress
) -> None:
    deps = await open_deps(services, row, fence, progress)
    graph = compiled(OneRun(deps), saver)
    config: RunnableConfig = {
        "configurable": {"thread_id": row.id},
        "recursion_limit": recursion_limit(deps.config),
    }
    start: RunInput | None = {"task_id": row.task_id, "run_id": row.id}
    boundary = await last_boundary(graph, config)
    if boundary is None:
        if row.step_count:
            raise WorkspaceLost(_no_state(row))
        await go_back(deps, 0, None)
    else:
        await go_back(deps, boundary.values["step"], boundary.values["snapshot"])
        start, config = None, {**config, **_at(boundary)}
    with full_disk(deps.paths.root):
        await graph.ainvoke(
            start,
            config,
            context=RunOptions(preset=row.preset),
            durability="sync",
            version="v2",
        )


def _no_state(row: RunRow) -> str:
    return (
        f"Run {row.id} has {row.step_count} steps but no state to go on from (a fork that was cut "
        "off, or a damaged database): start a new run, or fork again."
    )


def _at(boundary: StateSnapshot) -> RunnableConfig:
    return {"configurable": boundary.config["configurable"]}


async def last_boundary(graph: Graph, config: RunnableConfig) -> StateSnapshot | None:
    """The first checkpoint of the step in progress: where a resumed run begins again.

    A step is a transaction; its settled calls and its finished action are replayed from the store.
    """
    found: StateSnapshot | None = None
    async for snapshot in snapshots(graph, config):
        step = snapshot.values.get("step")
        if step is None or (found is not None and step != found.values["step"]):
            break
        found = snapshot
    return found


def recursion_limit(config: RunConfig) -> int:
    """Supersteps a run of this configuration can take at most."""
    tries = sum(t.tries + 1 + config.cascade.input_repair_tries for t in config.tiers)
    return (tries + len(config.tiers) + 5) * (most_steps(config.limits.steps) + 1) + 10
