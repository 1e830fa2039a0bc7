"""Model names: always "provider:name", so that nobody's guess decides who is paid."""

from __future__ import annotations

from typing import NamedTuple

from core.errors import ConfigurationError

REPLAY = "replay"
PREFIXES = ("google_genai", "openai", "anthropic", "local", REPLAY)
"""Every provider prefix; `models.registry.PROVIDERS` has one module for each."""


class ModelSpec(NamedTuple):
    """A model name in its two parts."""

    provider: str
    name: str


def parse_spec(model: str) -> ModelSpec:
    """The provider and the name of a model; ConfigurationError for a bare or unknown one."""
    provider, colon, name = model.partition(":")
    if not colon or not name or provider not in PREFIXES:
        known = ", ".join(f"{p}:" for p in PREFIXES)
        raise ConfigurationError(
            f"model {model!r} does not say who serves it; write provider:name with one of {known}"
        )
    return ModelSpec(provider, name)


def is_simulated(model: str) -> bool:
    """True for a model that answers from a tape, so that nobody is paid."""
    return model.startswith(f"{REPLAY}:")


def priced_as(model: str) -> str:
    """The model whose price counts: a replay costs what the replayed model costs."""
    return model.removeprefix(f"{REPLAY}:")
