"""Write File: a file with the given text (MLAgentBench; off by default)."""

from __future__ import annotations

from core.actions import ActionSpec
from core.offload import off_loop
from nodes.workers.base import Action, Done, Worker

SPEC = ActionSpec(
    name="Write File",
    kind="low-level",
    description="Write a file; one that is there already is replaced.",
    usage={"file_name": "the file", "content": "its whole text"},
    returns="a confirmation",
)


async def work(action: Action) -> Done:
    """Write it."""
    name = action.text("file_name")
    await off_loop(action.deps.workspace.write_text, name, action.text("content"))
    return Done(f"{name} was written.")


WORKER = Worker(SPEC, work)
