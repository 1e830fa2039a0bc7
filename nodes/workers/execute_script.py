"""Execute Script: run a Python script of the workspace in the sandbox."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from core.actions import ActionSpec
from core.errors import ActionFailed
from core.events import Event
from core.offload import off_loop
from nodes.deps import Deps
from nodes.workers.base import Action, Done, Worker
from sandbox.base import Execution, Limits, Program

SHOWN_CHARS = 20_000
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
                readable=(deps.workspace.data,) if deps.workspace.data else (),
                limits=Limits(wall_s=min(limits.script_s, left), memory_mb=limits.script_memory_mb),
                on_output=heard.append,
            )
        )
    text = report(ran)
    artifact = await off_loop(_keep, deps, action.state["step"], text)
    return Done(shorten(text, SHOWN_CHARS), failed=not ran.ok, artifact=artifact)


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


def shorten(text: str, limit: int) -> str:
    """Head and tail of a long text with a line that says what is missing."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 5, limit * 3 // 5
    return f"{text[:head]}\n[... {len(text) - head - tail} characters left out ...]\n{text[-tail:]}"


def _keep(deps: Deps, step: int, text: str) -> str | None:
    if len(text) <= SHOWN_CHARS:
        return None
    name = f"step-{step:04d}-output.txt"
    deps.paths.artifacts.mkdir(parents=True, exist_ok=True)
    (deps.paths.artifacts / name).write_text(text, encoding="utf-8")
    return name


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
        while True:
            await asyncio.sleep(LIVE_EVERY_S)
            await tell()

    task = asyncio.create_task(pump())
    try:
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    await tell()


WORKER = Worker(SPEC, work)
