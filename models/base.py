"""The Protocols of the model layer: providers translate, callers add journal, retries, money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from core.calls import ModelReply, ModelRequest, Outcome
from core.config import ModelConfig

if TYPE_CHECKING:
    from models.tape import Tape
    from store.eventlog import EventLog


class Provider(Protocol):
    """One model of one provider: a single attempt, no retries, no bookkeeping."""

    async def send(self, request: ModelRequest) -> ModelReply:
        """One HTTP attempt; raises whatever the client library raises."""
        ...


class Caller(Protocol):
    """A model as nodes use it; wrapped as journaled(retrying(metered(provider)))."""

    async def __call__(self, request: ModelRequest) -> Outcome:
        """The outcome of the call; never raises for provider or budget trouble."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a provider may need besides its configuration."""

    environ: Mapping[str, str]
    """Where keys are read; passed in, so that no module reads the process's environment."""
    tape: Tape | None = None
    log: EventLog | None = None


class ProviderModule(Protocol):
    """What a module of the registry offers; it imports its client library only inside `build`."""

    REQUIRES: str
    """The client library as an import name; empty when none is needed."""
    KEYS: tuple[str, ...]
    """Variables of which one must hold a key; empty when none is needed."""

    def build(self, config: ModelConfig, context: Context) -> Provider:
        """A provider for one model; sends nothing yet."""
        ...
