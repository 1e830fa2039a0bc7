"""`budgetml presets`: the run configurations there are."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from cli.console import console, print_json
from cli.options import PresetsArgs
from cli.text import bare
from core.config import RunConfig
from core.presets import load_preset, preset_names


def main(args: PresetsArgs) -> None:
    """List them with their models."""
    facts = [_facts(name, load_preset(name)) for name in preset_names()]
    if args.json:
        print_json(facts)
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("preset", style="bold", no_wrap=True)
    table.add_column("models")
    table.add_column("cap", justify="right", no_wrap=True)
    table.add_column("what", ratio=1)
    for fact in facts:
        models = " → ".join(bare(m) for m in fact["tiers"])
        asked = f" + {bare(fact['expert'])} on request" if fact["expert"] else ""
        cells = (fact["preset"], models + asked, f"${fact['budget_usd']}", fact["description"])
        table.add_row(*cells)
    console().print(table)


def _facts(name: str, config: RunConfig) -> dict[str, Any]:
    return {
        "preset": name,
        "description": config.description,
        "tiers": [tier.model for tier in config.tiers],
        "expert": config.expert.model if config.expert else None,
        "budget_usd": str(config.limits.budget_usd),
        "lifelines": config.limits.lifelines,
        "steps": config.limits.steps,
        "retrieval": config.memory.retrieval,
    }
