"""Hands the durable event log to any number of followers without keeping it in memory.

One task reads what is new in all followed runs, woken by the writers of this process and by a clock
for those of others. A follower takes the newest events from there and older ones from the log, one
page at a time and only when the last one has been sent, so a slow one costs a page, not a queue.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from api.tail import KEPT, Frame, Tail, frame
from core.errors import BudgetMLError
from store.database import Store

POLL_S = 0.25
KEEPALIVE_S = 15.0
PAGE = 100
log = logging.getLogger("budgetml.api")


def unobserved(_: float) -> None:
    """A lag nobody measures."""


class Feed:
    """One per server; everything but the wake-up happens on its loop."""

    def __init__(self, store: Store, lag: Callable[[float], None] = unobserved) -> None:
        """`lag` is told, from any thread, the seconds from an event's writing to its reading."""
        self._store = store
        self._lag = lag
        self._tails: dict[str, Tail] = {}
        self._wake = asyncio.Event()
        self._woken = False
        self._closed = False

    async def pump(self) -> None:
        """Read what is new until cancelled."""
        loop = asyncio.get_running_loop()

        def written() -> None:
            if self._tails and not self._woken:
                self._woken = True
                with suppress(RuntimeError):  # the loop has ended, a run has not yet
                    loop.call_soon_threadsafe(self._wake.set)

        with self._store.telling(written):
            while not self._closed:
                self._woken = False
                self._wake.clear()
                try:
                    await self._look()
                except (BudgetMLError, SQLAlchemyError) as error:
                    log.warning("events cannot be read, trying again: %s", error)
                    await asyncio.sleep(POLL_S)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_S if self._tails else None)

    def close(self) -> None:
        """End every stream after what it is sending; nobody follows from now on."""
        self._closed = True
        self._wake.set()
        for tail in self._tails.values():
            tail.tell()

    async def follow(self, run_id: str, after: int, head: int) -> AsyncGenerator[list[Frame], None]:
        """Batches of events after `after`, ending with the run's last; empty ones to keep alive.

        `head` is the last event the caller knows of.
        """
        with self._followed(run_id, head) as tail:
            last = False
            while not (last or self._closed or tail.gone):
                news = tail.news()
                frames = tail.since(after)
                if frames is None:
                    frames = await self._page(run_id, after)
                if not frames and await _came(news):
                    continue
                yield frames
                if frames:
                    after, last = frames[-1].seq, frames[-1].last

    @contextmanager
    def _followed(self, run_id: str, head: int) -> Iterator[Tail]:
        tail = self._tails.setdefault(run_id, Tail(head))
        tail.followers += 1
        self._wake.set()
        try:
            yield tail
        finally:
            tail.followers -= 1
            if not tail.followers and self._tails.get(run_id) is tail:
                del self._tails[run_id]

    async def _page(self, run_id: str, after: int) -> list[Frame]:
        def read() -> list[Frame]:
            return [frame(e) for e in self._store.events.read(run_id, after, PAGE)]

        return await asyncio.to_thread(read)

    async def _look(self) -> None:
        if not self._tails:
            return
        tails = dict(self._tails)
        found = await asyncio.to_thread(self._new, {r: t.last for r, t in tails.items()})
        for run_id, tail in tails.items():
            frames = found.get(run_id)
            if frames is None:
                tail.gone = True
                tail.tell()
            elif frames and frames[0].seq > tail.last + 1:
                tail.skip_to(frames[0].seq - 1)
                tail.add(frames)
            elif frames:
                tail.add(frames)

    def _new(self, known: dict[str, int]) -> dict[str, list[Frame]]:
        """What is new in each run, at most the newest KEPT; a deleted run is left out."""
        found: dict[str, list[Frame]] = {}
        for run_id, head in self._store.events.heads(known).items():
            after = max(known[run_id], head - KEPT)
            news = self._store.events.read(run_id, after, KEPT) if head > after else []
            found[run_id] = [frame(event) for event in news]
            for event in news:
                written = datetime.fromisoformat(event.ts)
                self._lag((datetime.now(UTC) - written).total_seconds())
        return found


async def _came(news: asyncio.Event) -> bool:
    try:
        await asyncio.wait_for(news.wait(), KEEPALIVE_S)
    except TimeoutError:
        return False
    return True
