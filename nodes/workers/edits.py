"""Writing a script and showing what changed; and which edits an undo would take back."""

from __future__ import annotations

import difflib
import posixpath

from core.offload import off_loop
from nodes.deps import Deps
from store.steprows import StepRow

EDITS = {
    "Edit Script (AI)": "save_name",
    "Edit Script Segment (AI)": "save_name",
    "Write File": "file_name",
    "Append File": "file_name",
    "Copy File": "destination",
}
"""Action -> the input key that names the file it changes."""
UNDO = "Undo Edit Script"


async def save(deps: Deps, name: str, before: str, text: str) -> str:
    """Write the file and return the unified diff against what it was edited from."""
    await off_loop(deps.workspace.write_text, name, text)
    return diff(before, text, name) or "The edit changed nothing."


def diff(before: str, after: str, name: str) -> str:
    """Unified diff of two texts."""
    lines = difflib.unified_diff(
        before.splitlines(), after.splitlines(), f"{name} (before)", f"{name} (after)", lineterm=""
    )
    return "\n".join(lines)


def undoable(steps: list[StepRow], name: str) -> StepRow | None:
    """The last edit of this file that has not been undone, newest first."""
    stack: list[StepRow] = []
    for step in steps:
        if step.failed or not step.executed:
            continue
        if step.action == UNDO and _same(step.action_input.get("script_name"), name):
            stack = stack[:-1]
        elif _same(step.action_input.get(EDITS.get(step.action, "")), name):
            stack.append(step)
    return stack[-1] if stack else None


def _same(given: object, name: str) -> bool:
    return isinstance(given, str) and posixpath.normpath(given) == posixpath.normpath(name)
