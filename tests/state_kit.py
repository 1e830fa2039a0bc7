"""Builds states, replies and configurations for tests of the pure rules."""

from __future__ import annotations

from typing import Any

from core.cascade import action_key, policy_of
from core.config import RunConfig
from core.presets import load_preset
from core.state import Executed, OutcomeKind, Policy, RunState, Turn

PAPER = load_preset("paper")
DEFAULT = load_preset("default")
CHATGPT = load_preset("paper-chatgpt")
RETRIEVAL = load_preset("paper-retrieval")
LIST = "List Files"
RUN = "Execute Script"


def with_field(base: RunConfig, field: str, value: object) -> RunConfig:
    """The configuration with one field, named by its dotted path, set to another value."""
    raw = base.model_dump()
    *path, last = field.split(".")
    place: Any = raw
    for part in path:
        place = place[int(part) if part.isdigit() else part]
    assert last in place, f"no field {field}"
    place[last] = value
    return RunConfig.model_validate(raw)


def three_tiers() -> RunConfig:
    """A free base, a paid middle that takes no lifelines, and a metered top."""
    tiers = (PAPER.tiers[0], CHATGPT.tiers[1], PAPER.tiers[1])
    return PAPER.model_copy(update={"tiers": tiers})


def reply(action: str = LIST, *, bad_input: str | None = None, **values: object) -> Turn:
    """A well-formed reply of the planner."""
    return Turn(
        kind="ok",
        reason="",
        tier=0,
        action=action,
        input=values,
        input_error=bad_input,
        by="planner",
        model="m",
        entries={},
        recovered=[],
    )


def unusable(kind: OutcomeKind = "malformed", reason: str = "no Thought") -> Turn:
    """A reply, or the lack of one, that gives no step."""
    return {**reply(""), "kind": kind, "reason": reason}


def from_expert(turn: Turn) -> Turn:
    """The same reply, given by the expert."""
    return {**turn, "by": "expert"}


def done(
    action: str, *, failed: bool = False, saw: str = "o", basis: str = "action", **values: object
) -> Executed:
    """An executed action as the repetition rule sees it."""
    return Executed(
        action=action, key=action_key(basis, action, values), failed=failed, observation=saw
    )


def at(
    config: RunConfig,
    turn: Turn | None = None,
    *,
    tier: int = 0,
    tried: int = 1,
    lifelines: int = 5,
    **more: Any,
) -> RunState:
    """The state in which `turn` was just given at this tier."""
    state = RunState(
        task_id="t",
        policy=policy_of(config),
        step=1,
        tier=tier,
        tried=tried,
        repairs=0,
        trimmed=False,
        turn=turn,
        kept=None,
        sticky_left=0,
        sticky_tier=0,
        recent=[],
        lifelines_left=lifelines,
        disabled=[],
    )
    return {**state, **more}  # type: ignore[typeddict-item]  # keys of RunState, given by the test


def history(policy: Policy, *names: str) -> list[Executed]:
    """Executed actions by name, with equal inputs."""
    return [done(name, basis=policy["basis"]) for name in names]


READINGS: dict[str, RunConfig] = {"paper": PAPER, "default": DEFAULT}
