"""Inspect Script Lines: some lines of a file, as they stand."""

from __future__ import annotations

from core.actions import ActionSpec
from core.errors import ActionFailed
from core.offload import off_loop
from nodes.workers.base import Action, Done, Worker

MOST = 100

SPEC = ActionSpec(
    name="Inspect Script Lines",
    kind="high-level",
    description=f"Show lines of a file exactly as they stand, at most {MOST} at a time.",
    usage={
        "script_name": "the file",
        "start_line_number": "the first line, counted from 1",
        "end_line_number": "the last line",
    },
    returns="the lines, and how many lines the file has",
    integers=("start_line_number", "end_line_number"),
)


async def work(action: Action) -> Done:
    """The lines, with the total count."""
    name = action.text("script_name")
    start, end = action.number("start_line_number"), action.number("end_line_number")
    lines = (await off_loop(action.deps.workspace.read_text, name)).splitlines()
    if start < 1 or end < start:
        raise ActionFailed("start_line_number must be at least 1 and at most end_line_number.")
    if end - start >= MOST:
        raise ActionFailed(f"That is {end - start + 1} lines; at most {MOST} can be shown at once.")
    if start > len(lines):
        raise ActionFailed(f"{name} has only {len(lines)} lines.")
    shown = "\n".join(lines[start - 1 : end])
    last = min(end, len(lines))
    return Done(f"Lines {start} to {last} of {name} ({len(lines)} lines in all):\n\n{shown}")


WORKER = Worker(SPEC, work)
