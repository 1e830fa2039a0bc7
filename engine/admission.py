"""Bounds the queue: one run at a time is let in, and only while there is room."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from core.errors import QueueFull
from engine.base import Capacity


class Admission:
    """Whoever queues runs of one process goes through here; keep the block short."""

    def __init__(self, capacity: Callable[[], Capacity]) -> None:
        self._capacity = capacity
        self._turn = threading.Lock()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Room for one more run; raises QueueFull."""
        with self._turn:
            known = self._capacity()
            if known.full:
                raise QueueFull(
                    f"All {known.slots} places are taken and {known.queued} runs wait, of "
                    f"{known.max_queued} that may; try again later or raise BUDGETML_MAX_QUEUE."
                )
            yield
