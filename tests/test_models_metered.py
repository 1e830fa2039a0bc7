"""Money: every attempt is reserved before it is sent and closed after, whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from models_kit import CHEAP, SHORT, Desk, Scripted, request

from core.calls import ModelReply, ModelRequest
from core.config import ModelConfig
from core.errors import Fenced
from core.money import Usage, to_pico
from models.outcomes import Failure, KnownFailure

REPLY = ModelReply("Action: List Files", usage=SHORT)
PAID = 1200 * 500_000 + 300 * 1_500_000
"""Pico-dollars of SHORT at 0.50 and 1.50 USD per million tokens."""
BUSY = KnownFailure(Failure("transient", "busy", billed=False))


class Stalled:
    """A provider that never answers; tells when it was asked."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def send(self, request: ModelRequest) -> ModelReply:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError("unreachable")


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk.open(tmp_path)
    yield desk
    desk.store.close()


async def test_a_reply_is_settled_at_what_the_provider_counted(desk: Desk) -> None:
    outcome = await desk.metered(Scripted(REPLY))(request())
    (call,) = desk.calls
    assert (outcome.kind, outcome.text) == ("ok", "Action: List Files")
    assert (call.status, call.outcome, call.reply) == ("settled", "ok", "Action: List Files")
    assert call.cost_pico == call.paid_pico == call.list_pico == PAID
    assert (desk.run.spent_pico, desk.run.reserved_pico) == (PAID, 0)


async def test_the_bill_says_what_the_top_tier_would_have_cost(tmp_path: Path) -> None:
    desk = Desk.open(tmp_path, "openai:gpt-4-0125-preview")
    await desk.metered(Scripted(REPLY), ModelConfig(model=CHEAP))(request())
    assert desk.calls[0].top_pico == 20 * desk.calls[0].list_pico


async def test_cached_input_is_billed_at_its_own_price(desk: Desk) -> None:
    cached = ModelReply("x", usage=Usage(1000, 100, cache_read_tokens=800))
    await desk.metered(Scripted(cached), ModelConfig(model="openai:gpt-5-mini"))(request())
    assert desk.run.spent_pico == 200 * 250_000 + 800 * 25_000 + 100 * 2_000_000


async def test_a_free_tier_is_paid_nothing_and_listed_in_full(desk: Desk) -> None:
    await desk.metered(Scripted(REPLY), ModelConfig(model=CHEAP, free_tier=True))(request())
    (call,) = desk.calls
    assert (call.paid_pico, call.list_pico, desk.run.spent_pico) == (0, PAID, 0)


async def test_a_cap_on_list_prices_counts_the_free_tier_too(tmp_path: Path) -> None:
    desk = Desk.open(tmp_path, cap_basis="list")
    await desk.metered(Scripted(REPLY), ModelConfig(model=CHEAP, free_tier=True))(request())
    assert (desk.run.spent_pico, desk.calls[0].paid_pico) == (PAID, 0)


async def test_the_reservation_covers_every_byte_and_the_whole_output(desk: Desk) -> None:
    stalled = Stalled()
    going = asyncio.create_task(desk.metered(stalled)(request(content="é" * 100)))
    await stalled.asked.wait()
    prompt = len(b"You plan.") + 200 + 2 * 16
    assert desk.run.reserved_pico == prompt * 500_000 + 1000 * 1_500_000
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)


async def test_a_call_that_might_pass_the_cap_is_not_sent(tmp_path: Path) -> None:
    desk = Desk.open(tmp_path, budget="0.0001")
    provider = Scripted(REPLY)
    outcome = await desk.metered(provider)(request())
    assert (outcome.kind, provider.sent, desk.calls) == ("over_budget", 0, [])
    assert "0.0001 USD" in outcome.reason
    assert not desk.events("call.started", "cost")


async def test_parallel_calls_never_pass_the_cap(tmp_path: Path) -> None:
    desk = Desk.open(tmp_path, budget="0.0035")
    caller = desk.metered(Scripted(REPLY))
    outcomes = await asyncio.gather(*(caller(request(step)) for step in range(1, 9)))
    assert 0 < sum(o.kind == "ok" for o in outcomes) < 8
    assert desk.run.spent_pico <= to_pico(Decimal("0.0035"))
    assert desk.run.reserved_pico == 0


async def test_a_reply_without_usage_is_estimated_and_flagged(desk: Desk) -> None:
    await desk.metered(Scripted(ModelReply("x" * 9)))(request())
    (call,) = desk.calls
    size = len("You plan.What next?") + 32
    assert (call.status, call.input_tokens, call.output_tokens) == ("estimated", -(-size // 4), 3)


@pytest.mark.parametrize("usage", [Usage(10, 5, cache_read_tokens=11), Usage(0, 5), Usage(10, -1)])
async def test_a_usage_report_that_contradicts_itself_is_not_believed(
    desk: Desk, usage: Usage
) -> None:
    await desk.metered(Scripted(ModelReply("x", usage=usage)))(request())
    assert desk.calls[0].status == "estimated"
    assert desk.run.spent_pico > 0


async def test_more_tokens_than_possible_are_booked_with_a_warning(desk: Desk) -> None:
    huge = ModelReply("x", usage=Usage(50_000, 10))
    await desk.metered(Scripted(huge))(request())
    assert desk.run.spent_pico == 50_000 * 500_000 + 10 * 1_500_000
    (warning,) = desk.events("log")
    assert "usage report" in warning.data["message"]


async def test_a_refused_request_costs_nothing_and_gives_its_lifeline_back(desk: Desk) -> None:
    outcome = await desk.metered(Scripted(BUSY), lifeline=True)(request())
    assert (outcome.kind, desk.calls[0].status) == ("transient", "void")
    assert (desk.run.spent_pico, desk.run.reserved_pico, desk.run.lifelines_used) == (0, 0, 0)
    assert [e.data["left"] for e in desk.events("lifeline")] == [4, 5]


async def test_a_refused_request_keeps_its_lifeline_where_every_call_counts(
    tmp_path: Path,
) -> None:
    desk = Desk.open(tmp_path, lifeline_per="call")
    await desk.metered(Scripted(BUSY), lifeline=True)(request())
    assert (desk.run.lifelines_used, desk.run.spent_pico) == (1, 0)


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(), IndexError(), OSError()])
async def test_what_may_have_been_billed_is_charged_by_an_estimate(
    desk: Desk, error: Exception
) -> None:
    await desk.metered(Scripted(error), lifeline=True)(request())
    (call,) = desk.calls
    assert (call.status, call.finish) == ("estimated", None)
    assert call.output_tokens == request().max_tokens, "the provider may have written all of it"
    assert desk.run.spent_pico == call.cost_pico > call.input_tokens * 500_000 > 0
    assert desk.run.lifelines_used == 1


async def test_without_lifelines_a_metered_call_is_not_sent(tmp_path: Path) -> None:
    desk = Desk.open(tmp_path, lifelines=1)
    provider = Scripted(REPLY)
    caller = desk.metered(provider, lifeline=True)
    kinds = [(await caller(request(step))).kind for step in (1, 2)]
    assert (kinds, provider.sent) == (["ok", "no_lifeline"], 1)


async def test_a_cancelled_call_is_charged_and_never_left_reserved(desk: Desk) -> None:
    stalled = Stalled()
    going = asyncio.create_task(desk.metered(stalled)(request()))
    await stalled.asked.wait()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert (desk.calls[0].status, desk.run.reserved_pico) == ("estimated", 0)
    assert desk.run.spent_pico > 0


async def test_a_cancelled_replay_costs_nothing(desk: Desk) -> None:
    stalled = Stalled()
    caller = desk.metered(stalled, ModelConfig(model=f"replay:{CHEAP}"))
    going = asyncio.create_task(caller(request()))
    await stalled.asked.wait()
    going.cancel()
    await asyncio.gather(going, return_exceptions=True)
    assert (desk.calls[0].status, desk.run.spent_pico, desk.run.reserved_pico) == ("void", 0, 0)


async def test_cancelling_at_any_moment_leaves_no_reservation(desk: Desk) -> None:
    caller = desk.metered(Scripted(REPLY))
    for step in range(1, 41):
        going = asyncio.create_task(caller(request(step)))
        await asyncio.sleep(step * 0.0001)
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
    assert desk.run.reserved_pico == 0
    assert not [c for c in desk.calls if c.status == "reserved"]
    assert sum(c.cost_pico for c in desk.calls) == desk.run.spent_pico


async def test_a_fenced_run_is_told_so_and_sends_nothing(desk: Desk) -> None:
    provider = Scripted(REPLY)
    caller = desk.metered(provider)
    desk.claimed_again()
    with pytest.raises(Fenced):
        await caller(request())
    assert provider.sent == 0


async def test_events_tell_the_story_of_a_call(desk: Desk) -> None:
    await desk.metered(Scripted(REPLY))(request())
    started, finished, cost = desk.events("call.started", "call.finished", "cost")
    assert started.data["worst_usd"] == "0.0015255"
    wanted = {
        "model": CHEAP,
        "purpose": "plan",
        "try": 1,
        "simulated": False,
        "outcome": "ok",
        "paid_usd": "0.00105",
        "list_usd": "0.00105",
        "spent_usd": "0.00105",
        "cap_usd": "0.5",
    }
    assert wanted.items() <= finished.data.items()
    assert finished.data["tokens"]["input"] == 1200
    assert cost.data == {"spent_usd": "0.00105", "cap_usd": "0.5"}


async def test_the_bill_keeps_the_unit_prices_and_the_price_book(desk: Desk) -> None:
    await desk.metered(Scripted(REPLY))(request())
    (call,) = desk.calls
    assert call.prices["paid"] == {"input": "0.50", "output": "1.50"}
    assert call.price_book == desk.meter.book.hash


async def test_a_second_cancel_does_not_cut_the_settling_off(desk: Desk) -> None:
    stalled = Stalled()
    going = asyncio.create_task(desk.metered(stalled)(request()))
    await stalled.asked.wait()
    with desk.meter.log.turn:  # the write has to wait
        for _ in range(2):
            going.cancel()
            await asyncio.sleep(0.05)
        assert not going.done()
    await asyncio.gather(going, return_exceptions=True)
    assert (desk.run.reserved_pico, desk.calls[0].status) == (0, "estimated")
