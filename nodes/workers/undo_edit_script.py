"""Undo Edit Script: put a file back to what it was before its last edit."""

from __future__ import annotations

import stat
from pathlib import Path

from core.actions import ActionSpec
from core.errors import ActionFailed
from core.offload import off_loop
from nodes.deps import Deps
from nodes.workers.base import Action, Done, Worker
from nodes.workers.edits import UNDO, diff, undoable
from store.steprows import StepRow
from tasks.files import full_disk, replacing

SPEC = ActionSpec(
    name=UNDO,
    kind="low-level",
    description="Take back the last edit of a script; can be repeated for earlier edits.",
    usage={"script_name": "the script whose last edit is taken back"},
    returns="what changed, as a diff",
)


async def work(action: Action) -> Done:
    """Restore the file from the snapshot before the edit."""
    deps, name = action.deps, action.text("script_name")
    path = await off_loop(deps.workspace.resolve, name, write=True)
    steps = await off_loop(deps.store.steps.span, deps.run_id, 1, action.state["step"] - 1)
    edit = undoable(steps, name)
    if edit is None:
        raise ActionFailed(f"There is no edit of {name} to take back.")
    if path.is_dir():
        raise ActionFailed(f"{name} is a folder now; remove or rename it with a script first.")
    relative = path.relative_to(deps.workspace.root.resolve()).as_posix()
    content = await off_loop(_before, deps, steps, edit, relative)
    if content is None:
        await off_loop(path.unlink, missing_ok=True)
        return Done(f"{name} did not exist before its last edit and was removed.")
    return Done(await off_loop(_put_back, path, name, content))


def _put_back(path: Path, name: str, content: bytes) -> str:
    """Write the bytes as they were, for a copied file may be anything; says what changed."""
    now = path.read_bytes() if path.is_file() else b""
    mode = stat.S_IMODE(path.stat().st_mode) if path.is_file() else 0o644
    with full_disk(path), replacing(path, mode) as temporary:
        temporary.write_bytes(content)
    if b"\0" in now + content:
        return f"{name} is as it was before its last edit; it is a binary file."
    before, after = (data.decode("utf-8", "replace") for data in (now, content))
    return diff(before, after, name) or f"{name} is as it was; the edit had changed nothing."


def _before(deps: Deps, steps: list[StepRow], edit: StepRow, relative: str) -> bytes | None:
    """Content of the file before the edit; None when it did not exist."""
    earlier = [s.snapshot for s in steps if s.step < edit.step and s.snapshot]
    after = edit.snapshot or ""
    start = earlier[-1] if earlier else deps.history.parent(after) or after
    return deps.history.read(start, relative)


WORKER = Worker(SPEC, work)
