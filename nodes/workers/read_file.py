"""Read File: a whole file (MLAgentBench; off by default, for it can fill the prompt)."""

from __future__ import annotations

from core.actions import ActionSpec
from core.offload import off_loop
from nodes.workers.base import Action, Done, Worker

SPEC = ActionSpec(
    name="Read File",
    kind="low-level",
    description="Show a file.",
    usage={"file_name": "the file"},
    returns="its text; of a long file the head and the tail",
)


async def work(action: Action) -> Done:
    """The text of the file."""
    text = await off_loop(action.deps.workspace.read_text, action.text("file_name"))
    return Done(text or "(the file is empty)")


WORKER = Worker(SPEC, work)
