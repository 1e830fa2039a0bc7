"""Append File: more text at the end of a file (MLAgentBench; off by default)."""

from __future__ import annotations

from core.actions import ActionSpec
from core.offload import off_loop
from nodes.workers.base import Action, Done, Worker

SPEC = ActionSpec(
    name="Append File",
    kind="low-level",
    description="Add text at the end of a file; it is created when it is not there.",
    usage={"file_name": "the file", "content": "the text to add"},
    returns="a confirmation",
)


async def work(action: Action) -> Done:
    """Append it."""
    name, workspace = action.text("file_name"), action.deps.workspace
    path = await off_loop(workspace.resolve, name, write=True)
    before = await off_loop(workspace.read_text, name) if path.exists() else ""
    await off_loop(workspace.write_text, name, before + action.text("content"))
    return Done(f"The text was added to {name}.")


WORKER = Worker(SPEC, work)
