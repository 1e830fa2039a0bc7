"""A step as a transaction of the run: its opening, its window of earlier steps, its next state."""

from __future__ import annotations

from typing import Any

from core.cascade import first_tier
from core.events import Event
from core.offload import off_loop
from core.state import RunState
from nodes.deps import Deps
from store.steprows import StepRow


async def opening(state: RunState, deps: Deps, node: str) -> None:
    """Begin the step in the event log, once; the next write carries `step.started`."""
    step = state["step"]
    if deps.log.step == step:
        return
    if not deps.log.follow(step):
        await off_loop(deps.log.begin, step)
    deps.log.stage(Event("step.started", node, state["tier"]))


async def window(state: RunState, deps: Deps) -> list[StepRow]:
    """The earlier steps the planner sees, oldest first."""
    last = state["step"] - 1
    first = last if state["trimmed"] else state["window_from"]
    if last < 1:
        return []
    known = deps.known_steps
    if known and (known[-1].step > last or known[0].step > first):
        known.clear()  # a state was edited, or the run went back
    if not known or known[-1].step < last:
        start = known[-1].step + 1 if known else first
        known.extend(await off_loop(deps.store.steps.span, deps.run_id, start, last))
    del known[: -(last - first + 1)]
    return list(known)


def next_window(state: RunState, deps: Deps) -> int:
    """First step shown from the next step on; moves in blocks to keep the prefix cacheable."""
    memory = deps.config.memory
    shown = state["step"] - state["window_from"] + 1
    return state["window_from"] + (memory.block if shown >= memory.window + memory.block else 0)


def fresh_step(state: RunState, number: int) -> dict[str, Any]:
    """The part of the state that starts anew with every step (R1)."""
    sticky = max(state["sticky_left"] - 1, 0) if number > 1 else 0
    tier = first_tier({**state, "sticky_left": sticky})
    return {
        "step": number,
        "sticky_left": sticky,
        "tier": 0 if tier is None else tier,
        "tried": 0,
        "repairs": 0,
        "trimmed": False,
        "feedback": "",
        "turn": None,
        "kept": None,
        "result": None,
        "recalled": "",
    }
