"""What the service is asked: bodies and parameters, with bounds for everything a client sends."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any, Self

from fastapi import Header, Path, Query
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.config import RunConfig, RunOptions
from core.presets import resolve

LARGEST_SEED = 2**53
_LARGEST = 10**9
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
_MODEL = r"^[a-z_]{1,40}:[\x21-\x7e]{1,200}$"

Name = Annotated[str, Field(pattern=_NAME)]
Label = Annotated[str, Field(max_length=200)]
Labels = Annotated[dict[Name, Label], Field(max_length=20)]
RunId = Annotated[str, Path(pattern=r"^[A-Za-z0-9_-]{1,64}$", examples=["3f2a9c0d1e4b5a67"])]
After = Annotated[int, Query(ge=0, lt=2**63, description="only what comes after this number")]
Limit = Annotated[int, Query(ge=1, le=500, description="entries of a page at most")]
StepNumber = Annotated[int | None, Query(ge=0, le=10_000, description="default: the last one")]
StepPath = Annotated[int, Path(ge=0, le=10_000)]
TaskPath = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$")]
Idempotency = Annotated[
    str | None,
    Header(
        pattern=r"^[\x21-\x7e]{1,200}$",
        description="the same key and body give the run of the first request again",
    ),
]


class Changes(RunOptions):
    """A preset and what is changed about it, or a whole configuration instead."""

    preset: Name = Field("default", description="name from GET /presets")
    budget_usd: Decimal | None = Field(
        None, gt=0, le=1_000_000, decimal_places=12, description="hard cap in dollars"
    )
    lifelines: int | None = Field(None, ge=0, le=1_000_000)
    model_cheap: str | None = Field(None, pattern=_MODEL, description="provider:name for tier 0")
    model_expert: str | None = Field(None, pattern=_MODEL, description="for last tier and expert")
    seed: int | None = Field(None, ge=-LARGEST_SEED, le=LARGEST_SEED)
    config: RunConfig | None = Field(
        None, description="a whole configuration (docs/configuration.md) instead of a preset"
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        beside = self.model_fields_set & (RunOptions.model_fields.keys() - {"budget_usd", "seed"})
        if self.config is not None:
            if beside:
                raise ValueError(f"give config or {', '.join(sorted(beside))}, not both")
            for fault in _faults(self.config):
                raise ValueError(fault)
        return self

    def chosen(self) -> RunConfig:
        """The configuration asked for.

        Raises:
            UnknownName: no such preset.
            ConfigurationError: a change does not fit the preset.
        """
        if self.config is None:
            return resolve(RunOptions(**self.model_dump(include=set(RunOptions.model_fields))))
        limits, seed = self.config.limits, self.config.seed if self.seed is None else self.seed
        cap = limits.budget_usd if self.budget_usd is None else self.budget_usd
        limits = limits.model_copy(update={"budget_usd": cap})
        return self.config.model_copy(update={"limits": limits, "seed": seed, "preset": "custom"})

    @property
    def asked(self) -> bool:
        """Whether anything is changed at all."""
        return bool(self.model_fields_set & Changes.model_fields.keys())


class NewRunIn(Changes):
    """A run to be started."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"task_id": "vectorization", "preset": "demo"}]}
    )

    task_id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,59}$", description="from GET /tasks")
    labels: Labels = Field(default_factory=dict, description="kept with the run, to find it by")
    priority: int = Field(0, ge=-100, le=100, description="higher ones begin first")

    def hash(self) -> str:
        """The same for the same request."""
        said = self.model_dump(mode="json", exclude_unset=True)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


class ForkIn(Changes):
    """A fork to be started; without changes it keeps the source's configuration."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"step": 1}]})

    step: int = Field(ge=1, le=10_000, description="the last step to keep")


class Nothing(BaseModel):
    """A body that may be left out."""

    model_config = ConfigDict(extra="forbid")


def _faults(config: RunConfig) -> Iterator[str]:
    """What a file of the operator may say and a stranger may not."""
    if config.tape not in {None, "task"}:
        yield 'config.tape must be "task", the task\'s own tape: files of the server are not read'
    if any(model.base_url is not None for model in config.models()):
        yield "config: base_url is the operator's to choose, in a preset file of the server"
    if config.data_version is not None:
        yield "config.data_version is set by the service; leave it out"
    if len(config.tiers) > 10 or len(config.actions) > 50:
        yield "config: at most 10 tiers and 50 actions"
    raw = config.model_dump(exclude={"seed"})
    if any(not abs(n) <= _LARGEST for n in _numbers(raw)):
        yield f"config: every number must be finite and at most {_LARGEST}"
    if abs(config.seed) > LARGEST_SEED:
        yield f"config.seed: at most {LARGEST_SEED}"
    exponent = config.limits.budget_usd.as_tuple().exponent
    if isinstance(exponent, int) and exponent < -12:
        yield "config.limits.budget_usd: at most 12 decimal places"


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, (int, float, Decimal)):
        yield float(value)
    elif isinstance(value, dict):
        for item in value.values():
            yield from _numbers(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _numbers(item)
