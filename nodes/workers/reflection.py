"""Reflection: a model looks back over the run's own steps (Table 1)."""

from __future__ import annotations

from core.actions import ActionSpec
from core.offload import off_loop
from nodes.workers.base import Action, Done, Worker
from nodes.workers.research_log import research_log
from prompts import render

SPEC = ActionSpec(
    name="Reflection",
    kind="high-level",
    description="Have all earlier steps looked through with a question in mind.",
    usage={"things_to_reflect_on": "the question"},
    returns="an answer from the log of the work",
    profile=(
        "You are an expert in reflecting on previous actions when solving a machine learning task."
    ),
)


async def work(action: Action) -> Done:
    """One call over the bounded research log."""
    question = action.prose("things_to_reflect_on")
    log = await off_loop(research_log, action.deps, action.state["step"] - 1)
    return Done(await action.ask("reflect", render("reflect", log=log, question=question)))


WORKER = Worker(SPEC, work)
