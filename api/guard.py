"""Stands in front of every route: bounds size and time of bodies, sets headers of answers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import SECURITY_HEADERS, problem


@dataclass(frozen=True, slots=True)
class Guarded:
    """What is let through."""

    max_body_bytes: int
    body_s: float = 20.0
    """Seconds a client may take to send its body."""


class Guard:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, rules: Guarded) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its body read, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        sending = _with_headers(send)
        body = await self._body(Request(scope, receive), headers)
        if isinstance(body, int):
            await problem(path, body, self._why(body))(scope, receive, sending)
            return
        await self._app(scope, _replayed(body, receive), sending)

    async def _body(self, request: Request, headers: Headers) -> bytes | int:
        """The whole body, or the status it is refused with."""
        most, told = self._rules.max_body_bytes, headers.get("content-length", "0")
        if not told.isdecimal() or int(told[:20]) > most:
            return 413
        try:
            async with asyncio.timeout(self._rules.body_s):
                body = await _read(request, most)
        except TimeoutError:
            return 408
        return 413 if body is None else body

    def _why(self, status: int) -> str:
        if status == 408:
            return f"The body did not arrive within {self._rules.body_s:g} s; send it at once."
        return f"A request may have {self._rules.max_body_bytes} bytes at most; send less."


async def _read(request: Request, most: int) -> bytes | None:
    """The body; None when it is longer than allowed."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def _replayed(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return sending
