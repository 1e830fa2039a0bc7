"""`budgetml prepare`: make a task's data ready and measure its baseline."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Literal

from rich.text import Text

from cli.console import console
from cli.home import settings
from cli.options import PrepareArgs
from cli.progress import Progress, narrated
from cli.text import number
from core.errors import BadRequest
from core.settings import Settings
from sandbox.gate import choose
from sandbox.interpreter import ensure_interpreter
from tasks.loader import load_task
from tasks.prepare import prepare
from tasks.prepared import Prepared, require
from tasks.spec import Task

Source = Path | Literal["sample"]


def main(args: PrepareArgs) -> None:
    """Prepare the data from the source named, or say what is ready.

    Raises:
        BadRequest: two sources were named.
        DataMissing: none was named and nothing is ready; says what to do.
    """
    known = settings()
    task = load_task(args.task, known.tasks_dir)
    if args.sample and args.source:
        raise BadRequest("Give either --sample or --from DIR, not both.")
    source: Source | None = "sample" if args.sample else args.source
    if source is None or task.spec.data is None:
        _print_ready(task, require(task, known.data_dir))
        return
    shown = console()
    with shown.status("starting") as status:
        done = asyncio.run(_prepare(task, known, source, narrated(shown, status)))
    _print_ready(task, done)


async def _prepare(task: Task, known: Settings, source: Source, progress: Progress) -> Prepared:
    return await prepare(
        task,
        data_dir=known.data_dir,
        source=source,
        interpreter=await ensure_interpreter(task.lock, known.envs_dir, progress),
        sandbox=choose(known, trusted=True),  # the task's own scripts; no model wrote them
        progress=progress,
    )


def _print_ready(task: Task, data: Prepared) -> None:
    shown, metric = console(), task.spec.metric
    if data.manifest is None:
        shown.print(f"{task.id} needs no data.")
    else:
        kind = "a synthetic sample" if data.source == "sample" else "your copy of the data"
        score = f"{number(data.baseline)} {metric.unit}".rstrip()
        text = f"{task.id} is ready ({kind}). The starter's {metric.name}: {score}."
        shown.print(Text(text), soft_wrap=True)
    shown.print(Text(f"  budgetml run {task.id}", "dim"))
