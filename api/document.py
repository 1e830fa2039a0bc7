"""The OpenAPI document: what FastAPI finds, with every error as problem+json."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from api.problems import MEDIA

DESCRIPTION = """\
Runs LLM agents that solve machine-learning engineering tasks on a dollar budget.

Start a run with `POST /runs`, follow it with `GET /runs/{run_id}/events`, and read its bill, steps,
files and report. A client that goes away never stops a run. Errors are problem+json (RFC 9457).
"""


def describe(app: FastAPI) -> dict[str, Any]:
    """Made once, on first demand."""
    if app.openapi_schema is None:
        document = get_openapi(
            title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes
        )
        for path in document["paths"].values():
            for operation in path.values():
                _as_problems(operation["responses"])
        app.openapi_schema = document
    return app.openapi_schema


def _as_problems(responses: dict[str, Any]) -> None:
    for response in responses.values():
        content = response.get("content", {})
        shown = content.get("application/json", {}).get("schema", {}).get("$ref", "")
        if shown.endswith("/Problem"):
            response["content"] = {MEDIA: content["application/json"]}
