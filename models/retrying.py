"""The one retry loop of the project: waits and asks again when a provider is only busy."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from core.calls import ModelRequest, Outcome
from models.base import Caller

Sleep = Callable[[float], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Retrying:
    """Repeats transient failures, and once a broken reply; everything else is the cascade's."""

    inner: Caller
    attempts: int = 4
    """Attempts at a call that meets transient failures."""
    broken_attempts: int = 2
    base_s: float = 1.0
    """The first pause is a random part of this, each further one of twice as much."""
    longest_s: float = 60.0
    """No pause is longer, whatever the provider asks for."""
    sleep: Sleep = asyncio.sleep
    rng: random.Random = field(default_factory=random.Random)

    async def __call__(self, request: ModelRequest) -> Outcome:
        """The outcome of the first attempt that settles the matter, or of the last one."""
        attempt = 1
        while True:
            outcome = await self.inner(request)
            if attempt >= self._allowed(outcome):
                return outcome
            await self.sleep(self._pause(outcome, attempt))
            attempt += 1

    def _allowed(self, outcome: Outcome) -> int:
        """How many attempts an outcome of this kind justifies."""
        return {"transient": self.attempts, "broken": self.broken_attempts}.get(outcome.kind, 1)

    def _pause(self, outcome: Outcome, attempt: int) -> float:
        """Seconds to wait: at least what the provider asked for, plus full jitter."""
        backoff = self.rng.uniform(0, self.base_s * 2 ** (attempt - 1))
        return min(max(outcome.retry_after_s or 0.0, backoff), self.longest_s)
