"""Copy File: a file of the workspace under another name."""

from __future__ import annotations

from core.actions import ActionSpec
from core.offload import off_loop
from nodes.workers.base import Action, Done, Worker

SPEC = ActionSpec(
    name="Copy File",
    kind="low-level",
    description="Copy a file to another name; a file that is there already is replaced.",
    usage={"source": "the file to copy", "destination": "the new name"},
    returns="a confirmation, or why it could not be copied",
)


async def work(action: Action) -> Done:
    """Copy within the workspace."""
    source, target = action.text("source"), action.text("destination")
    await off_loop(action.deps.workspace.copy, source, target)
    return Done(f"{source} was copied to {target}.")


WORKER = Worker(SPEC, work)
