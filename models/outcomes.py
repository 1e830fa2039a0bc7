"""Sorts replies and client errors into the few outcomes the cascade knows; pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from core.calls import ModelReply
from core.state import OutcomeKind
from models.redact import without_keys

_REASON_CHARS = 300
_TOO_LONG = ("context length", "context window", "prompt is too long", "token limit")
_NOT_SENT = ("ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol")
_NETWORK = ("TransportError", "APIConnectionError", "ConnectionError", "ModelConnectionError")


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt brought no reply."""

    kind: OutcomeKind
    reason: str
    """One sentence for a person, without keys."""
    retry_after_s: float | None = None
    """How long the provider asks us to wait."""
    billed: bool = True
    """False when the request was refused or never left: it certainly costs nothing."""


class KnownFailure(Exception):
    """Raised by a provider that knows the class of its failure itself (a tape, a missing reply)."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.reason)
        self.failure = failure


def classify_reply(reply: ModelReply) -> tuple[OutcomeKind, str]:
    """The outcome of a reply that arrived, and why when it is not `ok`."""
    if reply.finish == "blocked":
        return "blocked", f"the provider blocked the reply: {reply.detail or 'no reason given'}"
    if reply.finish == "length":
        return "truncated", "the reply was cut at its token limit; answer more briefly"
    if not reply.text.strip():
        return "empty", "the reply was empty"
    return "ok", ""


def classify_error(error: Exception, secrets: Iterable[str] = ()) -> Failure:
    """What an exception of a client library means for the call (measured on the real clients)."""
    if isinstance(error, KnownFailure):
        return error.failure
    chain = _chain(error)
    reason = _reason(error, secrets)
    status = next((s for e in chain if (s := _status(e)) is not None), None)
    if status is not None:
        return _refused(status, _codes(chain), reason, _retry_after(chain))
    names = {cls.__name__ for e in chain for cls in type(e).__mro__}
    if names.intersection(_NOT_SENT):
        return Failure("transient", f"no connection to the provider: {reason}", billed=False)
    if any("Timeout" in name for name in names):
        return Failure("transient", f"the provider did not answer in time: {reason}")
    if names.intersection(_NETWORK) or _is_stream_error(error):
        return Failure("transient", f"the connection broke before the reply was whole: {reason}")
    return Failure("broken", f"the reply was not what the provider's interface promises: {reason}")


def _refused(status: int, codes: str, reason: str, retry_after_s: float | None) -> Failure:
    """A request the server answered with an error status; such requests are not billed."""
    told = f"HTTP {status}: {reason}"
    if _is_overflow(status, codes, reason):
        return Failure("overflow", f"the prompt is too long for the model ({told})", billed=False)
    if "content_filter" in codes:
        return Failure(
            "blocked", f"the provider's filter refused the prompt ({told})", billed=False
        )
    quota = "insufficient_quota" in codes
    if status in (408, 409, 425, 429) or status >= 500:
        return Failure("permanent" if quota else "transient", told, retry_after_s, billed=False)
    return Failure("permanent", told, billed=False)


def _is_overflow(status: int, codes: str, reason: str) -> bool:
    if "context_length_exceeded" in codes or status == 413:
        return True
    return status == 400 and any(words in reason.lower() for words in _TOO_LONG)


def _chain(error: BaseException) -> list[BaseException]:
    """The error and what caused it, outermost first."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return chain


def _status(error: BaseException) -> int | None:
    """The HTTP status; OpenAI and Anthropic say `status_code`, Google says `code`."""
    for name in ("status_code", "code"):
        value = getattr(error, name, None)
        if isinstance(value, int) and 400 <= value < 600:
            return value
    return None


def _codes(chain: list[BaseException]) -> str:
    """The machine-readable codes and types in the errors, in one string."""
    values = (getattr(e, name, None) for e in chain for name in ("code", "type"))
    return " ".join(str(v) for v in values if isinstance(v, str))


def _retry_after(chain: list[BaseException]) -> float | None:
    """Seconds from a Retry-After header, or from `retryDelay` in a Google error's details."""
    for error in chain:
        headers = getattr(getattr(error, "response", None), "headers", None)
        seconds = _seconds(headers.get("retry-after")) if headers is not None else None
        if seconds is not None:
            return seconds
        for detail in _google_details(getattr(error, "details", None)):
            if (seconds := _seconds(detail.get("retryDelay"))) is not None:
                return seconds
    return None


def _google_details(body: object) -> list[dict[str, Any]]:
    inner = body.get("error", body) if isinstance(body, dict) else None
    found = inner.get("details") if isinstance(inner, dict) else None
    return [d for d in found if isinstance(d, dict)] if isinstance(found, list) else []


def _seconds(text: object) -> float | None:
    """Seconds of "12", "1.5s"; None for anything else (a date is rare and not worth a clock)."""
    try:
        value = float(str(text).removesuffix("s"))
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None


def _is_stream_error(error: Exception) -> bool:
    """An error event inside a stream arrives as a bare `openai.APIError` without a status."""
    return type(error).__name__ == "APIError"


def _reason(error: Exception, secrets: Iterable[str]) -> str:
    """The error's type and first words, on one line, without keys."""
    words = " ".join(str(error).split())
    return f"{type(error).__name__}: {without_keys(words, secrets)[:_REASON_CHARS]}".rstrip(": ")
