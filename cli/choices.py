"""The options of `run` and `fork` as the rest of the program takes them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cli.options import Changes
from core.config import RunConfig, RunOptions
from core.errors import BadRequest
from core.presets import resolve

DEFAULT, DEMO = "default", "demo"


def run_options(changes: Changes, preset: str) -> RunOptions:
    """A preset (the one named, or this) and what is changed about it."""
    return RunOptions(
        preset=changes.preset or preset,
        budget_usd=changes.budget,
        steps=changes.steps,
        lifelines=changes.lifelines,
        retrieval=changes.retrieval,
        model_cheap=changes.model_cheap,
        model_expert=changes.model_expert,
        seed=changes.seed,
    )


def changed(changes: Changes) -> bool:
    """Whether any option was given."""
    fields = Changes.__dataclass_fields__
    return any(getattr(changes, name) is not None for name in fields)


@contextmanager
def played(options: RunOptions, tape: Path) -> Iterator[RunOptions]:
    """The same configuration with a tape in place of every model, as a preset file of its own."""
    config = _on_tape(resolve(options), tape)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{config.preset}.yaml"
        file.write_text(json.dumps(config.model_dump(mode="json")), encoding="utf-8")
        yield RunOptions(preset=str(file))


def _on_tape(config: RunConfig, tape: Path) -> RunConfig:
    raw = config.model_dump()
    parts = [*raw["tiers"], *(raw[role] for role in ("expert", "worker") if raw[role])]
    for part in parts:
        part["model"] = f"replay:{part['model'].removeprefix('replay:')}"
    return RunConfig.model_validate(raw | {"tape": str(tape.resolve())})


def labels(given: list[str] | None) -> dict[str, str]:
    """KEY=VALUE pairs; BadRequest for anything else."""
    pairs = [text.partition("=") for text in given or ()]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise BadRequest(f"The label {key!r} is no pair; give KEY=VALUE, such as owner=me.")
    return {key: value for key, _, value in pairs}
