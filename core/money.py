"""Dollars without rounding: prices per million tokens in, integer pico-dollars out.

A pico-dollar is 1e-12 USD: p USD per million tokens is p * 10**6 pico-dollars a token, which is
exact for every published price, and summable in any database.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

PICO = 10**12
_PER_TOKEN = Decimal(10**6)


def to_pico(usd: Decimal) -> int:
    """Pico-dollars of an amount in USD, rounded up."""
    return int((usd * PICO).to_integral_value(rounding=ROUND_CEILING))


def to_usd(pico: int) -> Decimal:
    """USD of an integer amount of pico-dollars, exact."""
    return Decimal(pico) / PICO


def usd_text(pico: int) -> str:
    """The amount as a plain decimal string without exponent or trailing zeros, such as "0.0123"."""
    text = format(to_usd(pico), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True, slots=True)
class Prices:
    """USD per million tokens of one model."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    """Cached input; None means the full input price."""
    cache_write: Decimal | None = None
    """Input written to a cache; None means the full input price."""


FREE = Prices(Decimal(0), Decimal(0))


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one call as the provider counts them."""

    input_tokens: int
    """All input, cached and cache-written included."""
    output_tokens: int
    """All output, reasoning included."""
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    estimated: bool = False
    """True when the provider reported nothing and the figures are ours."""


def cost(usage: Usage, prices: Prices) -> int:
    """Pico-dollars of a call (paper R17: sum of price times tokens), rounded up to a whole one."""
    read = prices.input if prices.cache_read is None else prices.cache_read
    write = prices.input if prices.cache_write is None else prices.cache_write
    fresh = usage.input_tokens - usage.cache_read_tokens - usage.cache_write_tokens
    total = (
        fresh * prices.input
        + usage.cache_read_tokens * read
        + usage.cache_write_tokens * write
        + usage.output_tokens * prices.output
    )
    return int((total * _PER_TOKEN).to_integral_value(rounding=ROUND_CEILING))


def worst_case(prompt_bytes: int, max_output_tokens: int, prices: Prices) -> int:
    """Pico-dollars a call can cost at most: no tokenizer makes more tokens than there are bytes."""
    dearest = max(prices.input, prices.cache_write or Decimal(0))
    total = prompt_bytes * dearest + max_output_tokens * prices.output
    return int((total * _PER_TOKEN).to_integral_value(rounding=ROUND_CEILING))
