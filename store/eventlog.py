"""The pen of a running run: gives every event its key, in the order things happen."""

from __future__ import annotations

import threading

from core.events import RUN_LEVEL, Event
from store.database import Store
from store.eventrows import StampedEvent
from store.fence import Fence


class EventLog:
    """One per claimed run; whoever stamps holds `turn` until the events are written."""

    def __init__(self, store: Store, fence: Fence) -> None:
        self.turn = threading.Lock()
        """Keeps the order of keys the order of writing, with calls and nodes side by side."""
        self._store = store
        self._fence = fence
        self._keys: dict[int, tuple[int, int]] = {}
        self._staged: list[Event] = []
        self.begin(RUN_LEVEL)

    @property
    def step(self) -> int:
        """The step events are counted to; RUN_LEVEL outside steps."""
        return self._step

    @property
    def attempt(self) -> int:
        """Which execution of the step this is, from 1; at run level the epoch of the claim."""
        return self._keys[self._step][0]

    def begin(self, step: int) -> None:
        """Count the events that follow to this step, under a new attempt if it was rolled back."""
        stored = self._store.events.next_key(self._fence.run_id, step)
        known = self._keys.get(step, stored)  # ahead of the store while stamped events wait
        self._enter(step, max(stored, known))

    def follow(self, step: int) -> bool:
        """Like `begin`, without the database, for the step after the current one.

        Nothing of it can be stored: a run goes on from its last whole step. False otherwise.
        """
        if self._step < 0 or step != self._step + 1:
            return False
        self._enter(step, (1, 0))
        return True

    def _enter(self, step: int, key: tuple[int, int]) -> None:
        self._keys = {k: v for k, v in self._keys.items() if k == RUN_LEVEL}
        self._keys[step] = key
        self._step = step

    def stage(self, *events: Event) -> None:
        """Let the next write carry these events in front of its own."""
        self._staged.extend(events)

    def stamp(self, *events: Event) -> list[StampedEvent]:
        """Keys for events that another write of the store is to append."""
        attempt, first = self._keys[self._step]
        events, self._staged = (*self._staged, *events), []
        self._keys[self._step] = (attempt, first + len(events))
        return [StampedEvent(e, self._step, attempt, first + i) for i, e in enumerate(events)]

    def take_back(self, stamped: list[StampedEvent], *, keep: int = 0) -> None:
        """Free the keys of events that were not written, if nothing was stamped since.

        The first `keep` of them wait for the next write.
        """
        if not stamped:
            return
        first, last = stamped[0], stamped[-1]
        if self._keys.get(first.step) == (first.attempt, last.ordinal + 1):
            self._keys[first.step] = (first.attempt, first.ordinal)
            self._staged = [s.event for s in stamped[:keep]]

    def emit(self, *events: Event) -> int:
        """Append events; returns the run's last sequence number. Raises Fenced."""
        with self.turn:
            return self._store.events.append(self._fence, self.stamp(*events))
