"""The service's client for programs: `Client` blocks, `AsyncClient` is awaited, both do the same.

Only httpx, pydantic and `core` are needed. Every method raises ServiceError for a refusal and
ServiceUnreachable when no answer comes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Callable,
    Coroutine,
    Generator,
    Iterator,
)
from contextlib import aclosing, closing
from functools import wraps
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import httpx

from api import client_routes as routes
from api.client_ask import Ask, Walk
from api.client_errors import ServiceError, ServiceUnreachable
from api.client_events import Place
from api.client_link import Link, Tries
from core.events import LoggedEvent

__all__ = ["AsyncClient", "Client", "ServiceError", "ServiceUnreachable"]
P = ParamSpec("P")
T = TypeVar("T")


def _now(ask: Callable[P, Ask[T]]) -> Callable[Concatenate[Client, P], T]:
    @wraps(ask)
    def call(self: Client, /, *args: P.args, **named: P.kwargs) -> T:
        return self.carry_out(ask(*args, **named))

    return call


def _each(walk: Callable[P, Walk[T]]) -> Callable[Concatenate[Client, P], Iterator[T]]:
    @wraps(walk)
    def call(self: Client, /, *args: P.args, **named: P.kwargs) -> Iterator[T]:
        return self.walk(walk(*args, **named))

    return call


def _later(
    ask: Callable[P, Ask[T]],
) -> Callable[Concatenate[AsyncClient, P], Coroutine[Any, Any, T]]:
    @wraps(ask)
    async def call(self: AsyncClient, /, *args: P.args, **named: P.kwargs) -> T:
        return await self.carry_out(ask(*args, **named))

    return call


def _each_later(
    walk: Callable[P, Walk[T]],
) -> Callable[Concatenate[AsyncClient, P], AsyncIterator[T]]:
    @wraps(walk)
    def call(self: AsyncClient, /, *args: P.args, **named: P.kwargs) -> AsyncIterator[T]:
        return self.walk(walk(*args, **named))

    return call


class Client:
    """Talks to a server; safe to share among threads, closed by `with` or `close`."""

    def __init__(self, url: str, token: str | None = None, *, timeout_s: float = 30.0) -> None:
        """`timeout_s` bounds each wait for the server; raises ConfigurationError for a bad url."""
        self._link = Link(url, token, timeout_s)
        self._http = httpx.Client(**self._link.options())

    tasks, task = _now(routes.tasks), _now(routes.task)
    presets, models = _now(routes.presets), _now(routes.models)
    start, runs, run = _now(routes.start), _each(routes.runs), _now(routes.run)
    cancel, resume, fork = _now(routes.cancel), _now(routes.resume), _now(routes.fork)
    delete, report = _now(routes.delete), _now(routes.report)
    steps, step, graph = _each(routes.steps), _now(routes.step), _now(routes.graph)
    calls, bill = _each(routes.calls), _now(routes.bill)
    files, file, diff = _now(routes.files), _now(routes.file), _now(routes.diff)

    def events(self, run_id: str, *, after: int = 0, follow: bool = True) -> Iterator[LoggedEvent]:
        """The events after this number, each once and in order.

        Until the run has ended, over lost connections and restarts of the server; without
        `follow` only those there are now.
        """
        return self._followed(run_id, after) if follow else self.walk(routes.logged(run_id, after))

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def carry_out(self, ask: Ask[T]) -> T:
        """Send one request and read its answer."""
        tries = Tries(self._link, ask)
        while True:
            try:
                answer = self._http.request(**ask.request())
            except httpx.TransportError as error:
                tries.failed(error)
            else:
                return self._link.result(ask, answer)

    def walk(self, walk: Walk[T]) -> Iterator[T]:
        """Every item, asking for the next page when the one before is used up."""
        page = self.carry_out(walk.page({}))
        while True:
            yield from page.items
            if page.next is None:
                return
            page = self.carry_out(walk.page(page.next))

    def _followed(self, run_id: str, after: int) -> Iterator[LoggedEvent]:
        place = Place(routes.events_path(run_id), after, self._link)
        while not place.over:
            with place.patience(), closing(self._connected(place)) as events:
                yield from events
            if not place.over:
                time.sleep(place.pause())

    def _connected(self, place: Place) -> Generator[LoggedEvent, None, None]:
        with self._http.stream(**place.request()) as answer:
            if not place.opened(answer):
                answer.read()
                place.refused(answer)
                return
            for chunk in answer.iter_bytes():
                yield from place.read(chunk)


class AsyncClient:
    """Talks to a server from one event loop; closed by `async with` or `close`."""

    def __init__(self, url: str, token: str | None = None, *, timeout_s: float = 30.0) -> None:
        """`timeout_s` bounds each wait for the server; raises ConfigurationError for a bad url."""
        self._link = Link(url, token, timeout_s)
        self._http = httpx.AsyncClient(**self._link.options())

    tasks, task = _later(routes.tasks), _later(routes.task)
    presets, models = _later(routes.presets), _later(routes.models)
    start, runs, run = _later(routes.start), _each_later(routes.runs), _later(routes.run)
    cancel, resume, fork = _later(routes.cancel), _later(routes.resume), _later(routes.fork)
    delete, report = _later(routes.delete), _later(routes.report)
    steps, step, graph = _each_later(routes.steps), _later(routes.step), _later(routes.graph)
    calls, bill = _each_later(routes.calls), _later(routes.bill)
    files, file, diff = _later(routes.files), _later(routes.file), _later(routes.diff)

    def events(
        self, run_id: str, *, after: int = 0, follow: bool = True
    ) -> AsyncIterator[LoggedEvent]:
        """The events after this number, each once and in order.

        Until the run has ended, over lost connections and restarts of the server; without
        `follow` only those there are now.
        """
        return self._followed(run_id, after) if follow else self.walk(routes.logged(run_id, after))

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, *_: type[BaseException] | BaseException | TracebackType | None
    ) -> None:
        await self.close()

    async def carry_out(self, ask: Ask[T]) -> T:
        """Send one request and read its answer."""
        tries = Tries(self._link, ask)
        while True:
            try:
                answer = await self._http.request(**ask.request())
            except httpx.TransportError as error:
                tries.failed(error)
            else:
                return self._link.result(ask, answer)

    async def walk(self, walk: Walk[T]) -> AsyncIterator[T]:
        """Every item, asking for the next page when the one before is used up."""
        page = await self.carry_out(walk.page({}))
        while True:
            for item in page.items:
                yield item
            if page.next is None:
                return
            page = await self.carry_out(walk.page(page.next))

    async def _followed(self, run_id: str, after: int) -> AsyncIterator[LoggedEvent]:
        place = Place(routes.events_path(run_id), after, self._link)
        while not place.over:
            async with place.async_patience(), aclosing(self._connected(place)) as events:
                async for event in events:
                    yield event
            if not place.over:
                await asyncio.sleep(place.pause())

    async def _connected(self, place: Place) -> AsyncGenerator[LoggedEvent, None]:
        async with self._http.stream(**place.request()) as answer:
            if not place.opened(answer):
                await answer.aread()
                place.refused(answer)
                return
            async for chunk in answer.aiter_bytes():
                for event in place.read(chunk):
                    yield event
