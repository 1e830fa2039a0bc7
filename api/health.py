"""Whether the server lives, whether it can take work, and what it is."""

from __future__ import annotations

import platform
from importlib import metadata
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from api.deps import PartsOf
from core.errors import BudgetMLError, CodeNotTrusted
from graph.services import Services
from sandbox.gate import choose

router = APIRouter(tags=["health"])


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"] = "ok"


class Ready(BaseModel):
    """How much the server could do now."""

    status: Literal["ready", "unavailable"]
    database: str
    """ok, or what is wrong with it."""
    slots: int
    running: int
    queued: int
    max_queued: int
    warnings: list[str]
    """What an operator should know, such as missing isolation."""


class Version(BaseModel):
    """What is running."""

    name: str
    version: str
    python: str


@router.get("/healthz", operation_id="healthz")
async def healthz() -> Health:
    """The process answers."""
    return Health()


@router.get(
    "/readyz",
    operation_id="readyz",
    responses={503: {"model": Ready, "description": "The database cannot be used"}},
)
def readyz(known: PartsOf, response: Response) -> Ready:
    """The database answers, and this is how busy the engine is."""
    warnings = _warnings(known.services)
    try:
        now = known.engine.capacity()
    except (BudgetMLError, SQLAlchemyError):
        response.status_code = 503
        text = "it does not answer; the server's log says why"
        return Ready(
            status="unavailable",
            database=text,
            slots=0,
            running=0,
            queued=0,
            max_queued=0,
            warnings=warnings,
        )
    return Ready(
        status="ready",
        database="ok",
        slots=now.slots,
        running=now.running,
        queued=now.queued,
        max_queued=now.max_queued,
        warnings=warnings,
    )


@router.get("/version", operation_id="version")
async def version() -> Version:
    """Name and version of the server."""
    found = metadata.version("budgetml-agent")
    return Version(name="budgetml-agent", version=found, python=platform.python_version())


def _warnings(services: Services) -> list[str]:
    try:
        found = choose(services.settings, trusted=False)
    except CodeNotTrusted:
        return ["no isolation for programs written by models: only shipped tapes can be played"]
    return [f"sandbox {found.name}: {text}" for text in found.unprotected]
