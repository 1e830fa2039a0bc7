"""`budgetml tasks`: what can be solved here."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from cli.console import console, print_json
from cli.home import settings
from cli.options import TasksArgs
from tasks.loader import list_tasks
from tasks.prepared import prepared
from tasks.spec import Task


def main(args: TasksArgs) -> None:
    """List the tasks and whether their data are ready."""
    known = settings()
    facts = [_facts(task, known.data_dir) for task in list_tasks(known.tasks_dir)]
    if args.json:
        print_json(facts)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("task", style="bold", no_wrap=True)
    table.add_column("what", ratio=1)
    table.add_column("measured", no_wrap=True)
    table.add_column("data", no_wrap=True)
    for fact in facts:
        arrow = "↓" if fact["direction"] == "lower" else "↑"
        measured = f"{arrow} {fact['metric']}" + (f", {fact['unit']}" if fact["unit"] else "")
        table.add_row(fact["task_id"], fact["title"], measured, fact["data"])
    shown = console()
    shown.print(table)
    missing = [fact["task_id"] for fact in facts if fact["data"] == "missing"]
    if missing:
        shown.print(f"\nbudgetml prepare {missing[0]} --sample  makes missing data.", style="dim")


def _facts(task: Task, data_dir: Any) -> dict[str, Any]:
    spec = task.spec
    found = prepared(task, data_dir)
    data = "missing" if found is None else "none needed" if spec.data is None else found.source
    return {
        "task_id": spec.id,
        "title": spec.title,
        "summary": spec.summary,
        "metric": spec.metric.name,
        "unit": spec.metric.unit,
        "direction": spec.metric.direction,
        "data": data,
        "builtin": task.builtin,
    }
