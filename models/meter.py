"""What every call of a run is written down with: the store, the fence, the log and the prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from core.config import ModelConfig, RunConfig
from core.money import Prices
from models.prices import PriceBook
from models.rates import Rates, dearest, paid_prices
from models.spec import is_simulated
from store.database import Store
from store.eventlog import EventLog
from store.fence import Fence


@dataclass(frozen=True, slots=True)
class Meter:
    """Shared by all callers of one run."""

    store: Store
    fence: Fence
    log: EventLog
    book: PriceBook
    cap_basis: Literal["paid", "list"]
    lifeline_per: Literal["call", "billed_attempt"]
    """A5: whether a refused request gives its lifeline back."""
    top: Prices
    """List prices of the dearest model of the run."""

    @classmethod
    def of(
        cls, config: RunConfig, *, store: Store, fence: Fence, log: EventLog, book: PriceBook
    ) -> Meter:
        """The meter of a run with this configuration."""
        return cls(
            store,
            fence,
            log,
            book,
            cap_basis=config.limits.cap_basis,
            lifeline_per=config.cascade.lifeline_per,
            top=dearest(config.models(), book),
        )


@dataclass(frozen=True, slots=True)
class Line:
    """How the calls of one caller are billed."""

    model: str
    """provider:name as configured."""
    tier: int
    lifeline: bool
    """Every call takes one."""
    simulated: bool
    """Answered from a tape: nobody is paid."""
    rates: Rates

    @classmethod
    def of(cls, config: ModelConfig, *, tier: int, metered: bool, meter: Meter) -> Line:
        """The billing of a model at its place in the run."""
        rates = Rates(
            paid=paid_prices(config, meter.book),
            listed=meter.book.prices(config.model),
            top=meter.top,
            basis=meter.cap_basis,
        )
        return cls(config.model, tier, metered, is_simulated(config.model), rates)
