"""A claimed run with its store and meter, and the requests that tests of the model layer send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import pytest

from bench.dialects import Answer
from bench.loopback import Loopback
from core.calls import CallKey, Message, ModelReply, ModelRequest
from core.config import CascadeConfig, LimitsConfig, ModelConfig, RunConfig, TierConfig
from core.events import LoggedEvent
from core.money import Usage, to_pico
from models.base import Caller, Context, Provider
from models.connect import connect
from models.meter import Line, Meter
from models.metered import Metered
from models.prices import PriceBook
from models.registry import build
from models.tape import Tape
from store.callrows import CallRow
from store.database import Store
from store.eventlog import EventLog
from store.runrows import NewRun, RunRow

KEYS = {
    "OPENAI_API_KEY": "sk-loopback-0123456789",
    "GOOGLE_API_KEY": "AIzaLoopback0123456789",
    "ANTHROPIC_API_KEY": "sk-ant-loopback-0123456789",
}
NAMES = {
    "openai": "openai:gpt-3.5-turbo",
    "google_genai": "google_genai:gemini-2.5-flash-lite",
    "anthropic": "anthropic:claude-haiku-4-5",
    "local": "local:codellama-34b",
}
needs_anthropic = pytest.mark.skipif(
    find_spec("langchain_anthropic") is None, reason="needs `pip install langchain-anthropic`"
)
ALL = [pytest.param(name, marks=needs_anthropic if name == "anthropic" else ()) for name in NAMES]
GOOD = Answer("Action: x", input_tokens=1200, output_tokens=364, cached_tokens=1024)
CHEAP = "openai:gpt-3.5-turbo"
DEAR = "openai:gpt-4-0125-preview"
SHORT = Usage(input_tokens=1200, output_tokens=300)


def request(step: int = 1, *, content: str = "What next?", max_tokens: int = 1000) -> ModelRequest:
    """A planner call of tier 0."""
    messages = (Message("system", "You plan."), Message("user", content))
    return ModelRequest(CallKey(step, 0, 1, "plan"), messages, 0.2, max_tokens)


class Scripted:
    """A provider that gives these replies, or raises these errors, in turn."""

    def __init__(self, *script: ModelReply | Exception) -> None:
        self._script = list(script)
        self.sent = 0

    async def send(self, request: ModelRequest) -> ModelReply:
        """The next of them, or the last one again."""
        said = self._script[min(self.sent, len(self._script) - 1)]
        self.sent += 1
        if isinstance(said, Exception):
            raise said
        return said


@dataclass(frozen=True, slots=True)
class Desk:
    """One claimed run as its models see it."""

    store: Store
    meter: Meter

    @classmethod
    def open(
        cls,
        folder: Path,
        model: str = CHEAP,
        *,
        budget: str = "0.50",
        lifelines: int = 5,
        cap_basis: Literal["paid", "list"] = "paid",
        lifeline_per: Literal["call", "billed_attempt"] = "billed_attempt",
    ) -> Desk:
        """A new run of one model, claimed."""
        limits = LimitsConfig(budget_usd=Decimal(budget), lifelines=lifelines, cap_basis=cap_basis)
        cascade = CascadeConfig(lifeline_per=lifeline_per)
        config = RunConfig(tiers=(TierConfig(model=model),), limits=limits, cascade=cascade)
        store = Store.open(folder / "budgetml.db")
        cap = to_pico(limits.budget_usd)
        store.runs.create(
            NewRun("run", "task", "test", config.model_dump(mode="json"), cap, lifelines)
        )
        return cls(store, _meter(store, config))

    def claimed_again(self) -> Desk:
        """The same run after its process died and another took it up."""
        fence = self.store.runs.claim("run", "second", stale_after_s=0)
        assert fence is not None
        log = EventLog(self.store, fence)
        return replace(self, meter=replace(self.meter, fence=fence, log=log))

    def metered(
        self, provider: Provider, config: ModelConfig | None = None, *, lifeline: bool = False
    ) -> Metered:
        """A single-attempt caller of a provider."""
        config = config or ModelConfig(model=CHEAP)
        line = Line.of(config, tier=0, metered=lifeline, meter=self.meter)
        return Metered(provider, self.meter, line)

    def connect(
        self,
        config: ModelConfig,
        *,
        tape: Tape | None = None,
        environ: Mapping[str, str] = KEYS,
        lifeline: bool = False,
    ) -> Caller:
        """A caller with every wrapper."""
        return connect(
            config, tier=0, metered=lifeline, meter=self.meter, tape=tape, environ=environ
        )

    def reach(self, server: Loopback, provider: str, **changes: float) -> Metered:
        """The real client of a provider, pointed at a loopback server, for single attempts."""
        config = ModelConfig.model_validate(
            {"model": NAMES[provider], "base_url": server.base_url(provider), **changes}
        )
        return self.metered(build(config, Context(KEYS)), config)

    @property
    def run(self) -> RunRow:
        """The run's row."""
        return self.store.runs.get("run")

    @property
    def calls(self) -> list[CallRow]:
        """The journal."""
        return self.store.calls.read("run")

    def events(self, *types: str) -> list[LoggedEvent]:
        """Events of these types, or all."""
        return self.store.events.read("run", limit=10_000, types=types or None)


def _meter(store: Store, config: RunConfig) -> Meter:
    fence = store.runs.claim("run", "first")
    assert fence is not None
    log = EventLog(store, fence)
    return Meter.of(config, store=store, fence=fence, log=log, book=PriceBook.load())
