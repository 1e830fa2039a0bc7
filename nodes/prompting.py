"""Builds the planner's prompt: a stable prefix, the steps, then what changes each time (§3.4).

The history is typed data; the prompt is a projection of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from core.actions import HELP, ActionSpec
from core.calls import CallKey, Message, ModelRequest
from core.cascade import is_asker, may_ask
from core.state import RunState
from nodes.deps import Deps
from nodes.texts import inside
from prompts import render
from store.steprows import StepRow

STOP = ("Observation:", "<observation>")

HELP_SPEC = ActionSpec(
    name=HELP,
    kind="expert",
    description=(
        "Ask an expert in planning when you are stuck or cannot decide. The expert sees what you "
        "see and takes the next step for you. Each request costs one lifeline."
    ),
    usage={"request": "what you need help with, and what you have tried"},
    returns="the expert's step is carried out and you see its observation",
)


def offered(state: RunState, deps: Deps, *, expert: bool = False) -> list[ActionSpec]:
    """The actions listed in the prompt now (R9); the expert is not offered its own help."""
    specs = list(deps.actions.values())
    if expert or not state["policy"]["expert"]:
        return specs
    spent = deps.config.cascade.hide_spent_help and not may_ask(state)
    return [*specs, HELP_SPEC] if is_asker(state) and not spent else specs


def accepted_names(
    state: RunState, deps: Deps, *, expert: bool = False
) -> dict[str, tuple[str, ...]]:
    """Action -> input keys as the parser checks them: a name not offered is never executed (A8)."""
    specs = {s.name: s.keys for s in offered(state, deps, expert=expert)}
    asked = not expert and state["policy"]["expert"]
    if asked and deps.config.cascade.spent_help == "say_so":
        specs[HELP] = HELP_SPEC.keys
    return specs


def profile(deps: Deps, role: str) -> str:
    """System profile of Table 1, or the general assistant where the preset says so."""
    return render(f"profile_{role if deps.config.profile == 'planner' else 'assistant'}").strip()


def request(
    deps: Deps, key: CallKey, parts: Iterable[str], *, system: str, max_tokens: int, plan: bool
) -> ModelRequest:
    """One request in the run's style (A21 profile placement, R18 temperatures)."""
    config = deps.config
    text = "\n".join(part for part in parts if part)
    messages = (Message("system", system), Message("user", text))
    if config.system_profile == "user_turn":
        messages = (Message("user", f"{system}\n\n{text}"),)  # type: ignore[assignment]  # 1 or 2
    return ModelRequest(
        key=key,
        messages=messages,
        temperature=config.plan_temperature if plan else config.work_temperature,
        max_tokens=max_tokens,
        stop=STOP if plan else (),
        cache_key=deps.run_id,
    )


def planner_parts(
    state: RunState, deps: Deps, steps: list[StepRow], *, expert: bool = False
) -> list[str]:
    """The prompt without its last part, shared by planner and expert (A11)."""
    specs = offered(state, deps, expert=expert)
    names = tuple(s.name for s in specs)
    if names not in deps.prefixes:
        deps.prefixes[names] = render("plan", actions=specs, brief=deps.task.brief.strip())
    static = deps.prefixes[names]
    recalled = render("recalled", summary=state["recalled"]) if state["recalled"] else ""
    past = history_text(steps, skipped=steps[0].step - 1) if steps else ""
    if deps.config.memory.recall_at == "before_steps":
        return [static, recalled, past]
    return [static, past, recalled]


def history_text(steps: list[StepRow], skipped: int = 0) -> str:
    """Steps as the planner sees them: entries, action and observation."""
    return render("history", steps=[step_view(s) for s in steps], skipped=skipped)


def step_view(step: StepRow) -> dict[str, Any]:
    """One step for a template."""
    return {
        "number": step.step,
        "entries": step.entries,
        "action": step.action or "(none)",
        "input": json.dumps(step.action_input, ensure_ascii=False),
        "observation": inside("observation", (step.shown or step.observation).strip()),
    }


def tail(state: RunState, deps: Deps, *, first: bool) -> str:
    """What changes with every call: lifelines and the reason of a retry, all at the end."""
    asked = state["policy"]["expert"] and is_asker(state)
    asked = asked and not deps.config.cascade.hide_spent_help
    return render(
        "tail",
        first=first,
        lifelines=state["lifelines_left"] if asked else None,
        feedback=state["feedback"],
    )
