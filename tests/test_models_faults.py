"""Every fault a server can show the real client classes: its class, its requests, its booking."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from models_kit import ALL, CHEAP, GOOD, KEYS, Desk, needs_anthropic, request

from bench.dialects import Answer
from bench.loopback import Loopback
from core.state import OutcomeKind
from models.retrying import Retrying

pytestmark = pytest.mark.loopback


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk.open(tmp_path, CHEAP, budget="10")
    yield desk
    desk.store.close()


FAULTS: list[tuple[str, Answer, OutcomeKind, str]] = [
    ("429", Answer(status=429, headers={"Retry-After": "7"}), "transient", "void"),
    ("500", Answer(status=500), "transient", "void"),
    ("503", Answer(status=503), "transient", "void"),
    ("400", Answer(status=400), "permanent", "void"),
    ("401", Answer(status=401), "permanent", "void"),
    ("403", Answer(status=403), "permanent", "void"),
    ("404", Answer(status=404), "permanent", "void"),
    ("html", Answer(fault="html"), "broken", "estimated"),
    ("cut", Answer("half a reply" * 9, fault="cut"), "transient", "estimated"),
    ("length", Answer("half", finish="length"), "truncated", "settled"),
    ("blocked", Answer(finish="blocked"), "blocked", "settled"),
    ("refusal", Answer(finish="refusal"), "blocked", "settled"),
    ("empty", Answer(""), "empty", "settled"),
    ("no usage", Answer("fine", reports_usage=False), "ok", "estimated"),
]


@pytest.mark.parametrize("provider", ALL)
@pytest.mark.parametrize(
    ("answer", "kind", "status"), [f[1:] for f in FAULTS], ids=[f[0] for f in FAULTS]
)
async def test_a_fault_has_its_class_takes_one_request_and_is_booked(
    desk: Desk, provider: str, answer: Answer, kind: OutcomeKind, status: str
) -> None:
    with Loopback.always(answer) as server:
        outcome = await desk.reach(server, provider)(request())
    assert (outcome.kind, desk.calls[0].status) == (kind, status)
    assert len(server.requests) == 1
    assert outcome.retry_after_s == (7 if answer.status == 429 else None)


@pytest.mark.parametrize(
    ("provider", "answer", "kind"),
    [
        ("openai", Answer(status=400, error_code="context_length_exceeded"), "overflow"),
        ("openai", Answer(status=400, error_code="content_filter"), "blocked"),
        ("openai", Answer(status=429, error_code="insufficient_quota"), "permanent"),
        ("openai", Answer(fault="no_choices"), "broken"),
        ("google_genai", Answer(status=400, error_text="exceeds the token limit"), "overflow"),
        ("google_genai", Answer(finish="prompt_blocked"), "blocked"),
        ("google_genai", Answer(fault="no_choices"), "empty"),
        pytest.param("anthropic", Answer(status=529), "transient", marks=needs_anthropic),
        pytest.param(
            "anthropic",
            Answer(status=400, error_text="prompt is too long: 9 > 8"),
            "overflow",
            marks=needs_anthropic,
        ),
    ],
)
async def test_what_only_one_provider_says(
    desk: Desk, provider: str, answer: Answer, kind: OutcomeKind
) -> None:
    with Loopback.always(answer) as server:
        assert (await desk.reach(server, provider)(request())).kind == kind


@pytest.mark.parametrize("provider", ALL)
async def test_a_silent_server_is_given_up_after_the_timeout(desk: Desk, provider: str) -> None:
    with Loopback.always(Answer("late", delay_s=20)) as server:
        outcome = await desk.reach(server, provider, timeout_s=0.3)(request())
    assert (outcome.kind, desk.calls[0].status) == ("transient", "estimated")
    assert desk.calls[0].seconds < 20, "it did not wait for the reply"
    assert len(server.requests) == 1


async def test_nobody_listening_costs_nothing(desk: Desk) -> None:
    with Loopback.always(GOOD) as server:
        caller = desk.reach(server, "openai")
    outcome = await caller(request())
    assert (outcome.kind, desk.calls[0].status) == ("transient", "void")


@pytest.mark.parametrize("provider", ALL)
async def test_a_key_in_an_error_is_not_passed_on(desk: Desk, provider: str) -> None:
    key = KEYS.get(f"{provider.upper()}_API_KEY", "sk-loopback-0123456789")
    said = Answer(status=401, error_text=f"Incorrect API key provided: {key}. key={key}")
    with Loopback.always(said) as server:
        outcome = await desk.reach(server, provider)(request())
    written = outcome.reason + str(desk.events()) + str(desk.calls)
    assert "0123456789" not in written
    assert "[redacted]" in outcome.reason


async def test_four_attempts_at_a_busy_server_are_four_requests(desk: Desk) -> None:
    busy, good = Answer(status=503, headers={"Retry-After": "0.01"}), GOOD
    with Loopback.always(busy, busy, busy, good) as server:
        caller = Retrying(desk.reach(server, "openai"), base_s=0.01)
        assert (await caller(request())).kind == "ok"
    assert len(server.requests) == 4
    assert [c.status for c in desk.calls] == ["void", "void", "void", "settled"]
    assert [c.attempt for c in desk.calls] == [1, 2, 3, 4]
