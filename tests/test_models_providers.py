"""The real client classes against a loopback server: wiring and the bill."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from langchain_core.language_models import BaseChatModel
from models_kit import ALL, CHEAP, GOOD, KEYS, NAMES, Desk, needs_anthropic, request
from test_models_tape import HEADER, ROW, tape_file

from bench.dialects import Answer
from bench.loopback import Loopback, Request
from core.calls import CallKey, Message, ModelRequest
from core.config import ModelConfig
from core.money import Prices, to_usd
from models.base import Context
from models.chat import ChatProvider
from models.registry import build
from models.tape import Tape

pytestmark = pytest.mark.loopback


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk.open(tmp_path, CHEAP, budget="10")
    yield desk
    desk.store.close()


def made(config: ModelConfig) -> BaseChatModel:
    """The client a provider would use."""
    provider = build(config, Context(KEYS))
    assert isinstance(provider, ChatProvider)
    return provider.make()


def usd(server: Loopback, name: str, prices: Prices) -> object:
    """What the server's own counts cost."""
    said = server.tokens_by_model[name]
    cached = prices.input if prices.cache_read is None else prices.cache_read
    fresh = (said.input - said.cached) * prices.input
    return (fresh + said.cached * cached + said.output * prices.output) / 10**6


@pytest.mark.parametrize("provider", ALL)
async def test_the_ledger_is_the_server_s_tokens_times_the_price(desk: Desk, provider: str) -> None:
    faults = [
        GOOD,
        Answer(status=429),
        Answer("cut short", finish="length"),
        Answer(status=500),
        Answer("", finish="blocked"),
        Answer(status=401),
        Answer("y" * 4001, reasoning_tokens=64),
    ]
    with Loopback.always(*faults) as server:
        caller = desk.reach(server, provider)
        for step in range(1, len(faults) + 1):
            await caller(request(step))
        name = NAMES[provider].partition(":")[2]
        prices = desk.meter.book.prices(NAMES[provider])
        assert to_usd(desk.run.spent_pico) == usd(server, name, prices)
    assert len(server.requests) == len(faults)
    assert server.tokens_by_model[name].cached == 1024
    assert [c.status for c in desk.calls].count("settled") == 4


def sent_options(provider: str, sent: Request) -> tuple[object, ...]:
    """Temperature, token cap and stop sequences as they went over the wire."""
    body = sent.body
    if provider == "google_genai":
        made = body["generationConfig"]
        return made["temperature"], made["maxOutputTokens"], made["stopSequences"]
    cap = body.get("max_tokens", body.get("max_completion_tokens"))
    return body["temperature"], cap, body.get("stop", body.get("stop_sequences"))


@pytest.mark.parametrize("provider", ALL)
async def test_each_request_has_its_own_options_on_one_client(desk: Desk, provider: str) -> None:
    messages = (Message("system", "You plan."), Message("user", "Go on."))
    wanted = [(0.2, 700), (0.01, 4000)]
    with Loopback.always(GOOD) as server:
        caller = desk.reach(server, provider)
        for step, (temperature, cap) in enumerate(wanted, start=1):
            key = CallKey(step, 0, 1, "plan")
            await caller(ModelRequest(key, messages, temperature, cap, stop=("Observation:",)))
    found = [sent_options(provider, sent) for sent in server.requests]
    assert found == [(t, cap, ["Observation:"]) for t, cap in wanted]
    assert not any(sent.body.get("stream") for sent in server.requests)
    assert {sent.prompt for sent in server.requests} == {"You plan.\nGo on."}


async def test_a_model_that_takes_no_temperature_is_sent_none(desk: Desk) -> None:
    with Loopback.always(GOOD) as server:
        model = ModelConfig(model="openai:gpt-5-mini", base_url=server.base_url("openai"))
        await desk.connect(model)(request())
    assert "temperature" not in server.requests[0].body


@pytest.mark.parametrize(
    ("model", "sent"), [("gpt-5.4", None), ("gpt-5-mini", None), ("gpt-4.1", ["Observation:"])]
)
async def test_openai_models_that_reason_are_sent_no_stop_sequences(
    desk: Desk, model: str, sent: list[str] | None
) -> None:
    with Loopback.always(GOOD) as server:
        config = ModelConfig(model=f"openai:{model}", base_url=server.base_url("openai"))
        await desk.connect(config)(replace(request(), stop=("Observation:",)))
    assert server.requests[0].body.get("stop") == sent


async def test_a_local_server_gets_the_old_name_of_the_token_cap(desk: Desk) -> None:
    with Loopback.always(GOOD) as server:
        await desk.reach(server, "local")(request())
    assert server.requests[0].body["max_tokens"] == 1000
    assert "max_completion_tokens" not in server.requests[0].body


async def test_variables_of_the_client_libraries_redirect_nothing(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Loopback.always(GOOD) as wanted, Loopback.always(GOOD) as stranger:
        monkeypatch.setenv("OPENAI_BASE_URL", stranger.base_url("openai"))
        monkeypatch.setenv("OPENAI_API_BASE", stranger.base_url("openai"))
        monkeypatch.setenv("LANGSMITH_GATEWAY", "true")
        ours = {**KEYS, "BUDGETML_OPENAI_BASE_URL": wanted.base_url("openai")}
        await desk.connect(ModelConfig(model=CHEAP), environ=ours)(request())
    assert (len(wanted.requests), len(stranger.requests)) == (1, 0)


@pytest.mark.parametrize(
    ("provider", "home", "attempts"),
    [
        ("openai", "https://api.openai.com/v1", 0),
        ("google_genai", "https://generativelanguage.googleapis.com", 1),
        pytest.param("anthropic", "https://api.anthropic.com", 0, marks=needs_anthropic),
    ],
)
def test_without_an_address_the_provider_s_own_is_named(
    monkeypatch: pytest.MonkeyPatch, provider: str, home: str, attempts: int
) -> None:
    for variable in ("OPENAI_BASE_URL", "ANTHROPIC_BASE_URL", "GOOGLE_GEMINI_BASE_URL"):
        monkeypatch.setenv(variable, "http://elsewhere.invalid/v1")
    client = made(ModelConfig(model=NAMES[provider], timeout_s=33))
    set_up = client.model_dump()
    addresses = ("openai_api_base", "anthropic_api_url", "base_url")
    assert next(set_up[name] for name in addresses if name in set_up) == home
    timeouts = ("request_timeout", "default_request_timeout", "timeout")
    assert next(set_up[name] for name in timeouts if name in set_up) == 33
    assert set_up["max_retries"] == attempts
    assert client.disable_streaming is True


async def test_parallel_calls_share_one_client_and_keep_their_books(desk: Desk) -> None:
    with Loopback(lambda sent: Answer(sent.prompt[-1], input_tokens=10, output_tokens=1)) as server:
        caller = desk.reach(server, "openai")
        outcomes = await asyncio.gather(
            *(caller(request(step, content=f"say {step}")) for step in range(1, 10))
        )
    assert [o.text for o in outcomes] == [str(step) for step in range(1, 10)]
    assert desk.run.spent_pico == 9 * (10 * 500_000 + 1_500_000)
    keys = [(e.step, e.attempt, e.seq) for e in desk.events()]
    assert len(set(keys)) == len(keys)


async def test_a_tape_can_be_served_to_a_real_client(desk: Desk, tmp_path: Path) -> None:
    second = ROW | {"step": 2, "reply": "Action: y", "usage": {"input": 7, "output": 3}}
    tape = Tape.read(tape_file(tmp_path, HEADER, ROW, second))
    with Loopback.from_tape(tape) as server:
        caller = desk.reach(server, "google_genai")
        outcomes = [await caller(request(step)) for step in (1, 2, 3)]
    assert [o.text for o in outcomes] == ["Action: x", "Action: y", ""]
    assert outcomes[2].kind == "permanent"
    assert [c.status for c in desk.calls] == ["estimated", "settled", "void"]
    assert (desk.calls[1].input_tokens, desk.calls[1].output_tokens) == (7, 3)


@pytest.mark.parametrize("provider", ["openai", "google_genai"])
async def test_the_server_streams_as_the_providers_do(provider: str) -> None:
    with Loopback.always(Answer("Hello there", input_tokens=9, output_tokens=4)) as server:
        config = ModelConfig(model=NAMES[provider], base_url=server.base_url(provider))
        model = made(config).model_copy(update={"disable_streaming": False})
        pieces = [piece async for piece in model.astream("hi")]
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert str(whole.text) == "Hello there"
    assert len([p for p in pieces if str(p.text)]) == 2
    assert whole.usage_metadata is not None
    assert (whole.usage_metadata["input_tokens"], whole.usage_metadata["output_tokens"]) == (9, 4)


async def test_half_a_surrogate_pair_in_a_reply_does_not_break_what_comes_after(
    desk: Desk,
) -> None:
    with Loopback.always(Answer("Thought: \ud83d done", output_tokens=3)) as server:
        outcome = await desk.reach(server, "openai")(request())
    assert outcome.text == "Thought: \\ud83d done"
