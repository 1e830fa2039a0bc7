"""The demo through the real client classes: what must be the same is, and what differs is seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from bench.dialects import Answer
from bench.loopback import Loopback
from bench.wire import at_home, billed, main, play_both, report
from bench.wire_pair import Pair
from core.money import Prices
from models.prices import PriceBook

TRAJECTORY, ENDING, SCORE, MODELS, REQUESTS, LEDGER = range(6)


@pytest.fixture(scope="module")
def pair(script_python: Path) -> Pair:
    """Vectorization played on its tape and through the clients."""
    with at_home(script_python.parents[2]) as services:
        return play_both(services, "vectorization", None)


def failing(pair: Pair) -> list[int]:
    """Places of the bounds that do not hold."""
    return [place for place, holds in enumerate(pair.bounds().values()) if not holds]


@pytest.mark.loopback
def test_the_clients_play_the_same_run_as_the_tape(pair: Pair) -> None:
    assert failing(pair) == []
    assert pair.other_steps() == []
    assert {model.partition(":")[0] for model in pair.asked} == {"google_genai", "openai"}
    assert not any(call.simulated for call in pair.wire.calls)
    assert pair.wire.ledger_usd == pair.tape.ledger_usd > 0


def other_observation(pair: Pair) -> Pair:
    first, *rest = pair.wire.steps
    changed = replace(first, observation=first.observation + "more")
    return replace(pair, wire=replace(pair.wire, steps=[changed, *rest]))


def no_escalation(pair: Pair) -> Pair:
    return replace(pair, wire=replace(pair.wire, report=replace(pair.wire.report, escalations=[])))


def not_solved(pair: Pair) -> Pair:
    wire, row = pair.wire, pair.wire.report.row
    ungraded = replace(wire.report, row=replace(row, result={}))
    return replace(pair, wire=replace(wire, report=ungraded))


def hidden_retry(pair: Pair) -> Pair:
    return replace(pair, asked=[pair.asked[0], *pair.asked])


def other_model(pair: Pair) -> Pair:
    return replace(pair, asked=["openai:gpt-5.4", *pair.asked[1:]])


def other_bill(pair: Pair) -> Pair:
    return replace(pair, server_usd=pair.server_usd + Decimal("1e-12"))


def estimated_call(pair: Pair) -> Pair:
    first, *rest = pair.wire.calls
    return replace(pair, wire=replace(pair.wire, calls=[replace(first, status="estimated"), *rest]))


@pytest.mark.loopback
@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (other_observation, [TRAJECTORY]),
        (no_escalation, [ENDING]),
        (not_solved, [SCORE]),
        (hidden_retry, [MODELS, REQUESTS]),
        (other_model, [MODELS]),
        (other_bill, [LEDGER]),
        (estimated_call, [REQUESTS]),
    ],
)
def test_every_difference_breaks_its_bound(
    pair: Pair, change: Callable[[Pair], Pair], seen: list[int]
) -> None:
    assert failing(change(pair)) == seen


@pytest.mark.loopback
def test_a_broken_bound_is_printed_and_ends_with_1(
    pair: Pair, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="1"):
        report([pair, other_bill(pair)], as_json=True)
    printed = capsys.readouterr().out
    last = json.loads(printed.splitlines()[-1])
    assert "simulated" in printed.splitlines()[1]
    assert "FAILS  ledger" in printed
    assert (last["ok"], last["simulated"]) == (False, True)
    assert [task["difference_usd"] for task in last["tasks"]] == ["0", "-0.000000000001"]


@pytest.mark.loopback
def test_the_servers_bill_is_every_reported_token_at_list_price() -> None:
    prices = Prices(Decimal(1), Decimal(2), cache_read=Decimal("0.5"))
    book = PriceBook({"openai:m": prices}, hash="")
    answer = Answer("text", input_tokens=1000, output_tokens=100, cached_tokens=400)
    with Loopback.always(answer, answer, Answer(status=503)) as server:
        codes = [
            httpx.post(f"{server.url}/v1/chat/completions", json={"model": "m"}).status_code
            for _ in range(3)
        ]
    assert codes == [200, 200, 503]
    assert billed(server, book) == 2 * Decimal("0.001")


def test_an_unknown_task_is_refused_with_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--task", "no-such-task"]) == 2
    assert "no-such-task" in capsys.readouterr().err
