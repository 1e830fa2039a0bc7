"""Puts the service together: routes, errors, engine and feed, from their start to their end."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib import metadata

from fastapi import FastAPI

from api import catalogue, control, events, files, health, metrics, problems, runs, tickets, trace
from api.auth import Authenticator, Gate
from api.deps import Authenticate, Parts
from api.document import describe
from api.feed import Feed
from api.guard import Guard, Guarded
from api.logs import AccessLog
from api.page import Page
from engine.base import Engine
from engine.local import Bounds, LocalEngine
from graph.services import Services

log = logging.getLogger("budgetml.api")
ROUTERS = (
    runs.router,
    control.router,
    events.router,
    trace.router,
    files.router,
    catalogue.router,
    health.router,
)
"""The groups of endpoints that need nothing but the parts."""
_EVERYWHERE = problems.described(401, 403, 422, 500, 503)


def create_app(
    services: Services, *, engine: Engine | None = None, authenticate: Authenticate | None = None
) -> FastAPI:
    """The service over opened services; it begins to work on runs when the server starts it.

    Args:
        authenticate: instead of tokens and tickets.
    """
    settings = services.settings
    bounds = Bounds(settings.max_concurrent_runs, settings.max_queue)
    issued, lag = tickets.Tickets(), metrics.Lag()
    made = Parts(
        services,
        engine or LocalEngine(services, bounds),
        Feed(services.store, lag.observe),
        authenticate or Authenticator(services.store.tokens, issued),
    )
    app = FastAPI(
        title="BudgetMLAgent",
        version=metadata.version("budgetml-agent"),
        docs_url=None,  # these pages load their code from elsewhere
        redoc_url=None,
        responses=_EVERYWHERE,
        lifespan=partial(_living, parts=made),
    )
    app.state.parts = made
    app.add_middleware(Guard, rules=Guarded(settings.max_body_bytes))
    app.add_middleware(Gate)
    app.add_middleware(Page)
    app.add_middleware(AccessLog)
    problems.install(app)
    for router in (*ROUTERS, tickets.router(issued), metrics.router(lag)):
        app.include_router(router)
    vars(app)["openapi"] = partial(describe, app)
    return app


@asynccontextmanager
async def _living(_: FastAPI, parts: Parts) -> AsyncIterator[None]:
    parts.engine.start()
    pump = asyncio.create_task(parts.feed.pump())
    try:
        yield
    finally:
        parts.feed.close()
        await pump
        if not await asyncio.to_thread(parts.engine.stop, parts.services.settings.drain_s):
            log.error("some runs did not stop in time; they are taken up again at the next start")
