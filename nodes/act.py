"""Carries out an accepted action once, journaled, with the workspace snapshot it leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from core.cascade import decide
from core.errors import ActionFailed
from core.state import Result, RunState, Turn
from nodes.deps import Deps, off_loop
from nodes.workers.base import Action, Done, Worker
from store.steprows import ActedStep, StepRow


async def act(worker: Worker, state: RunState, deps: Deps) -> dict[str, Any]:
    """Do the action, or take its recorded result when this step had acted before a kill."""
    decision = decide(state)
    turn = decision.turn
    if turn is None:
        raise AssertionError("the router leads here only with an accepted action")
    acted = await _recorded(state, deps, turn)
    if acted is None:
        acted = await _perform(worker, state, deps, turn)
        if decision.flagged:
            acted = replace(acted, reply_flags=[*acted.reply_flags, "repeated"])
        await off_loop(deps.store.steps.save_action, deps.fence, acted)
    result = Result(
        observation=acted.observation,
        failed=acted.failed,
        final=acted.final,
        executed=True,
        artifact=acted.artifact,
    )
    return {"turn": turn, "result": result, "snapshot": acted.snapshot}


async def _recorded(state: RunState, deps: Deps, turn: Turn) -> ActedStep | None:
    """The same action's result from before a kill, with the workspace it left."""
    row = await off_loop(deps.store.steps.acted, deps.run_id, state["step"])
    if row is None or not row.executed:
        return None
    if (row.action, _canonical(row.action_input)) != (turn["action"], _canonical(turn["input"])):
        return None
    await off_loop(deps.history.restore, row.snapshot)
    return _as_acted(row, attempt=deps.log.attempt)


def _canonical(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True)


def _as_acted(row: StepRow, *, attempt: int) -> ActedStep:
    names = ActedStep.__dataclass_fields__
    return replace(ActedStep(**{n: getattr(row, n) for n in names}), attempt=attempt)


async def _perform(worker: Worker, state: RunState, deps: Deps, turn: Turn) -> ActedStep:
    started = deps.watch.clock()
    done = await _outcome(worker, state, deps, turn)
    snapshot = await off_loop(
        deps.history.snapshot, f"step {state['step']}: {turn['action']}", state["snapshot"]
    )
    acted = record(state, deps, turn)
    return replace(
        acted,
        observation=done.observation,
        failed=done.failed,
        executed=True,
        final=done.final,
        artifact=done.artifact,
        snapshot=snapshot,
        seconds=deps.watch.clock() - started,
    )


async def _outcome(worker: Worker, state: RunState, deps: Deps, turn: Turn) -> Done:
    """The action's result; what it refuses to do becomes the observation the planner reads."""
    try:
        return await worker.work(Action(deps, state, turn["input"], worker.spec))
    except ActionFailed as refusal:
        return Done(f"{turn['action']} failed: {refusal}", failed=True)


def record(state: RunState, deps: Deps, turn: Turn | None) -> ActedStep:
    """The step as it will be stored, before anything has come of it."""
    row = ActedStep(
        step=state["step"],
        attempt=deps.log.attempt,
        tier=state["tier"],
        model="",
        action="",
        action_input={},
        observation="",
        failed=False,
        executed=False,
        final=False,
        seconds=0.0,
        snapshot=state["snapshot"],
    )
    if turn is None:
        return row
    return replace(
        row,
        model=turn["model"],
        action=turn["action"],
        action_input=turn["input"],
        entries=turn["entries"],
        reply_flags=[*turn["recovered"], *(["expert"] if turn["by"] == "expert" else [])],
    )
