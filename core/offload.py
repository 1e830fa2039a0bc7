"""Where blocking calls run: right here when the loop belongs to one run, else in a thread.

A hop to a thread and back costs about as much as a small transaction. Our runner gives each run a
loop of its own, where nobody else can be kept waiting; a server's loop is shared, so there it hops.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
_OWN_LOOP: ContextVar[bool] = ContextVar("own_loop", default=False)


@contextmanager
def own_loop() -> Iterator[None]:
    """Everything awaited or started in here may block the running loop."""
    token = _OWN_LOOP.set(True)
    try:
        yield
    finally:
        _OWN_LOOP.reset(token)


async def off_loop(work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Run a blocking call (database, history, files) without disturbing others."""
    if _OWN_LOOP.get():
        return work(*args, **kwargs)
    return await asyncio.to_thread(work, *args, **kwargs)
