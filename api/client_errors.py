"""What goes wrong between a program and the service, as errors that never hold the token."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import httpx

from core.errors import BudgetMLError

_URN = "urn:budgetml:problem:"
_LONGEST = 2000


class ServiceError(BudgetMLError):
    """The service refused a request or answered what is no answer; `status` 0 is no answer at all.

    `code` and `exit_code` are those of the error the service itself raised, where it named one.
    """

    def __init__(self, status: int, title: str, detail: str, *, code: str = "") -> None:
        super().__init__(f"{title} ({status}): {detail}" if status else f"{title}: {detail}")
        self.status = status
        self.title = title
        self.detail = detail
        self.code = code or "service"
        self.exit_code = _exit_code(status, code)
        self.retry_after_s: float | None = None
        """Seconds after which the service asks to try again."""


class ServiceUnreachable(ServiceError):
    """No answer came: nobody listens, the connection was lost, or it took too long."""

    def __init__(self, detail: str) -> None:
        super().__init__(0, "No answer", detail, code="unreachable")


def refusal(answer: httpx.Response, token: str | None) -> ServiceError:
    """The error of an answer, whose body has been read, that is no success."""
    body = _problem(answer)
    title = str(body.get("title") or _phrase(answer.status_code))
    detail = str(body.get("detail") or _foreign(answer))
    code = str(body.get("type", "")).partition(_URN)[2]
    title, detail, code = (_without(token, text) for text in (title, detail, code))
    error = ServiceError(answer.status_code, title, detail, code=code)
    wait = answer.headers.get("retry-after", "")
    error.retry_after_s = float(wait) if wait.isascii() and wait.isdigit() else None
    return error


def unreachable(url: str, error: httpx.TransportError) -> ServiceUnreachable:
    """The error of a request that got no answer."""
    if isinstance(error, httpx.TimeoutException):
        why = "it took too long; give the client a longer timeout or look at the server's /readyz"
    else:
        why = f"{error or type(error).__name__}; is the server running, and is this its address?"
    return ServiceUnreachable(f"{url}: {why}")


def not_ours(status: int, what: str) -> ServiceError:
    """The error of an answer that this client does not understand."""
    text = f"{what}; is the address that of a BudgetMLAgent server, of this client's version?"
    return ServiceError(status, "Unexpected answer", text, code="unexpected_answer")


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _foreign(answer: httpx.Response) -> str:
    """Of a proxy, or of some other server."""
    place = answer.headers.get("location")
    if place:
        return f"it points to {place[:_LONGEST]}; give the client the address that answers itself"
    return answer.text[:_LONGEST].strip() or "without a reason; look at the server's log"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown status"


def _without(token: str | None, text: str) -> str:
    return text.replace(token, "[token]") if token else text


def _exit_code(status: int, code: str) -> int:
    for kind in _kinds(BudgetMLError):
        if kind.code == code and not issubclass(kind, ServiceError):
            return kind.exit_code
    if status in {400, 404, 413, 422}:
        return 2
    return 4 if 400 <= status < 500 else 3


def _kinds(kind: type[BudgetMLError]) -> Iterator[type[BudgetMLError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)
