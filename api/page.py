"""Serves the start page and its files to anybody; its data come from the public API."""

from __future__ import annotations

from pathlib import Path

from starlette.responses import FileResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from api.problems import SECURITY_HEADERS

WEB = Path(__file__).parent / "web"
_SCRIPTS = ("app.js", "follower.js", "page.js", "server.js", "view.js")
FILES = {
    "/": ("index.html", "text/html"),
    "/page/style.css": ("style.css", "text/css"),
    **{f"/page/{name}": (name, "text/javascript") for name in _SCRIPTS},
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {**SECURITY_HEADERS, "Content-Security-Policy": _POLICY}
"""Only our own files and our own API; nothing inline, nothing from elsewhere."""


class Page:
    """ASGI middleware before the gate: a browser cannot send a token for a page or its scripts."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with one of the files, or pass the request on."""
        found = None
        if scope["type"] == "http" and scope["method"] in {"GET", "HEAD"}:
            found = FILES.get(scope["path"])
        if found is None:
            await self._app(scope, receive, send)
            return
        name, media = found
        await FileResponse(WEB / name, 200, HEADERS, media_type=media)(scope, receive, send)
