"""Who asks: a bearer token, a ticket of one, or anybody on this machine while there is no token."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from typing import NamedTuple
from urllib.parse import urlsplit

from fastapi import Request
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from api.deps import SCOPES, Principal
from api.problems import SECURITY_HEADERS, problem
from api.tickets import Tickets
from core.errors import StorageFull
from store.database import Store
from store.tokens import LOCAL, TokenRow, Tokens

PUBLIC = frozenset({"/healthz", "/readyz"})
"""Answered to anybody who may reach the port: they tell nothing about runs."""
_EVENTS = re.compile(r"/runs/([^/]+)/events")
_REALM = 'Bearer realm="budgetml"'
_SEND_ONE = (
    "This needs a token: send `Authorization: Bearer …`. `budgetml token new NAME`, on the "
    "server's machine, makes one."
)


class _Known(NamedTuple):
    principal: Principal
    token_id: str | None


def tokens_exist(store: Store) -> bool:
    """Whether a token was ever made; without one `serve` must not listen beyond loopback."""
    return store.tokens.exist()


class Authenticator:
    """The `authenticate` of a server's `Parts`."""

    def __init__(self, tokens: Tokens, tickets: Tickets) -> None:
        self._tokens = tokens
        self._tickets = tickets
        self._closed = False

    async def __call__(self, request: Request) -> Principal:
        """Who asks; found out once a request, because a ticket is good only once.

        Raises HTTPException 401, the same for every reason.
        """
        known: _Known | None = getattr(request.state, "known", None)
        if known is None:
            known = await self._find(request)
            if known is None:
                raise HTTPException(401, _SEND_ONE, {"WWW-Authenticate": _REALM})
            request.state.known = known
            request.state.principal, request.state.token_id = known
        return known.principal

    async def _find(self, request: Request) -> _Known | None:
        header = request.headers.get("authorization")
        if header is not None:
            return await asyncio.to_thread(self._by_token, header)
        ticket, events = request.query_params.get("ticket"), _EVENTS.fullmatch(request.url.path)
        if ticket is not None:
            run_id = events[1] if events and request.method == "GET" else ""
            return await self._by_ticket(ticket, run_id)
        return _LOCAL if is_local(request) and await asyncio.to_thread(self._is_open) else None

    def _by_token(self, header: str) -> _Known | None:
        scheme, _, text = header.partition(" ")
        row = self._tokens.verify(text.strip()) if scheme.lower() == "bearer" else None
        return None if row is None else _known(row)

    async def _by_ticket(self, text: str, run_id: str) -> _Known | None:
        ticket = self._tickets.redeem(text, run_id)
        if ticket is None:
            return None
        if ticket.token_id is None:
            return _LOCAL if await asyncio.to_thread(self._is_open) else None
        row = await asyncio.to_thread(self._tokens.living, ticket.token_id)
        return None if row is None else _known(row)

    def _is_open(self) -> bool:
        self._closed = self._closed or self._tokens.exist()  # tokens are never deleted
        return not self._closed


_LOCAL = _Known(Principal(LOCAL, SCOPES), None)


class Gate:
    """Asks who it is before a body is read or a route chosen; only PUBLIC needs no answer.

    What a principal may do, each route says by itself (`Reader`, `Runner`, `Admin` in api.deps).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what is allowed, answer 401 or 503 to the rest."""
        if scope["type"] == "websocket":
            await WebSocketClose()(scope, receive, send)
            return
        if scope["type"] == "http" and not _is_public(scope):
            request = Request(scope)
            path = request.url.path
            try:
                await request.app.state.parts.authenticate(request)
            except HTTPException as error:
                headers = {**SECURITY_HEADERS, **(error.headers or {})}
                refusal = problem(path, error.status_code, error.detail, headers=headers)
                await refusal(scope, receive, send)
                return
            except (StorageFull, SQLAlchemyError):
                text = "The database cannot be used at the moment; repeat the request."
                refusal = problem(path, 503, text, code="database", headers=SECURITY_HEADERS)
                await refusal(scope, receive, send)
                return
        await self._app(scope, receive, send)


def is_local(request: Request) -> bool:
    """Whether a program of this machine asks, by itself or for a page that this service served.

    A page from elsewhere can make a browser send requests to loopback; it gives itself away by its
    Origin, or by the Host it was given by a name that resolves to here (DNS rebinding).
    """
    if request.client is None or not _is_loopback(request.client.host):
        return False
    host, origin = request.headers.get("host", ""), request.headers.get("origin")
    if not _is_loopback(_name_of(f"//{host}")):
        return False
    return origin is None or origin.partition("://")[2] == host


def _is_public(scope: Scope) -> bool:
    return scope["method"] in {"GET", "HEAD"} and scope["path"] in PUBLIC


def _known(row: TokenRow) -> _Known:
    return _Known(Principal(row.name, row.scopes), row.id)


def _name_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
