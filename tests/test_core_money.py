"""Dollars are exact from the price list to the bill."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import FREE, Prices, Usage, cost, to_pico, to_usd, usd_text, worst_case

GPT4 = Prices(Decimal(10), Decimal(30))
GEMINI = Prices(Decimal("0.50"), Decimal("1.50"))
CACHED = Prices(Decimal("1.25"), Decimal(10), Decimal("0.125"), Decimal("1.5625"))
prices = st.decimals("0", "100", places=6).flatmap(
    lambda i: st.decimals("0", "100", places=6).map(lambda o: Prices(i, o))
)


def test_R17_a_run_costs_price_times_tokens_summed_over_its_models() -> None:
    gemini, gpt4 = Usage(120_000, 4_000), Usage(4_500, 300)
    paygo = cost(gemini, GEMINI) + cost(gpt4, GPT4)
    assert to_usd(paygo) == Decimal("0.066") + Decimal("0.054")
    assert to_usd(cost(gemini, FREE) + cost(gpt4, GPT4)) == Decimal("0.054")


def test_R17_cached_and_written_tokens_have_their_own_price() -> None:
    usage = Usage(1_000_000, 0, cache_read_tokens=400_000, cache_write_tokens=100_000)
    assert to_usd(cost(usage, CACHED)) == Decimal("0.625") + Decimal("0.05") + Decimal("0.15625")
    assert to_usd(cost(usage, GPT4)) == 10, "without a cache price the full price counts"


def test_R17_reasoning_is_part_of_the_output_and_not_charged_twice() -> None:
    assert cost(Usage(0, 100, reasoning_tokens=60), GPT4) == cost(Usage(0, 100), GPT4)


@given(prices, st.integers(0, 10**7), st.integers(0, 10**5))
def test_no_amount_is_rounded_for_prices_of_up_to_six_places(
    price: Prices, tokens_in: int, tokens_out: int
) -> None:
    exact = (tokens_in * price.input + tokens_out * price.output) / 10**6
    assert to_usd(cost(Usage(tokens_in, tokens_out), price)) == exact


@given(prices, st.integers(0, 10**5), st.integers(1, 10**4), st.data())
def test_no_call_costs_more_than_its_worst_case(
    price: Prices, size: int, limit: int, data: st.DataObject
) -> None:
    used = Usage(data.draw(st.integers(0, size)), data.draw(st.integers(0, limit)))
    assert cost(used, price) <= worst_case(size, limit, price)


def test_the_worst_case_covers_a_cache_that_costs_more_to_write_than_to_send() -> None:
    written = Usage(1000, 0, cache_write_tokens=1000)
    assert cost(written, CACHED) == worst_case(1000, 0, CACHED) > cost(Usage(1000, 0), CACHED)


@pytest.mark.parametrize(
    ("usd", "text"),
    [("0.0123", "0.0123"), ("3.00", "3"), ("0", "0"), ("0.000000000001", "0.000000000001"),
     ("100", "100"), ("1234.5", "1234.5")],
)  # fmt: skip
def test_amounts_are_written_plainly(usd: str, text: str) -> None:
    assert usd_text(to_pico(Decimal(usd))) == text


def test_a_cap_finer_than_a_pico_dollar_is_rounded_up() -> None:
    assert to_pico(Decimal("0.0000000000001")) == 1
