"""One run, one thread, one event loop: runs block their loop and must not share it."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any

from core.about import RUN_ID
from core.errors import BudgetMLError

log = logging.getLogger("budgetml.engine")


class Worker(threading.Thread):
    """Lives as long as its run is being worked on; not a daemon, so that a run ends in order."""

    def __init__(
        self,
        run_id: str,
        work: Callable[[], Coroutine[Any, Any, object]],
        ended: Callable[[str], None],
    ) -> None:
        super().__init__(name=f"run-{run_id}", daemon=False)
        self.run_id = run_id
        self._work = work
        self._ended = ended
        self._turn = threading.Lock()
        self._stopped = False
        self._cancel: Callable[[], object] | None = None

    def run(self) -> None:
        """Work until the run has ended or was stopped; its row says how."""
        RUN_ID.set(self.run_id)
        try:
            asyncio.run(self._main())
        except asyncio.CancelledError:
            log.info("run %s was stopped and stays queued", self.run_id)
        except (BudgetMLError, OSError) as error:
            log.warning("run %s cannot go on: %s", self.run_id, error)
        finally:
            self._ended(self.run_id)

    def stop(self) -> None:
        """Ask it, from any thread, to stop where it can be resumed."""
        with self._turn:
            self._stopped = True
            if self._cancel is not None:
                self._cancel()

    async def _main(self) -> None:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()
        with self._turn:
            if self._stopped or task is None:
                return
            cancel = task.cancel
            self._cancel = lambda: loop.call_soon_threadsafe(cancel)
        try:
            await self._work()
        finally:
            with self._turn:
                self._cancel = None
