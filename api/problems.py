"""Every error as problem+json (RFC 9457): one shape, for whatever went wrong."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from api.plain import encode
from core.errors import (
    BadRequest,
    BudgetMLError,
    Conflict,
    DataMissing,
    LimitReached,
    QueueFull,
    Refused,
    RunFailed,
    StorageFull,
    UnknownName,
    WorkspaceLost,
)
from models.redact import without_keys

MEDIA = "application/problem+json"
RETRY_S = 5
log = logging.getLogger("budgetml.api")

SECURITY_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; sandbox",
    "Cache-Control": "no-store",
}
"""Set where a route has not set its own; the answer to a bug passes no middleware."""
STATUSES: dict[type[BudgetMLError], int] = {
    UnknownName: 404,
    DataMissing: 409,
    BadRequest: 422,
    QueueFull: 429,
    LimitReached: 429,
    Conflict: 409,
    Refused: 422,
    WorkspaceLost: 410,
    StorageFull: 503,
    RunFailed: 409,
}
"""The first class an error is an instance of decides."""


class FieldProblem(BaseModel):
    """One field that cannot be used."""

    loc: str = Field(examples=["body.budget_usd"])
    message: str = Field(examples=["Input should be greater than 0"])


class Problem(BaseModel):
    """What went wrong and what to do about it."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:budgetml:problem:unknown_name",
                "title": "Not Found",
                "status": 404,
                "detail": "There is no run 'abc'; `budgetml runs` lists them.",
                "instance": "/runs/abc",
            }
        }
    )

    type: str
    title: str
    status: int
    detail: str
    instance: str
    """The path that was asked for."""
    errors: list[FieldProblem] | None = None
    """Of 422: every field that is wrong."""


class Unusable(BadRequest):
    """A field of the request is well-formed but cannot be used."""

    code = "unusable"

    def __init__(self, loc: str, message: str) -> None:
        super().__init__(message)
        self.loc = loc


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Entries of a route's `responses` for these statuses."""
    return {s: {"model": Problem, "description": HTTPStatus(s).phrase} for s in statuses}


def install(app: FastAPI) -> None:
    """Answer every error of the application with a problem."""
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(BudgetMLError, _ours)
    app.add_exception_handler(SQLAlchemyError, _database)
    app.add_exception_handler(Exception, _unexpected)


def problem(
    instance: str,
    status: int,
    detail: str,
    *,
    code: str = "",
    errors: Sequence[FieldProblem] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The response; nothing that looks like a key is in it."""
    title = HTTPStatus(status).phrase
    content: dict[str, Any] = {
        "type": f"urn:budgetml:problem:{code or title.lower().replace(' ', '_')}",
        "title": title,
        "status": status,
        "detail": without_keys(detail),
        "instance": instance,
    }
    if errors:
        content["errors"] = [error.model_dump() for error in errors]
    more = dict(headers or {})
    if status in {429, 503}:
        more.setdefault("Retry-After", str(RETRY_S))
    return Response(encode(content), status, more, media_type=MEDIA)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = f"{request.method} {request.url.path}: {error.detail}"
    return problem(request.url.path, error.status_code, detail, headers=error.headers)


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [FieldProblem(loc=_loc(e["loc"]), message=e["msg"]) for e in error.errors()]
    detail = "; ".join(f"{f.loc}: {f.message}" for f in found[:5])
    text = f"The request cannot be used: {detail}. /openapi.json describes every field."
    return problem(request.url.path, 422, text, code="validation", errors=found[:50])


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, BudgetMLError)
    status = next((s for kind, s in STATUSES.items() if isinstance(error, kind)), 500)
    wrong = [FieldProblem(loc=error.loc, message=str(error))] if isinstance(error, Unusable) else []
    wait = {"Retry-After": str(error.retry_after_s)} if isinstance(error, LimitReached) else {}
    path = request.url.path
    return problem(path, status, str(error), code=error.code, errors=wrong, headers=wait)


async def _database(request: Request, error: Exception) -> Response:
    log.error("the database failed: %s", error, exc_info=error)
    text = "The database cannot be used at the moment; repeat the request in a few seconds."
    return problem(request.url.path, 503, text, code="database")


async def _unexpected(request: Request, error: Exception) -> Response:
    text = "This should not have happened; the server's log holds the details. Please report it."
    return problem(request.url.path, 500, text, headers=SECURITY_HEADERS)


def _loc(parts: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in parts)[:200]
