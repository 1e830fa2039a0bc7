"""What one call costs on each of the three bills of a run: paid, list price, top tier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.config import ModelConfig
from core.money import FREE, Prices
from models.prices import PriceBook


@dataclass(frozen=True, slots=True)
class Rates:
    """Unit prices of one model as it is billed in this run."""

    paid: Prices
    """Zero on a provider's free tier."""
    listed: Prices
    top: Prices
    """List prices of the dearest model of the run."""
    basis: Literal["paid", "list"]
    """Which bill the cap counts."""

    @property
    def capped(self) -> Prices:
        """The prices the cap counts."""
        return self.paid if self.basis == "paid" else self.listed

    def record(self) -> dict[str, dict[str, str]]:
        """The unit prices in USD per million tokens, as kept with every line of the bill."""
        return {"paid": _as_text(self.paid), "list": _as_text(self.listed)}


def paid_prices(config: ModelConfig, book: PriceBook) -> Prices:
    """The prices of a model as paid: its list prices, or nothing on a free tier."""
    return FREE if config.free_tier else book.prices(config.model)


def dearest(models: tuple[ModelConfig, ...], book: PriceBook) -> Prices:
    """List prices of the model with the dearest tokens: what the top tier would have cost."""
    return max((book.prices(m.model) for m in models), key=lambda p: (p.output, p.input))


def _as_text(prices: Prices) -> dict[str, str]:
    rates = {
        "input": prices.input,
        "output": prices.output,
        "cache_read": prices.cache_read,
        "cache_write": prices.cache_write,
    }
    return {kind: format(rate, "f") for kind, rate in rates.items() if rate is not None}
