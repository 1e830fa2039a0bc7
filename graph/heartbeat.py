"""Keeps a claimed run alive from a thread of its own, so that a busy loop never looks dead."""

from __future__ import annotations

import asyncio
import threading
from types import TracebackType
from typing import Any, Self

from core.errors import Fenced, StorageFull
from store.fence import Fence
from store.runs import Runs

BEAT_S = 0.5


class Heartbeat:
    """Beats until the block ends; cancels the task when the run is cancelled or was taken over."""

    def __init__(self, runs: Runs, fence: Fence, work: asyncio.Task[Any]) -> None:
        self._runs = runs
        self._fence = fence
        self._work = work
        self._loop = asyncio.get_running_loop()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"beat-{fence.run_id}", daemon=True)
        self.cancelled = False
        """Somebody asked for the run to be cancelled."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(BEAT_S):
            status = self._status()
            if status in {"cancelling", "fenced"}:
                self.cancelled = status == "cancelling"
                self._loop.call_soon_threadsafe(self._work.cancel)
                return

    def _status(self) -> str:
        try:
            return self._runs.beat(self._fence)
        except Fenced:
            return "fenced"
        except StorageFull:
            return "unknown"  # the work will find out; a later beat may get through
