"""The service's log: one JSON object a line, with the run it is about and without secrets."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TextIO

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.about import RUN_ID
from models.redact import secrets_in, without_keys

_STANDARD = vars(logging.makeLogRecord({})).keys() | {"message", "asctime", "color_message"}
access = logging.getLogger("budgetml.access")


class JsonLines(logging.Formatter):
    """Takes secrets out while formatting: only then is the text of an exception known."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = tuple(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """The record, what was given as `extra`, and the run, if the caller works on one."""
        ts = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {"ts": ts, "level": record.levelname.lower(), "logger": record.name}
        line["message"] = record.getMessage()
        run_id = RUN_ID.get()
        if run_id is not None:
            line["run_id"] = run_id
        line |= {k: v for k, v in vars(record).items() if k not in _STANDARD}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps({k: self._clean(v) for k, v in line.items()})

    def _clean(self, value: Any) -> Any:
        if value is None or isinstance(value, (bool, int, float)):
            return value
        return without_keys(str(value), self._secrets)


def configure(stream: TextIO | None = None, level: int = logging.INFO) -> logging.Handler:
    """Send every log line of this process there (stderr) as JSON; called once, by `serve`.

    Start uvicorn with `log_config=None, access_log=False`: its lines then come here too, and the
    access log is ours, because uvicorn's shows query strings, and with them tickets.
    """
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines(secrets_in(os.environ)))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    return handler


class AccessLog:
    """One line for each finished request; a stream's is written when it ends."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and note what came of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.monotonic(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        run = RUN_ID.set(_run_of(scope["path"]))
        try:
            await self._app(scope, receive, noting)
        finally:
            access.info("request", extra=_facts(scope, status, time.monotonic() - began))
            RUN_ID.reset(run)


def _facts(scope: Scope, status: int, seconds: float) -> dict[str, Any]:
    who = scope.get("state", {}).get("principal")
    return {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "seconds": round(seconds, 4),
        "principal": getattr(who, "name", None),
        "client": (scope.get("client") or [None])[0],
    }


def _run_of(path: str) -> str | None:
    parts = path.split("/")
    return parts[2][:64] if len(parts) > 2 and parts[1] == "runs" and parts[2] else None
