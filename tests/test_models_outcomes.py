"""Sorting replies and errors without a server: what real clients cannot easily be made to do."""

from __future__ import annotations

import pytest

from core.calls import ModelReply
from core.state import OutcomeKind
from models.outcomes import Failure, KnownFailure, classify_error, classify_reply
from models.redact import secrets_in


class ConnectTimeout(TimeoutError):
    """Named like the HTTP clients' error for a connection that was never made."""


class StatusError(Exception):
    """Looks like the errors of the OpenAI and Anthropic clients."""

    def __init__(self, status: int, code: str = "", message: str = "no") -> None:
        super().__init__(message)
        self.status_code = status
        self.code = code


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (ModelReply("Action: x"), "ok"),
        (ModelReply("Action: x", finish="unknown"), "ok"),
        (ModelReply("Action", finish="length"), "truncated"),
        (ModelReply("", finish="length"), "truncated"),
        (ModelReply("Action", finish="blocked"), "blocked"),
        (ModelReply(" \n"), "empty"),
    ],
)
def test_a_reply_is_judged_by_its_finish_before_its_text(
    reply: ModelReply, kind: OutcomeKind
) -> None:
    found, reason = classify_reply(reply)
    assert found == kind
    assert bool(reason) == (kind != "ok")


@pytest.mark.parametrize(
    ("error", "kind", "billed"),
    [
        (StatusError(401), "permanent", False),
        (StatusError(422), "permanent", False),
        (StatusError(408), "transient", False),
        (StatusError(429), "transient", False),
        (StatusError(429, "insufficient_quota"), "permanent", False),
        (StatusError(529), "transient", False),
        (StatusError(400, "context_length_exceeded"), "overflow", False),
        (
            StatusError(400, message="This model's maximum context length is 8192"),
            "overflow",
            False,
        ),
        (StatusError(400, message="prompt is too long: 210000 tokens"), "overflow", False),
        (StatusError(413), "overflow", False),
        (StatusError(400, "content_filter"), "blocked", False),
        (ConnectTimeout("connect"), "transient", False),
        (TimeoutError(), "transient", True),
        (ConnectionResetError("peer"), "transient", True),
        (IndexError("list index out of range"), "broken", True),
        (KeyError("choices"), "broken", True),
    ],
)
def test_every_error_has_one_class_and_says_whether_it_may_be_billed(
    error: Exception, kind: OutcomeKind, billed: bool
) -> None:
    failure = classify_error(error)
    assert (failure.kind, failure.billed) == (kind, billed)


def test_the_cause_of_an_error_counts() -> None:
    error = RuntimeError("the client failed")
    error.__cause__ = StatusError(429)
    assert classify_error(error).kind == "transient"


def test_a_cause_that_was_hidden_on_purpose_does_not_count() -> None:
    error = ValueError("no JSON")
    error.__context__ = StatusError(401)
    assert classify_error(error).kind == "permanent"
    error.__suppress_context__ = True
    assert classify_error(error).kind == "broken"


def test_a_provider_that_knows_its_failure_is_believed() -> None:
    known = Failure("overflow", "too long", billed=False)
    assert classify_error(KnownFailure(known)) is known


def test_a_reason_is_one_short_line() -> None:
    reason = classify_error(ValueError("first\nsecond " + "x" * 5000)).reason
    assert "first second" in reason
    assert "\n" not in reason
    assert len(reason) < 500


@pytest.mark.parametrize(
    "message",
    [
        "Incorrect API key provided: sk-proj-a1b2c3d4e5f6g7.",
        "Incorrect API key provided: sk-proj-****************e5f6.",
        "GET https://host/v1?key=AIzaSyA1b2C3d4E5f6G7h8 failed",
        "headers: {'Authorization': 'Bearer abc123def456'}",
        "api_key='abc123def456' is not valid",
        "the key hunter2-hunter2 is not valid",
    ],
)
def test_no_reason_holds_a_key(message: str) -> None:
    secrets = secrets_in({"LOCAL_API_KEY": "hunter2-hunter2", "USER": "somebody-else"})
    reason = classify_error(StatusError(401, message=message), secrets).reason
    assert "[redacted]" in reason
    for part in ("a1b2c3", "e5f6", "E5f6", "abc123", "hunter2"):
        assert part not in reason


def test_short_values_are_not_taken_for_secrets() -> None:
    assert secrets_in({"OPENAI_API_KEY": "t", "SOME_TOKEN": "long-enough"}) == ("long-enough",)
