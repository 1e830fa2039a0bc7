"""`budgetml prepare`: make a task's data ready and measure its baseline."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

from rich.text import Text

from cli.console import console
from cli.home import settings
from cli.options import PrepareArgs
from cli.progress import narrated
from cli.text import number
from core.errors import BadRequest
from sandbox.gate import choose
from sandbox.interpreter import ensure_interpreter
from tasks.loader import builtin_dir, load_task
from tasks.prepare import prepare
from tasks.prepared import Prepared, require
from tasks.spec import Task


def main(args: PrepareArgs) -> None:
    """Prepare the data; BadRequest unless exactly one source is named."""
    known = settings()
    task = load_task(args.task, known.tasks_dir)
    if args.sample and args.source:
        raise BadRequest("Give either --sample or --from DIR, not both.")
    if task.spec.data is not None and not (args.sample or args.source):
        found = require(task, known.data_dir)
        _print_ready(task, found)
        return
    shown = console()
    with shown.status("starting") as status:
        done = asyncio.run(_prepare(task, args.source or "sample", narrated(shown, status)))
    _print_ready(task, done)


async def _prepare(task: Task, source: Path | Literal["sample"], progress: Progress) -> Prepared:
    known = settings()
    lock = builtin_dir() / "envs" / f"{task.spec.interpreter}.lock"
    if task.spec.data is not None:
        python = await ensure_interpreter(lock, known.envs_dir, progress)
    return await prepare(
        task,
        data_dir=known.data_dir,
        source=source,
        interpreter=python,
        sandbox=choose(known, trusted=True),  # the task's own scripts; no model wrote them
        progress=progress,
    )


def _print_ready(task: Task, data: Prepared) -> None:
    shown, metric = console(), task.spec.metric
    if data.manifest is None:
        shown.print(f"{task.id} needs no data.")
    else:
        kind = "synthetic sample" if data.source == "sample" else "your copy"
        text = f"{task.id} is ready ({kind}); the starter's {metric.name} is "
        shown.print(Text(f"{text}{number(data.baseline)} {metric.unit}".rstrip() + "."))
    shown.print(Text(f"  budgetml run {task.id}", "dim"))
