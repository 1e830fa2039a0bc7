"""Where nodes get their `Deps`: handed over by the runner, or made on first use under Studio."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from collections.abc import Callable

from core.config import RunOptions
from core.errors import RunFailed, UnknownName
from core.offload import off_loop
from core.state import RunState
from graph.services import Services, open_deps
from graph.start import create_run, new_run_id
from nodes.deps import Deps
from store.runrows import RunRow

BEAT_S = 5.0


def new_owner() -> str:
    """Names this process as the owner of runs."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


class OneRun:
    """The runner's source: one run, whose `Deps` are there already."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def deps(self, state: RunState, options: RunOptions | None) -> Deps:
        """The run's `Deps`."""
        return self._deps


class Nobody:
    """The source of a graph that is only drawn, or whose state is only read."""

    async def deps(self, state: RunState, options: RunOptions | None) -> Deps:
        """Never there.

        Raises:
            RunFailed: always.
        """
        raise RunFailed("This graph was compiled to be looked at; run it with graph.runner.")


class OnDemand:
    """Studio's source: opens services on first use, and creates, claims and keeps runs alive."""

    def __init__(self, opened: Callable[[], Services]) -> None:
        self._opened = opened
        self._services: Services | None = None
        self._runs: dict[str, Deps] = {}
        self._beats: dict[str, asyncio.Task[None]] = {}
        self._lock = asyncio.Lock()

    async def deps(self, state: RunState, options: RunOptions | None) -> Deps:
        """The run's `Deps`; a state without a run id starts a new run.

        Raises:
            BudgetMLError: the run cannot be created or belongs to another process.
        """
        async with self._lock:
            run_id = state.get("run_id") or new_run_id()
            if run_id not in self._runs:
                self._runs[run_id] = await self._open(run_id, state, options or RunOptions())
            return self._runs[run_id]

    async def _open(self, run_id: str, state: RunState, options: RunOptions) -> Deps:
        if self._services is None:
            self._services = await off_loop(self._opened)
        services = self._services
        row = await off_loop(_find_or_create, services, run_id, state["task_id"], options)
        fence = await off_loop(services.store.runs.claim, row.id, new_owner())
        if fence is None:
            raise RunFailed(
                f"Run {row.id} has ended or belongs to another process; start a new one."
            )
        deps = await open_deps(services, row, fence)
        self._beats[run_id] = asyncio.create_task(self._beat(services, run_id, deps))
        return deps

    async def _beat(self, services: Services, run_id: str, deps: Deps) -> None:
        """Keep the run ours until it has ended."""
        alive = {"running", "waiting"}
        while await off_loop(services.store.runs.beat, deps.fence) in alive:  # noqa: ASYNC110 - a beat
            await asyncio.sleep(BEAT_S)
        self._runs.pop(run_id, None)
        self._beats.pop(run_id, None)


def _find_or_create(services: Services, run_id: str, task: str, options: RunOptions) -> RunRow:
    try:
        return services.store.runs.get(run_id)
    except UnknownName:
        return create_run(services, task, options, run_id=run_id)
