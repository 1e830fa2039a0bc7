"""Runs a task folder's own scripts by path, as separate processes with the helpers beside them."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.offload import off_loop
from sandbox.base import Execution, Limits, Program, Sandbox
from tasks.loader import builtin_dir
from tasks.spec import Task


@dataclass(frozen=True, slots=True)
class Runner:
    """What the scripts of a task are run with."""

    interpreter: Path
    """Python of the script environment, never the service's own."""
    sandbox: Sandbox


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script said: its one JSON object, or why there is none."""

    said: dict[str, Any] | None
    problem: str
    """One sentence for a person when `said` is None or the exit code is not 0."""
    seconds: float


@asynccontextmanager
async def script_folder(task: Task, parent: Path) -> AsyncIterator[Path]:
    """A temporary folder with read-only copies of the task's scripts and the helpers."""
    made = await off_loop(TemporaryDirectory, dir=parent, prefix="script-")
    try:
        await off_loop(_copy_scripts, task, Path(made.name))
        yield Path(made.name)
    finally:
        await off_loop(made.cleanup)


def _copy_scripts(task: Task, folder: Path) -> None:
    for file in (*builtin_dir().glob("*_helper.py"), *task.root.glob("*.py")):
        shutil.copyfile(file, folder / file.name)
        (folder / file.name).chmod(0o444)


async def run_script(
    runner: Runner,
    folder: Path,
    argv: tuple[str, ...],
    *,
    readable: tuple[Path, ...],
    limits: Limits,
) -> Answer:
    """Run `argv[0]` of a script folder, which is also the only folder it may write to."""
    execution = await runner.sandbox.run(
        Program(
            argv=(str(runner.interpreter), "-s", "-E", "-B", str(folder / argv[0]), *argv[1:]),
            cwd=folder,
            readable=readable,
            limits=limits,
        )
    )
    said = _only_object(execution.stdout)
    return Answer(said=said, problem=_problem(execution, said), seconds=execution.seconds)


def _only_object(stdout: str) -> dict[str, Any] | None:
    """The JSON object if that is all there is: a second line may be a forged first one."""
    lines = stdout.strip().splitlines()
    if len(lines) != 1:
        return None
    try:
        said = json.loads(lines[0])
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _problem(execution: Execution, said: dict[str, Any] | None) -> str:
    if execution.ended_by != "exit":
        return execution.detail or f"it was ended by a limit ({execution.ended_by})"
    if execution.exit_code != 0:
        last = execution.stderr.strip().splitlines()[-1:] or ["no message"]
        return f"it exited with {execution.exit_code}: {last[0][:300]}"
    return "" if said is not None else "it did not print exactly one JSON object"
