"""What every route may ask for: the parts of the service, who asks, and the run that is meant."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from api.feed import Feed
from api.requests import RunId
from engine.base import Engine
from graph.services import Services
from store.runrows import RunRow

Scope = Literal["read", "run", "admin"]
SCOPES: frozenset[Scope] = frozenset({"read", "run", "admin"})


@dataclass(frozen=True, slots=True)
class Principal:
    """On whose behalf a request is made."""

    name: str
    scopes: frozenset[Scope]


Authenticate = Callable[[Request], Awaitable[Principal]]
"""Tells who asks, or raises HTTPException 401."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What one server is made of."""

    services: Services
    engine: Engine
    feed: Feed
    authenticate: Authenticate


async def anybody(_: Request) -> Principal:
    """Whoever reaches a server on loopback may do everything."""
    return Principal("local", SCOPES)


def parts(request: Request) -> Parts:
    """The server's parts."""
    found: Parts = request.app.state.parts
    return found


async def principal(request: Request) -> Principal:
    """Who asks; raises HTTPException 401."""
    return await parts(request).authenticate(request)


def _needs(scope: Scope) -> Callable[[Principal], Awaitable[Principal]]:
    async def check(who: Annotated[Principal, Depends(principal)]) -> Principal:
        if scope not in who.scopes:
            raise HTTPException(403, f'this needs a token with the scope "{scope}"')
        return who

    return check


PartsOf = Annotated[Parts, Depends(parts)]
Reader = Annotated[Principal, Depends(_needs("read"))]
Runner = Annotated[Principal, Depends(_needs("run"))]
Admin = Annotated[Principal, Depends(_needs("admin"))]


def run_row(run_id: RunId, known: PartsOf) -> RunRow:
    """The run of the path; raises UnknownName."""
    return known.services.store.runs.get(run_id)


Run = Annotated[RunRow, Depends(run_row)]
