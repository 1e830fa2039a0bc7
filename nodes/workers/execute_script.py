"""Execute Script: run a Python script of the workspace in the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from core.actions import ActionSpec
from core.errors import ActionFailed
from core.events import Event
from core.offload import off_loop
from nodes.deps import Deps
from nodes.workers.base import Action, Done, Worker
from sandbox.base import Execution, Limits, Program

LIVE_CHARS = 50_000
LIVE_EVERY_S = 0.5

SPEC = ActionSpec(
    name="Execute Script",
    kind="low-level",
    description="Run a Python script of the workspace to its end. It gets no arguments.",
    usage={"script_name": "the script, for example train.py"},
    returns="how it ended, its standard output and its errors",
)


async def work(action: Action) -> Done:
    """Run it within the limits of the run; both output streams reach the observation."""
    deps, name = action.deps, action.text("script_name")
    path = await off_loop(deps.workspace.resolve, name)
    if not path.is_file():
        raise ActionFailed(f"There is no script {name}; List Files shows what there is.")
    limits = deps.config.limits
    left = max(limits.time_s - action.state["elapsed_s"], 1.0)
    async with _live(deps, action.state["tier"]) as heard:
        ran = await deps.sandbox.run(
            Program(
                argv=(str(deps.python), "-u", str(path)),
                cwd=deps.workspace.root,
                env={"PYTHONHASHSEED": str(deps.config.seed)},
                readable=(deps.workspace.data,) if deps.workspace.data else (),
                limits=Limits(wall_s=min(limits.script_s, left), memory_mb=limits.script_memory_mb),
                on_output=heard.append,
            )
        )
    return Done(report(ran), failed=not ran.ok)


def report(ran: Execution) -> str:
    """The whole observation: how it ended, then both streams."""
    if ran.ended_by == "exit":
        head = f"The script ended with exit code {ran.exit_code} after {ran.seconds:.1f} s."
    else:
        head = f"The script was stopped after {ran.seconds:.1f} s: {ran.detail or ran.ended_by}."
    parts = [head]
    parts += [f"Standard output:\n{ran.stdout.rstrip()}"] if ran.stdout.strip() else []
    parts += [f"Standard error:\n{ran.stderr.rstrip()}"] if ran.stderr.strip() else []
    return "\n\n".join(parts if len(parts) > 1 else [head, "It printed nothing."])


@asynccontextmanager
async def _live(deps: Deps, tier: int) -> AsyncIterator[list[str]]:
    """A list that takes output; it becomes bounded `log` events while the script runs."""
    heard: list[str] = []
    told = 0

    async def tell() -> None:
        nonlocal told
        text = "".join(heard)[: LIVE_CHARS - told]
        heard.clear()
        if text:
            told += len(text)
            await deps.emit(Event("log", SPEC.name, tier, {"text": text}))

    async def pump() -> None:
        while not over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), LIVE_EVERY_S)
            await tell()

    over = asyncio.Event()
    task = asyncio.create_task(pump())
    try:
        yield heard
    finally:
        over.set()
        await task


WORKER = Worker(SPEC, work)
