"""Edit Script Segment (AI): a model rewrites some lines of a script (MLAgentBench)."""

from __future__ import annotations

from core.actions import ActionSpec
from core.errors import ActionFailed
from core.offload import off_loop
from nodes.workers.base import Action, Done, Worker
from nodes.workers.edit_script import SPEC as WHOLE
from nodes.workers.edit_script import rewritten
from nodes.workers.edits import save

SPEC = ActionSpec(
    name="Edit Script Segment (AI)",
    kind="high-level",
    description="Have some lines of a long script edited; the editor sees only these lines.",
    usage={
        "script_name": "the script",
        "start_line_number": "the first line to edit, counted from 1",
        "end_line_number": "the last line to edit",
        "edit_instruction": "a complete, detailed description of the change",
        "save_name": "the name to save the whole result under; may be the same",
    },
    returns="the difference between the script before and after; it can be undone",
    profile=WHOLE.profile,
    integers=("start_line_number", "end_line_number"),
)


async def work(action: Action) -> Done:
    """Replace the lines and return the diff."""
    name, target = action.text("script_name"), action.text("save_name")
    start, end = action.number("start_line_number"), action.number("end_line_number")
    before = await off_loop(action.deps.workspace.read_text, name)
    lines = before.splitlines(keepends=True)
    if not 1 <= start <= end <= len(lines):
        raise ActionFailed(f"{name} has lines 1 to {len(lines)}; {start} to {end} does not fit.")
    await off_loop(action.deps.workspace.resolve, target, write=True)
    part = await rewritten(action, name, "".join(lines[start - 1 : end]), (start, end))
    return Done(
        await save(
            action.deps, target, before, "".join(lines[: start - 1]) + part + "".join(lines[end:])
        )
    )


WORKER = Worker(SPEC, work)
