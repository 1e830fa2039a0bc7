"""Runs without a runner: under LangGraph's own server the first node that comes opens its run."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, TypeVar

from langgraph.runtime import Runtime

from core.config import RunConfig, RunOptions
from core.errors import BadRequest, BudgetMLError, RunFailed
from core.offload import off_loop
from core.state import RunState
from graph.budget import Node, Update
from graph.fork import branch, fill
from graph.owner import claim, new_owner
from graph.services import Services, open_deps
from graph.start import create_run
from graph.supervise import cancel, go_back, supervised
from nodes.deps import Deps
from nodes.grade import grade
from nodes.prepare import prepare
from nodes.steps import opening
from store.fence import Fence
from store.runrows import RunRow
from store.runs import Runs

T = TypeVar("T")
STOPPED = "stopped; run its thread again in Studio to go on"


@dataclass(frozen=True, slots=True)
class Held:
    """A run of this process between two of its nodes."""

    deps: Deps
    left: dict[str, Any]
    """The state its last node left; any other one has been edited, or belongs to a fork."""


class OnDemand:
    """Studio's source: creates, claims and re-opens runs as their nodes are asked for.

    A run goes on only from the state its last node left. A state that was edited, or that
    outlived a restart, is claimed anew: the step in flight is rolled back and the workspace put
    back to the state's snapshot. A state the run has left behind becomes a run of its own.
    """

    def __init__(self, opened: Callable[[], Services]) -> None:
        self._opened = opened
        self._services: Services | None = None
        self._lock = asyncio.Lock()
        self._owner = new_owner()
        self._held: dict[str, Held] = {}

    async def run(self, node: Node, state: RunState, runtime: Runtime[RunOptions]) -> Update:
        """The node's update.

        Raises:
            RuntimeError: with the text of a BudgetMLError; LangGraph's server hides that of
                exceptions it does not know.
        """
        try:
            return await self._run(node, state, runtime.context or RunOptions())
        except (BudgetMLError, OSError) as error:
            raise RuntimeError(f"{type(error).__name__}: {error}") from error

    async def _run(self, node: Node, state: RunState, options: RunOptions) -> Update:
        if node is prepare and "policy" in state:
            raise RunFailed(
                f"Run {state['run_id']} has begun on this thread. Run the thread without input to "
                "go on with it, or start a new thread for another run."
            )
        services = await self._shared()
        held = self._held.pop(state.get("run_id", ""), None)
        if held is not None and held.left == state:
            deps = held.deps
        else:
            deps = await self._open(services, state, options)
        own = _own(state, deps)
        there: RunState = {**state, **own}  # type: ignore[typeddict-item]  # same keys
        update = await self._kept(services, deps.fence, node(there, deps))
        if node is not grade:
            self._held[deps.run_id] = Held(deps, {**there, **update})
        return own | update

    async def _shared(self) -> Services:
        async with self._lock:
            if self._services is None:
                self._services = await off_loop(self._opened)
            return self._services

    async def _open(self, services: Services, state: RunState, options: RunOptions) -> Deps:
        row = await off_loop(_row, services, state, options)
        fence = await off_loop(claim, services.store.runs, row.id, self._owner)
        if fence is None:
            raise RunFailed(await off_loop(_why_not, services, row.id))
        return await self._kept(services, fence, _reopened(services, row, fence, state))

    async def _kept(self, services: Services, fence: Fence, work: Coroutine[Any, Any, T]) -> T:
        runs = services.store.runs
        done = await supervised(runs, fence, _unless_cancelled(runs, fence, work), stopped=STOPPED)
        if done is None:
            raise RunFailed(f"Run {fence.run_id} was cancelled; start a new thread.")
        return done


async def _unless_cancelled(runs: Runs, fence: Fence, work: Coroutine[Any, Any, T]) -> T | None:
    """The work's result; None when a cancel came between two nodes, which may both be short."""
    try:
        if await off_loop(runs.beat, fence) == "cancelling":
            await cancel(runs, fence)
            return None
        return await work
    finally:
        work.close()


def _row(services: Services, state: RunState, options: RunOptions) -> RunRow:
    """The state's run, a new one for a state without a run, or a fork of one that is further."""
    if "run_id" not in state:
        if not state.get("task_id"):
            raise BadRequest("The input has no task_id; `budgetml tasks` lists the tasks.")
        return create_run(services, state["task_id"], options)
    row = services.store.runs.get(state["run_id"])
    if "policy" not in state or state["step"] > row.step_count:
        return row
    if state["result"] is not None and state["result"]["executed"]:
        raise RunFailed(
            f"Run {row.id} has finished step {state['step']}, and this state stands between its "
            "action and its observation. Fork from before the action, or after the step."
        )
    return branch(services, row, state["step"] - 1, RunConfig.model_validate(row.config))


def _why_not(services: Services, run_id: str) -> str:
    row = services.store.runs.get(run_id)
    if row.finished is not None:
        return f"Run {run_id} has ended ({row.status}); start a new thread."
    return (
        f"Run {run_id} is being run by {row.owner}. Stop that first; if it has died, "
        "try again in half a minute."
    )


async def _reopened(services: Services, row: RunRow, fence: Fence, state: RunState) -> Deps:
    """The surroundings of a run just claimed, as the state says they were."""
    snapshot = state.get("snapshot")
    if snapshot is not None and row.id != state["run_id"]:
        await off_loop(fill, services, row, snapshot)
    deps = await open_deps(services, row, fence)
    await go_back(deps, state.get("step", 0), snapshot)
    if snapshot is not None and not state["end_reason"]:
        await opening(state, deps, "resume")
    return deps


def _own(state: RunState, deps: Deps) -> Update:
    """What a state must say to belong to the run; a fork has a bill and lifelines of its own."""
    if state.get("run_id") == deps.run_id:
        return {}
    own: Update = {"run_id": deps.run_id}
    if "policy" in state:
        own |= {"lifelines_left": deps.config.limits.lifelines, "disabled": []}
    return own
