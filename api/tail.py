"""The newest events of one followed run, encoded once for all its followers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi.sse import format_sse_event

from api.plain import encode
from api.schemas import EventOut
from core.events import LoggedEvent

KEPT = 256
"""Events kept in memory per followed run; whoever is further behind reads the log."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One event as it goes over the wire."""

    seq: int
    last: bool
    """It ends the run's log."""
    wire: bytes


def frame(event: LoggedEvent) -> Frame:
    """The event as a server-sent event whose id is its sequence number."""
    data = encode(EventOut.fields_of(event))
    wire = format_sse_event(data_str=data, event=event.type, id=str(event.seq))
    return Frame(event.seq, event.type == "run.finished", wire)


class Tail:
    """Lives while the run is followed; used on the server's loop only."""

    def __init__(self, head: int) -> None:
        self.base = head
        """Events after this one are here."""
        self.last = head
        self.followers = 0
        self.gone = False
        """The run was deleted."""
        self._frames: deque[Frame] = deque()
        self._news = asyncio.Event()

    def since(self, after: int) -> list[Frame] | None:
        """What came after that event, in order; None when the log has to be asked."""
        if after < self.base:
            return None
        return [f for f in self._frames if f.seq > after] if after < self.last else []

    def add(self, frames: Sequence[Frame]) -> None:
        """Append what follows without a gap."""
        self._frames.extend(frames)
        while len(self._frames) > KEPT:
            self.base = self._frames.popleft().seq
        self.last = frames[-1].seq
        self.tell()

    def skip_to(self, seq: int) -> None:
        """Forget everything up to there: too much happened at once."""
        self._frames.clear()
        self.base = self.last = seq

    def tell(self) -> None:
        """Wake everybody who waits."""
        self._news.set()
        self._news = asyncio.Event()

    def news(self) -> asyncio.Event:
        """Set when something has changed since now."""
        return self._news
