"""Follows the event log of a run, whichever process writes it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from cli.screen import Screen
from core.events import LoggedEvent
from store.database import Store

POLL_S = 0.15
PAGE = 500


async def follow(
    store: Store,
    run_id: str,
    screen: Screen,
    *,
    after: int = 0,
    over: Callable[[], Awaitable[bool]],
) -> None:
    """Print events as they come, until `over` says so and none is left."""
    while True:
        last = await over()
        page = await asyncio.to_thread(store.events.read, run_id, after, PAGE)
        for event in page:
            screen.show(event)
        if page:
            after = page[-1].seq
            if page[-1].type == "run.finished":
                return
        elif last:
            return
        else:
            await asyncio.sleep(POLL_S)


def replay_silently(store: Store, run_id: str, screen: Screen) -> int:
    """Let the screen know how a run stands; returns the last sequence number."""
    after = 0
    while page := store.events.read(run_id, after, PAGE):
        _absorb(page, screen)
        after = page[-1].seq
    return after


def _absorb(page: list[LoggedEvent], screen: Screen) -> None:
    for event in page:
        screen.absorb(event)
