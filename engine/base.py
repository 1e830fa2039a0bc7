"""What the service asks of an engine, whichever machines it has."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from store.runrows import Status


@dataclass(frozen=True, slots=True)
class Capacity:
    """How much an engine does and could do."""

    slots: int
    """Runs it works on at once."""
    running: int
    queued: int
    """Submitted runs without a place yet."""
    max_queued: int

    @property
    def full(self) -> bool:
        """Whether a new run would be refused."""
        return self.running + self.queued >= self.slots + self.max_queued


class Engine(Protocol):
    """Works on the submitted runs of the store; the rows are the truth, the engine only acts."""

    def start(self) -> None:
        """Take up what waits and what a dead process left, now and from now on."""
        ...

    def admission(self) -> AbstractContextManager[None]:
        """Room for the one run that the short block queues. Raises QueueFull."""
        ...

    def submit(self, run_id: str) -> None:
        """Begin with this queued run as soon as there is a place, highest priority first."""
        ...

    def cancel(self, run_id: str) -> Status:
        """Stop a run for good, whoever works on it; returns its status. Raises UnknownName."""
        ...

    def capacity(self) -> Capacity:
        """How busy it is."""
        ...

    def stop(self, drain_s: float) -> bool:
        """Leave all runs queued for the next start; False when some did not stop in time."""
        ...
