"""`budgetml runs`: what was run here."""

from __future__ import annotations

from typing import Any, get_args

from rich.table import Table
from rich.text import Text

from cli.console import console, print_json
from cli.opened import opened_store
from cli.options import RunsArgs
from cli.text import dollars, number
from core.errors import UnknownName
from core.money import usd_text
from store.runrows import RunRow, Status

_STYLES = {"failed": "red", "running": "cyan", "interrupted": "yellow"}
SHORT_ID = 8
"""Enough of a run's id for every other command."""


def main(args: RunsArgs) -> None:
    """List runs, newest first."""
    known = get_args(Status)
    if args.status is not None and args.status not in known:
        raise UnknownName(f"No run is {args.status!r}; choose one of {', '.join(known)}.")
    with opened_store() as store:
        rows = store.runs.list(status=args.status, task_id=args.task, limit=args.limit)
    if args.json:
        print_json([_facts(row) for row in rows])
    elif rows:
        console().print(_table(rows))
    else:
        console().print("No run yet; `budgetml run vectorization --preset demo` is a first one.")


def _grade(row: RunRow) -> dict[str, Any]:
    return (row.result or {}).get("grade") or {}


def _facts(row: RunRow) -> dict[str, Any]:
    grade = _grade(row)
    return {
        "run_id": row.id,
        "task_id": row.task_id,
        "preset": row.preset,
        "status": row.status,
        "end_reason": row.end_reason,
        "solved": bool(grade.get("solved")) and row.status == "succeeded",
        "score": grade.get("score"),
        "steps": row.step_count,
        "cost_usd": usd_text(row.paid_pico),
        "labels": row.labels,
        "created": row.created,
        "finished": row.finished,
        "parent_run": row.parent_run,
    }


def _table(rows: list[RunRow]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("run", "task", "preset", "came to"):
        table.add_column(head, no_wrap=True)
    for head in ("score", "steps", "dollars"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("created (UTC)", no_wrap=True)
    for row in rows:
        table.add_row(
            row.id[:SHORT_ID],
            row.task_id,
            row.preset,
            _came_to(row),
            number(_grade(row).get("score")),
            str(row.step_count),
            dollars(row.paid_pico),
            row.created[5:16].replace("T", " "),
        )
    return table


def _came_to(row: RunRow) -> Text:
    if row.status == "succeeded":
        return (
            Text("solved", "green") if _grade(row).get("solved") else Text("not solved", "yellow")
        )
    return Text(row.status, _STYLES.get(row.status, ""))
