"""The address and the token of a server, and what becomes of a request to it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx

from api.client_ask import Ask
from api.client_errors import refusal, unreachable
from core.errors import ConfigurationError

T = TypeVar("T")
_MOST = 2
_TOKEN = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Link:
    """Where requests go and as whom."""

    url: str
    token: str | None = field(repr=False)
    timeout_s: float

    def __post_init__(self) -> None:
        """Checked here, because the library's errors would show an illegal token or password."""
        if self.token is not None and not _TOKEN.fullmatch(self.token):
            text = "The token holds characters no token has; copy it again, without line breaks."
            raise ConfigurationError(text)
        if not _is_address(self.url):
            text = "The server's address must be like http://localhost:8000, without a password."
            raise ConfigurationError(text)

    def options(self) -> dict[str, Any]:
        """Arguments of httpx's clients; redirects are not followed, they would carry the token."""
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return {"base_url": self.url, "headers": headers, "timeout": self.timeout_s}

    def result(self, ask: Ask[T], answer: httpx.Response) -> T:
        """What was asked for; raises ServiceError."""
        if not answer.is_success:
            raise refusal(answer, self.token)
        return ask.read(answer)


@dataclass(slots=True)
class Tries:
    """Asks once more what may be asked twice: a kept connection dies with a server's restart."""

    link: Link
    ask: Ask[Any]
    made: int = 0

    def failed(self, error: httpx.TransportError) -> None:
        """Return if the request is to be sent again; raises ServiceUnreachable if not."""
        self.made += 1
        lost = not isinstance(error, httpx.TimeoutException)
        if not (lost and self.ask.repeatable and self.made < _MOST):
            raise unreachable(self.link.url, error) from error


def _is_address(url: str) -> bool:
    try:
        found = httpx.URL(url)
    except httpx.InvalidURL:
        return False
    return found.scheme in {"http", "https"} and bool(found.host) and not found.userinfo
