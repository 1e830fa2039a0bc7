"""A place in a run's event stream that survives lost connections: nothing twice, nothing missed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import httpx
from pydantic import ValidationError

from api.client_ask import adapter
from api.client_errors import ServiceError, not_ours, refusal, unreachable
from api.client_link import Link
from core.events import LoggedEvent

STALL_S = 45.0
"""Silence after which a stream counts as lost; the server says something every 15 s."""
PATIENCE_S = 60.0
"""How long a follower goes on trying while nothing comes from the server."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_PASSING = frozenset({408, 429, 502, 503, 504})


class Place:
    """Where a follower is; it does no input or output, so both clients share it."""

    def __init__(
        self, path: str, after: int, link: Link, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.over = False
        """The run's last event was read, or the server says that nothing will follow."""
        self._path = path
        self._seq = after
        self._link = link
        self._clock = clock
        self._away_since: float | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._left = b""

    def request(self) -> dict[str, Any]:
        """Arguments of httpx's `stream` for the next connection."""
        self._left = b""  # half an event: it comes again
        return {
            "method": "GET",
            "url": self._path,
            "headers": {"Accept": "text/event-stream", "Last-Event-ID": str(self._seq)},
            "timeout": httpx.Timeout(self._link.timeout_s, read=STALL_S),
        }

    def opened(self, answer: httpx.Response) -> bool:
        """Whether events come now; otherwise read the body and call `refused`."""
        if answer.status_code != 200:
            return False
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            raise not_ours(200, f"{self._path} answered no event stream")
        return True

    def read(self, chunk: bytes) -> Iterator[LoggedEvent]:
        """The events that are complete with these bytes; raises ServiceError at a gap."""
        self._away_since = None
        *blocks, self._left = (self._left + chunk).split(b"\n\n")
        for block in blocks:
            event = self._event(block)
            if event is not None and event.seq > self._seq:
                self._advance(event)
                yield event

    def refused(self, answer: httpx.Response) -> None:
        """Raise what a connection was refused for, unless that will pass or all was read."""
        self.over = answer.status_code == 204
        if self.over:
            return
        error = refusal(answer, self._link.token)
        if error.status not in _PASSING or self._gave_up():
            raise error
        self._pause_s = max(self._pause_s, min(error.retry_after_s or 0, _LONGEST_PAUSE_S))

    @contextmanager
    def patience(self) -> Iterator[None]:
        """Bear lost connections until the server has been away for too long."""
        try:
            yield
        except httpx.TransportError as error:
            if self._gave_up():
                raise unreachable(self._link.url, error) from error

    @asynccontextmanager
    async def async_patience(self) -> AsyncIterator[None]:
        """The same for `async with`."""
        with self.patience():
            yield

    def pause(self) -> float:
        """Seconds to wait before the next connection: more each time until events come."""
        now, self._pause_s = self._pause_s, min(self._pause_s * 2, _LONGEST_PAUSE_S)
        return now

    def _gave_up(self) -> bool:
        now = self._clock()
        self._away_since = now if self._away_since is None else self._away_since
        return now - self._away_since > PATIENCE_S

    def _event(self, block: bytes) -> LoggedEvent | None:
        """None for a comment or a hint, which keep the connection alive."""
        data = [line[5:].strip() for line in block.splitlines() if line.startswith(b"data:")]
        if not data:
            return None
        try:
            event: LoggedEvent = adapter(LoggedEvent).validate_json(b"\n".join(data))
        except ValidationError:
            raise not_ours(200, f"{self._path} holds what is no event") from None
        return event

    def _advance(self, event: LoggedEvent) -> None:
        if event.seq > self._seq + 1:
            text = f"event {event.seq} came after event {self._seq}; follow the run again"
            raise ServiceError(200, "Events are missing", text, code="gap")
        self._seq, self._pause_s = event.seq, _FIRST_PAUSE_S
        self.over = event.type == "run.finished"
