"""What a run's first lines say: what is solved, with which models, on what budget."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from cli.text import bare, dollars
from core.config import RunConfig, TierConfig
from models.spec import is_simulated
from store.runrows import RunRow

TAPE = (
    "The models' words come from a tape (simulated): no model was called, nothing was paid; "
    "dollars show what these calls would have cost."
)
REAL = "Programs really run, and the score is really measured."


def simulated(config: RunConfig) -> bool:
    """Whether a tape stands in for any of the models."""
    return any(is_simulated(m.model) for m in config.models())


def opening(console: Console, row: RunRow) -> None:
    """Print them."""
    config = RunConfig.model_validate(row.config)
    limits = config.limits
    console.print(
        Text.assemble(
            ("run ", "dim"), (row.id, "bold"), (f" · {row.task_id} · preset {row.preset}", ""),
            (f" · at most {dollars(row.cap_pico)}, {limits.steps} steps", ""),
            (f", {row.lifelines} lifelines", ""),
        )
    )  # fmt: skip
    for number, tier in enumerate(config.tiers):
        console.print(Text(f"      tier {number}  {bare(tier.model):<24} {_terms(tier)}", "dim"))
    if config.expert:
        text = f"      expert  {bare(config.expert.model):<24} on request, a lifeline each time"
        console.print(Text(text, "dim"))
    if simulated(config):
        console.print(Text(f"{TAPE} {REAL}", "bold yellow"))


def _terms(tier: TierConfig) -> str:
    tries = f"{tier.tries} tries a step" if tier.tries > 1 else "one try a step"
    free = ", free tier" if tier.free_tier else ""
    return f"{tries}{', a lifeline for each call' if tier.metered else ''}{free}"
