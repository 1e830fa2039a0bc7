"""The engine in the server's process: a thread per run, and one that looks for work.

The queue is the store itself, so nothing is lost with the process: a stopped engine leaves its runs
`queued`, a killed one leaves them `running` without a live owner, and both are taken up at the next
start. A run that a person or an error left `interrupted` waits until somebody resumes it.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.exc import SQLAlchemyError

from core.errors import BudgetMLError
from engine.admission import Admission
from engine.base import Capacity
from engine.standing import is_abandoned
from engine.worker import Worker
from graph.owner import claim, new_owner
from graph.runner import run_agent
from graph.services import Services
from store.queues import OpenRun
from store.runrows import Status

log = logging.getLogger("budgetml.engine")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a local engine takes on."""

    slots: int = 4
    max_queued: int = 100
    look_s: float = 2.0
    """Seconds between two looks for work that nobody announced."""
    fruitless_claims: int = 10
    """So many in a row without a finished step, and a run is taken for one that kills us."""


class LocalEngine:
    """See engine.base.Engine."""

    def __init__(self, services: Services, bounds: Bounds = Bounds()) -> None:
        self._services = services
        self._queue, self._runs = services.store.queue, services.store.runs
        self._bounds = bounds
        self._owner = new_owner()
        self._turn = threading.Lock()
        self._workers: dict[str, Worker] = {}
        self._news, self._over = threading.Event(), threading.Event()
        self._seeker = threading.Thread(target=self._seek, name="engine", daemon=True)
        self.admission = Admission(self.capacity)

    def start(self) -> None:
        """Look for work from now on."""
        self._seeker.start()

    def submit(self, run_id: str) -> None:
        """It stands in the store; look at once."""
        self._news.set()

    def cancel(self, run_id: str) -> Status:
        """Its worker's heartbeat sees the wish within a second."""
        status = self._runs.request_cancel(run_id)
        self._news.set()
        return status

    def capacity(self) -> Capacity:
        """Queued runs of other servers on the same database count too."""
        bounds = self._bounds
        with self._turn:
            begun = list(self._workers)
        queued = self._queue.length(besides=begun)
        return Capacity(bounds.slots, len(begun), queued, bounds.max_queued)

    def stop(self, drain_s: float) -> bool:
        """Stop every run and wait for its thread; False when one is still alive after `drain_s`."""
        deadline = time.monotonic() + drain_s
        self._over.set()
        self._news.set()
        if self._seeker.is_alive():
            self._seeker.join(drain_s)
        with self._turn:
            workers = list(self._workers.values())
        for worker in workers:
            worker.stop()
        for worker in workers:
            worker.join(max(0.0, deadline - time.monotonic()))
        return not any(worker.is_alive() for worker in workers)

    def _seek(self) -> None:
        while not self._over.is_set():
            self._news.clear()
            try:
                self._take_up(self._queue.open_runs())
            except (BudgetMLError, SQLAlchemyError) as error:
                log.warning("could not look for runs, trying again: %s", error)
            self._news.wait(self._bounds.look_s)

    def _take_up(self, found: Sequence[OpenRun]) -> None:
        for row in found:
            if self._over.is_set():
                return
            if row.id in self._workers or not self._is_free(row):
                continue
            if row.status == "cancelling":
                self._end(row, "cancelled", "cancelled", None)
            elif row.status == "running" and self._is_poison(row):
                self._end(row, "failed", "error", self._poison_text(row))
            elif len(self._workers) < self._bounds.slots:
                self._begin(row.id)

    def _is_free(self, row: OpenRun) -> bool:
        return row.owner == self._owner or is_abandoned(row)

    def _is_poison(self, row: OpenRun) -> bool:
        return self._queue.fruitless_claims(row.id) >= self._bounds.fruitless_claims

    def _poison_text(self, row: OpenRun) -> str:
        return (
            f"Run {row.id} was begun {self._bounds.fruitless_claims} times without finishing a "
            "step, and each time its process died: look for what its last step uses up, then fork."
        )

    def _begin(self, run_id: str) -> None:
        services, owner = self._services, self._owner
        worker = Worker(
            run_id, lambda: run_agent(services, run_id, owner, requeue=True), self._ended
        )
        with self._turn:
            self._workers[run_id] = worker
        worker.start()

    def _ended(self, run_id: str) -> None:
        with self._turn:
            self._workers.pop(run_id, None)
        self._news.set()

    def _end(
        self, row: OpenRun, status: Literal["cancelled", "failed"], reason: str, error: str | None
    ) -> None:
        """End a run nobody works on."""
        fence = claim(self._runs, row.id, self._owner)
        if fence is not None:
            self._runs.finish(fence, status=status, end_reason=reason, result={}, error=error)
