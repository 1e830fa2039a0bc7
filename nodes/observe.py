"""Closes a step: the observation is shortened, recorded and logged; then on, or to the grade."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from typing import Any

from core.calls import CallKey
from core.cascade import Decision, action_key, decide, first_tier, most_steps
from core.errors import ActionFailed, RunFailed
from core.events import Event
from core.offload import off_loop
from core.state import Executed, Result, RunState, Turn
from nodes.act import record
from nodes.deps import Deps
from nodes.live_grade import live_grade
from nodes.steps import fresh_step, next_window
from nodes.texts import inside, shorten, without_times
from nodes.workers.base import keep_books
from prompts import render

EVENT_CHARS = 2000


async def observe(state: RunState, deps: Deps) -> dict[str, Any]:
    """Record the step and say whether the run goes on.

    Raises:
        RunFailed: only an outage of the providers would end it; it can be resumed from here.
    """
    decision = decide(state)
    _refuse_to_end_by_outage(state, decision)
    if state["result"] is None and decision.route == "end":
        return await _ended(state, deps, decision.reason)
    result = state["result"] or _not_executed(decision)
    turn = decision.turn or state["turn"]
    if not result["executed"]:
        row = replace(record(state, deps, decision.turn), observation=result["observation"])
        row = replace(row, failed=result["failed"])
        await off_loop(deps.store.steps.save_action, deps.fence, row)
    shown = await _shown(state, deps, turn, result)
    summary = await _log_entry(state, deps, turn, shown)
    counts = result["executed"] or state["policy"]["steps_count"] == "all"
    update = _counters(state, result, turn, counts) | {
        "failed_in_row": state["failed_in_row"] + 1 if decision.route == "fail" else 0,
        "elapsed_s": state["elapsed_s"] + deps.watch.lap(),
        "window_from": next_window(state, deps),
    }
    graded = await live_grade(state, deps)
    events = [*graded, _finished(state, turn, result, shown)]
    await off_loop(_finish, state["step"], deps, shown, summary, counts, events)
    merged: RunState = {**state, **update}  # type: ignore[typeddict-item]  # same keys
    update["end_reason"] = _end_reason(merged, result)
    return update | fresh_step(merged, state["step"] + 1)


def _refuse_to_end_by_outage(state: RunState, decision: Decision) -> None:
    turn, policy = state["turn"], state["policy"]
    last = state["failed_in_row"] + 1 >= policy["failed_in_a_row"]
    ends = decision.route == "end" or (decision.route == "fail" and last)
    if ends and turn is not None and turn["kind"] == "transient":
        raise RunFailed(
            f"No model could be reached ({turn['reason']}). The run waits at step "
            f"{state['step']}: resume it when the provider answers again."
        )


def _finish(
    step: int, deps: Deps, shown: str, summary: str | None, counts: bool, events: list[Event]
) -> None:
    with deps.log.turn:
        stamped, finish = deps.log.stamp(*events), deps.store.steps.finish
        finish(deps.fence, step, shown=shown, log_summary=summary, counted=counts, events=stamped)


async def _ended(state: RunState, deps: Deps, reason: str) -> dict[str, Any]:
    """The run ends before this step came to anything: nothing to record but the end."""
    turn = state["turn"]
    detail = turn["reason"] if turn else ""
    await deps.emit(
        Event("step.finished", "observe", state["tier"], {"ended": reason, "detail": detail})
    )
    elapsed = state["elapsed_s"] + deps.watch.lap()
    return {"end_reason": reason, "elapsed_s": elapsed, "result": None}


def _not_executed(decision: Decision) -> Result:
    """A failed step (A6) or an unusable Action Input (R14): nothing ran, the reason is observed."""
    if decision.route == "unparsed" and decision.turn and decision.turn["input_error"]:
        text = f"ActionInputParsingError: {decision.reason}"
    else:
        text = f"No usable reply was given in this step: {decision.reason}"
    return Result(observation=text, failed=True, final=False, executed=False, artifact=None)


async def _shown(state: RunState, deps: Deps, turn: Turn | None, result: Result) -> str:
    """The observation as the planner sees it: a long one is summarised in blocks (R13)."""
    text, memory = result["observation"], deps.config.memory
    if len(text) <= memory.observation_limit:
        return text
    size = memory.block_chars
    blocks = [text[i : i + size] for i in range(0, len(text), size)]
    try:
        return await _summarised(state, deps, turn, blocks)
    except ActionFailed:
        return shorten(text, memory.observation_limit)


async def _summarised(state: RunState, deps: Deps, turn: Turn | None, blocks: list[str]) -> str:
    parts = []
    for index, block in enumerate(blocks):
        prompt = render(
            "summarise_block",
            action=turn["action"] if turn else "",
            action_input=json.dumps(turn["input"] if turn else {}, ensure_ascii=False),
            text=inside("observation", block),
            index=index + 1,
            total=len(blocks),
        )
        parts.append(await keep_books(deps, _key(state, "summarise", index), prompt))
    if len(parts) == 1:
        return parts[0]
    merged = render("summarise_merge", parts=parts)
    return await keep_books(deps, _key(state, "summarise", len(parts)), merged)


async def _log_entry(state: RunState, deps: Deps, turn: Turn | None, shown: str) -> str | None:
    """R16: with retrieval, one call appends a summary of the step to the research log."""
    if not state["policy"]["retrieval"] or turn is None:
        return None
    prompt = render(
        "log_entry",
        entries=" ".join(turn["entries"].values()),
        action=turn["action"],
        action_input=json.dumps(turn["input"], ensure_ascii=False),
        observation=inside("observation", shown),
    )
    try:
        return await keep_books(deps, _key(state, "log", 0), prompt)
    except ActionFailed:
        return None


def _key(state: RunState, purpose: Any, ordinal: int) -> CallKey:
    return CallKey(state["step"], 0, 0, purpose, ordinal)


def _counters(state: RunState, result: Result, turn: Turn | None, counts: bool) -> dict[str, Any]:
    """What this step adds to the run's counters (A10, A17)."""
    policy, recent = state["policy"], state["recent"]
    helped = turn is not None and turn["by"] == "expert"
    weight = policy["help_steps"] if helped else 1
    if result["executed"] and turn is not None:
        recent = [*recent, _executed(policy["basis"], turn, result)][-max(policy["window"], 1) :]
    return {
        "counted": state["counted"] + (weight if counts else 0),
        "recent": recent,
    }


def _executed(basis: str, turn: Turn, result: Result) -> Executed:
    text = without_times(result["observation"])
    digest = hashlib.sha256(text.encode()).hexdigest()[:16]
    return Executed(
        action=turn["action"],
        key=action_key(basis, turn["action"], turn["input"]),
        failed=result["failed"],
        observation=digest,
    )


def _end_reason(state: RunState, result: Result) -> str | None:
    """R12, R15: why the run is over, or None."""
    policy = state["policy"]
    if result["final"]:
        return "final_answer"
    if state["failed_in_row"] >= policy["failed_in_a_row"]:
        turn = state.get("turn")
        return "budget" if turn and turn["kind"] == "over_budget" else "no_valid_reply"
    if state["counted"] >= policy["max_steps"] or state["step"] >= most_steps(policy["max_steps"]):
        return "steps"
    if state["elapsed_s"] >= policy["time_s"]:
        return "time"
    return "models_unavailable" if first_tier(state) is None else None


def _finished(state: RunState, turn: Turn | None, result: Result, shown: str) -> Event:
    return Event(
        "step.finished",
        "observe",
        state["tier"],
        {
            "action": turn["action"] if turn else "",
            "input": turn["input"] if turn else {},
            "thought": turn["entries"].get("Thought", "")[:EVENT_CHARS] if turn else "",
            "by": turn["by"] if turn else "planner",
            "observation": shown[:EVENT_CHARS],
            "failed": result["failed"],
            "executed": result["executed"],
            "snapshot": state["snapshot"],
        },
    )
