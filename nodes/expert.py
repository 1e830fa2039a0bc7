"""The Planning Expert: one paid answer to a request for help (§3.3, R10, A9–A12)."""

from __future__ import annotations

from typing import Any

from core.calls import CallKey
from core.events import Event
from core.state import Result, RunState
from nodes.deps import Deps
from nodes.planner import read_turn
from nodes.prompting import accepted_names, planner_parts, profile, request
from nodes.steps import window
from nodes.texts import inside
from prompts import render
from store.steprows import StepRow


async def expert(state: RunState, deps: Deps) -> dict[str, Any]:
    """Ask the expert once; its step goes to its worker, advice or a refusal to `observe`."""
    settings, asked = deps.config.expert, state["turn"]
    if settings is None or deps.expert is None or asked is None:
        raise AssertionError("the router asks the expert only when there is one")
    question = str(asked["input"].get("request", ""))
    await deps.emit(
        Event("escalation", "expert", state["tier"], {"reason": "help", "detail": question})
    )
    steps = await window(state, deps)
    parts = planner_parts(state, deps, steps, expert=True)
    key = CallKey(state["step"], len(deps.tiers) - 1, 1, "expert")
    prompt = request(
        deps,
        key,
        [*parts, _question(state, deps, steps, question)],
        system=profile(deps, "expert"),
        max_tokens=settings.max_tokens,
        plan=True,
    )
    outcome = await deps.expert(prompt)
    left = await deps.lifelines_left()
    if settings.returns == "advice" and outcome.kind == "ok":
        return {"lifelines_left": left, "result": _advice(outcome.text)}
    turn = read_turn(outcome, state, deps, accepted_names(state, deps, expert=True))
    turn = {**turn, "by": "expert", "model": settings.model, "tier": len(deps.tiers) - 1}
    if turn["kind"] != "ok":
        turn["reason"] = f"The expert's answer could not be used: {turn['reason']}"
    return {"lifelines_left": left, "turn": turn}


def _question(state: RunState, deps: Deps, steps: list[StepRow], text: str) -> str:
    settings = deps.config.expert
    more = settings is not None and settings.sees_last_error
    failed = next((s for s in reversed(steps) if s.failed), None)
    return render(
        "expert",
        request=text,
        last_error=inside("observation", failed.shown or "") if more and failed else "",
        lifelines=state["lifelines_left"] - 1 if more else None,
        advice=settings is not None and settings.returns == "advice",
    )


def _advice(text: str) -> Result:
    return Result(
        observation=f"The expert advises:\n{text.strip()}",
        failed=False,
        final=False,
        executed=False,
        artifact=None,
    )
