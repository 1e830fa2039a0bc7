"""Tickets: what a browser's EventSource shows instead of a header it cannot send.

A ticket opens the event stream of one run, once, within a minute. Unlike a cookie it is never sent
by itself, so no other site can use it, and the server needs no session and no CSRF protection. Its
price: a page asks for a new one before each reconnect.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Body, Request, status
from pydantic import BaseModel, ConfigDict, Field

from api.deps import PartsOf, Principal, Reader
from api.problems import Unusable, described
from core.errors import LimitReached, UnknownName

LIFETIME_S = 60.0
MOST = 100
"""Unused tickets of one principal."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """What the server remembers of a ticket, under its hash."""

    run_id: str
    principal: Principal
    token_id: str | None
    """The token it was made with; None when the service was open."""
    ends: float
    """On the clock of its `Tickets`."""


class Tickets:
    """In memory and for the server's loop only: one process serves, and a restart costs a retry."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._tickets: dict[bytes, Ticket] = {}

    def issue(self, run_id: str, principal: Principal, token_id: str | None) -> str:
        """A new ticket; raises LimitReached when too many are unused."""
        now = self._clock()
        self._tickets = {k: t for k, t in self._tickets.items() if t.ends > now}
        if sum(t.principal.name == principal.name for t in self._tickets.values()) >= MOST:
            raise LimitReached(
                f"{MOST} tickets of yours are unused; use them or wait a minute.",
                retry_after_s=int(LIFETIME_S),
            )
        text = secrets.token_urlsafe(32)
        self._tickets[_key(text)] = Ticket(run_id, principal, token_id, now + LIFETIME_S)
        return text

    def redeem(self, text: str, run_id: str) -> Ticket | None:
        """The ticket, which is worth nothing from now on; None when it is not for this."""
        ticket = self._tickets.pop(_key(text), None)
        if ticket is None or ticket.run_id != run_id or ticket.ends <= self._clock():
            return None
        return ticket


class TicketIn(BaseModel):
    """Which events it is for."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"run_id": "3f2a9c0d1e4b5a67"}]}
    )

    run_id: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")


class TicketOut(BaseModel):
    """A ticket and where it is good for."""

    ticket: str
    url: str = Field(examples=["/runs/3f2a9c0d1e4b5a67/events?ticket=…"])
    expires_in_s: int = Field(examples=[60])


def router(tickets: Tickets) -> APIRouter:
    """The one route, over the tickets that the server's `Authenticator` redeems."""
    routes = APIRouter(tags=["events"])

    @routes.post(
        "/tickets",
        status_code=status.HTTP_201_CREATED,
        operation_id="create_ticket",
        responses=described(400, 408, 413, 429),
    )
    async def new_ticket(
        request: Request, wanted: Annotated[TicketIn, Body()], who: Reader, known: PartsOf
    ) -> TicketOut:
        """For EventSource, which cannot send headers: good once, for one minute, for one run."""
        try:
            row = await asyncio.to_thread(known.services.store.runs.get, wanted.run_id)
        except UnknownName as error:
            raise Unusable("body.run_id", str(error)) from error
        token_id = getattr(request.state, "token_id", None)
        ticket = tickets.issue(row.id, who, token_id)
        url = f"/runs/{row.id}/events?ticket={ticket}"
        return TicketOut(ticket=ticket, url=url, expires_in_s=int(LIFETIME_S))

    return routes


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
