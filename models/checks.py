"""Everything about the models of a run that can be refused before a cent is spent."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from core.config import ModelConfig, RunConfig
from core.errors import CapTooSmall, ConfigurationError
from core.money import Prices, Usage, cost, to_pico, usd_text, worst_case
from models.prices import PriceBook
from models.rates import paid_prices
from models.registry import check_provider
from models.spec import is_simulated

SMALLEST_PROMPT_BYTES = 12_000
"""A planner prompt with profile, tools and task and no history yet."""
_EXPECTED = Usage(input_tokens=3000, output_tokens=300)
"""Measured means of a planner call (A19)."""


def check_models(config: RunConfig, book: PriceBook, environ: Mapping[str, str]) -> None:
    """Refuses a run whose models cannot work, before anything is paid.

    Raises ConfigurationError (unknown provider or price, missing package, key or tape, tiers that
    get cheaper: R2) or CapTooSmall (the budget does not pay for one planner call).
    """
    for model in config.models():
        check_provider(model, environ)
        book.prices(model.model)
        if is_simulated(model.model) and config.tape is None:
            raise ConfigurationError(
                f"{model.model} answers from a tape, but the preset names none; set `tape`"
            )
    _check_order(config, book)
    _check_cap(config, book)


def _check_order(config: RunConfig, book: PriceBook) -> None:
    """R2: no tier may be cheaper than the one before it; equal prices are allowed."""
    for low, high in pairwise(config.tiers):
        if _is_cheaper(high, low, config.cascade.cost_order, book):
            raise ConfigurationError(
                f"the cascade gets cheaper from {low.model} to {high.model}; list the tiers from "
                "the cheapest to the dearest, or choose another cascade.cost_order"
            )


def _is_cheaper(one: ModelConfig, other: ModelConfig, order: str, book: PriceBook) -> bool:
    """By the expected cost of a planner call; else when no price is higher and one is lower."""
    if order == "expected":
        return _expected(one, book) < _expected(other, book)
    a, b = _by(order, one, book), _by(order, other, book)
    pairs = ((a.input, b.input), (a.output, b.output))
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)


def _by(basis: str, model: ModelConfig, book: PriceBook) -> Prices:
    return paid_prices(model, book) if basis == "paid" else book.prices(model.model)


def _expected(model: ModelConfig, book: PriceBook) -> int:
    return cost(_EXPECTED, paid_prices(model, book))


def _check_cap(config: RunConfig, book: PriceBook) -> None:
    tier, cap = config.tiers[0], config.limits.budget_usd
    prices = _by(config.limits.cap_basis, tier, book)
    worst = worst_case(SMALLEST_PROMPT_BYTES, tier.max_tokens, prices)
    if to_pico(cap) < worst:
        raise CapTooSmall(
            f"a budget of {cap} USD does not pay for one planner call of {tier.model}, which may "
            f"cost {usd_text(worst)} USD; raise the budget, lower max_tokens or use a cheaper model"
        )
