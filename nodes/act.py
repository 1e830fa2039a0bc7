"""Carries out an accepted action once, journaled, with the workspace snapshot it leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from core.cascade import decide
from core.errors import ActionFailed
from core.offload import off_loop
from core.state import Result, RunState, Turn
from nodes.deps import Deps
from nodes.texts import SHOWN_CHARS, shorten
from nodes.workers.base import Action, Done, Worker
from store.steprows import ActedStep, StepRow
from tasks.files import full_disk


async def act(worker: Worker, state: RunState, deps: Deps) -> dict[str, Any]:
    """Do the action, or take its recorded result when this step had acted before a kill."""
    decision = decide(state)
    turn = decision.turn
    if turn is None:
        raise AssertionError("the router leads here only with an accepted action")
    acted = await _recorded(state, deps, turn)
    if acted is None:
        row = record(state, deps, turn)
        if decision.flagged:
            row = replace(row, reply_flags=[*row.reply_flags, "repeated"])
        acted = await _perform(worker, state, deps, row)
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
    if deps.fence.epoch == 1:  # claimed for the first time: nothing was done before
        return None
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


async def _perform(worker: Worker, state: RunState, deps: Deps, row: ActedStep) -> ActedStep:
    started = deps.watch.clock()
    done = await _outcome(worker, state, deps, row)
    acted = replace(
        row,
        observation=shorten(done.observation, SHOWN_CHARS),
        failed=done.failed,
        executed=True,
        final=done.final,
        artifact=await off_loop(_artifact, deps, row.step, done.observation),
        seconds=deps.watch.clock() - started,
    )
    return await off_loop(_keep, deps, acted)


def _artifact(deps: Deps, step: int, text: str) -> str | None:
    """Keep the whole of a long observation; returns its name below the run's artifacts."""
    if len(text) <= SHOWN_CHARS:
        return None
    path = deps.paths.artifacts / f"step-{step:04d}-output.txt"
    with full_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return path.name


def _keep(deps: Deps, acted: ActedStep) -> ActedStep:
    """Snapshot the workspace, then record the action with it, before anything else can fail."""
    title = f"step {acted.step}: {acted.action}"
    acted = replace(acted, snapshot=deps.history.snapshot(title, acted.snapshot))
    deps.store.steps.save_action(deps.fence, acted)
    return acted


async def _outcome(worker: Worker, state: RunState, deps: Deps, row: ActedStep) -> Done:
    """The action's result; what it refuses to do becomes the observation the planner reads."""
    try:
        return await worker.work(Action(deps, state, row.action_input, worker.spec))
    except ActionFailed as refusal:
        return Done(f"{row.action} failed: {refusal}", failed=True)


def record(state: RunState, deps: Deps, turn: Turn | None) -> ActedStep:
    """The step as it will be stored, before anything has come of it."""
    row = ActedStep(
        step=state["step"],
        attempt=deps.log.attempt,
        tier=turn["tier"] if turn else state["tier"],
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
