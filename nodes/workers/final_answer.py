"""Final Answer: the agent says it is done; the run ends and is graded."""

from __future__ import annotations

from core.actions import FINAL, ActionSpec
from nodes.workers.base import Action, Done, Worker

SPEC = ActionSpec(
    name=FINAL,
    kind="low-level",
    description="End the work. Use it once, when the result is in place and checked.",
    usage={"final_answer": "what was done and what came of it, in a few sentences"},
    returns="nothing; the work is over and is graded",
)


async def work(action: Action) -> Done:
    """End the run."""
    action.prose("final_answer")
    return Done("The work is over.", final=True)


WORKER = Worker(SPEC, work)
