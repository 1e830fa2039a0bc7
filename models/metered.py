"""Pays for every attempt: reserve the worst case, send once, settle what it really was."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from core.calls import ModelRequest, Outcome
from core.errors import Fenced, RunFailed
from core.offload import off_loop
from models.attempt import Attempt
from models.base import Provider
from models.meter import Line, Meter
from models.outcomes import classify_error

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Metered:
    """One attempt per call, never above the cap; a cancelled call leaves no open reservation."""

    provider: Provider
    meter: Meter
    line: Line
    secrets: tuple[str, ...] = ()
    """Taken out of every reason, besides anything that looks like a key."""

    async def __call__(self, request: ModelRequest) -> Outcome:
        """The outcome of one attempt; raises only RunFailed (the store refused to write)."""
        attempt = Attempt(self.meter, self.line, request)
        try:
            denied = await _to_the_end(attempt.reserve)
            return denied or await self._send(attempt, request)
        except asyncio.CancelledError:
            with suppress(Fenced):
                await _to_the_end(attempt.abandon)
            raise

    async def _send(self, attempt: Attempt, request: ModelRequest) -> Outcome:
        attempt.sent = True
        try:
            reply = await self.provider.send(request)
        except RunFailed:
            raise
        except Exception as error:  # noqa: BLE001 - clients raise bare errors; this edge sorts them
            failure = classify_error(error, self.secrets)
            return await _to_the_end(partial(attempt.failed, failure))
        return await _to_the_end(partial(attempt.answered, reply))


async def _to_the_end(write: Callable[[], T]) -> T:
    """Runs a write in a thread and waits for it even when cancelled, so that none is half done."""
    task = asyncio.create_task(off_loop(write))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        while not task.done():
            with suppress(asyncio.CancelledError):  # a second one must not cut the write off either
                await asyncio.wait([task])
        raise
