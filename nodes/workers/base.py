"""What an action's file provides, and what it may use."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from core.actions import ActionSpec
from core.calls import CallKey, Purpose
from core.errors import ActionFailed
from core.state import RunState
from models.base import Caller
from nodes.deps import Deps
from nodes.prompting import request
from prompts import render


@dataclass(frozen=True, slots=True)
class Done:
    """What an action returned."""

    observation: str
    failed: bool = False
    """True when a program it ran failed; a refused action raises ActionFailed instead."""
    final: bool = False


@dataclass(frozen=True, slots=True)
class Action:
    """One action in progress: its input, checked for its keys, and the run around it."""

    deps: Deps
    state: RunState
    input: dict[str, Any]
    spec: ActionSpec

    def text(self, key: str) -> str:
        """An input that must be a string.

        Raises:
            ActionFailed: it is something else.
        """
        value = self.input[key]
        if not isinstance(value, str):
            raise ActionFailed(f'"{key}" must be a string, not {type(value).__name__}.')
        return value

    def prose(self, key: str) -> str:
        """An input meant for a model: a string, or a list of strings joined by commas."""
        value = self.input[key]
        if isinstance(value, list) and all(isinstance(v, str) for v in value):
            return ", ".join(value)
        return self.text(key)

    def number(self, key: str) -> int:
        """An input that must be a whole number, given as one or as its digits."""
        value = self.input[key]
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise ActionFailed(f'"{key}" must be a whole number.')
        try:
            return int(value)
        except ValueError:
            raise ActionFailed(f'"{key}" must be a whole number, not "{value}".') from None

    async def ask(
        self, purpose: Purpose, prompt: str, *, ordinal: int = 0, max_tokens: int | None = None
    ) -> str:
        """The worker model's reply at the low temperature (R13, R18).

        Raises:
            ActionFailed: the model gave nothing usable; the money is spent all the same.
        """
        profile = self.spec.profile if self.deps.config.profile == "planner" else ""
        return await ask(
            self.deps,
            CallKey(self.state["step"], 0, 0, purpose, ordinal),
            prompt,
            profile=profile,
            max_tokens=max_tokens,
        )


async def ask(
    deps: Deps, key: CallKey, prompt: str, *, profile: str = "", max_tokens: int | None = None
) -> str:
    """One call of the worker model.

    Raises:
        ActionFailed: with the reason, when the outcome is not a complete reply.
    """
    tokens = max_tokens or deps.config.worker_model().max_tokens
    return await _reply(deps, deps.worker, key, (profile, prompt), tokens)


async def keep_books(deps: Deps, key: CallKey, prompt: str) -> str:
    """One call of the bookkeeping model (A23): summaries, research log, retrieval.

    Raises:
        ActionFailed: as for `ask`.
    """
    tokens = deps.config.bookkeeping_model().max_tokens
    return await _reply(deps, deps.bookkeeper, key, ("", prompt), tokens)


async def _reply(
    deps: Deps, caller: Caller, key: CallKey, texts: tuple[str, str], max_tokens: int
) -> str:
    profile, prompt = texts
    system = profile or render("profile_assistant").strip()
    outcome = await caller(
        request(deps, key, [prompt], system=system, max_tokens=max_tokens, plan=False)
    )
    if outcome.kind != "ok":
        raise ActionFailed(f"The model that should do this gave no usable reply: {outcome.reason}")
    return outcome.text


@dataclass(frozen=True, slots=True)
class Worker:
    """An action: how it is described and how it is done."""

    spec: ActionSpec
    work: Callable[[Action], Awaitable[Done]]
