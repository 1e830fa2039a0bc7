"""Reads a preset file and lays a caller's options over it."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from core.config import RunConfig, RunOptions
from core.errors import ConfigurationError, InvalidFile, UnknownName

FOLDER = Path(__file__).parents[1] / "presets"


def preset_names(folder: Path = FOLDER) -> list[str]:
    """Every preset in the folder."""
    return sorted(p.stem for p in folder.glob("*.yaml"))


def load_preset(name: str, folder: Path = FOLDER) -> RunConfig:
    """A preset by its name, or by the path of a YAML file.

    Raises:
        UnknownName: no such preset.
        InvalidFile: not YAML, or a field is wrong; names file, field and what is allowed.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else folder / f"{name}.yaml"
    return _validated({"preset": path.stem, **_raw(path, folder, ())}, path)


def resolve(options: RunOptions, folder: Path = FOLDER) -> RunConfig:
    """The configuration of a run: the options' preset with the options' changes.

    Raises:
        ConfigurationError: an option does not fit the preset.
    """
    config = load_preset(options.preset, folder)
    raw = config.model_dump()
    limits = {
        "budget_usd": options.budget_usd,
        "steps": options.steps,
        "lifelines": options.lifelines,
    }
    raw["limits"] |= {k: v for k, v in limits.items() if v is not None}
    if options.retrieval is not None:
        raw["memory"]["retrieval"] = options.retrieval
    if options.seed is not None:
        raw["seed"] = options.seed
    _replace_models(raw, options)
    return RunConfig.model_validate(raw)


def _replace_models(raw: dict[str, Any], options: RunOptions) -> None:
    tiers = list(raw["tiers"])
    if options.model_cheap:
        tiers[0] = _with_model(tiers[0], options.model_cheap)
    if options.model_expert:
        if len(tiers) < 2 and raw["expert"] is None:
            raise ConfigurationError(
                f'The preset "{raw["preset"]}" has a single model and no expert, so an expert '
                "model has no place in it; choose another preset or leave --model-expert out."
            )
        if len(tiers) > 1:
            tiers[-1] = _with_model(tiers[-1], options.model_expert)
        if raw["expert"] is not None:
            raw["expert"] = _with_model(raw["expert"], options.model_expert)
    raw["tiers"] = tuple(tiers)


def _with_model(part: dict[str, Any], model: str) -> dict[str, Any]:
    """The part with another model: billed as listed, never sent to another provider's server."""
    same = part["model"].partition(":")[0] == model.partition(":")[0]
    return {
        **part,
        "model": model,
        "free_tier": False,
        "base_url": part["base_url"] if same else None,
    }


def _raw(path: Path, folder: Path, seen: tuple[Path, ...]) -> dict[str, Any]:
    """The file's mapping over the one it extends."""
    if not path.is_file():
        raise _unknown(path, folder)
    if path in seen:
        raise InvalidFile(f"{path.name} extends itself; remove one `extends`.")
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InvalidFile(f"{path} is not a YAML file: {error}") from error
    if not isinstance(raw, dict):
        raise InvalidFile(f"{path} must hold a mapping of fields; see docs/configuration.md.")
    base = raw.pop("extends", None)
    if base is None:
        return raw
    return _over(_raw(folder / f"{base}.yaml", folder, (*seen, path)), raw)


def _over(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Nested mappings are merged, anything else is replaced."""
    merged = dict(base)
    for key, value in changes.items():
        old = merged.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        merged[key] = _over(old, value) if both else value  # type: ignore[arg-type]  # both are dicts
    return merged


def _validated(raw: dict[str, Any], path: Path) -> RunConfig:
    try:
        return RunConfig.model_validate(raw)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(p) for p in e['loc']) or 'preset'}: {e['msg']}" for e in error.errors()
        )
        raise InvalidFile(
            f"{path} cannot be used: {problems}. docs/configuration.md lists every field."
        ) from error


def _unknown(path: Path, folder: Path) -> UnknownName:
    names = preset_names(folder)
    close = difflib.get_close_matches(path.stem, names, n=3)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    return UnknownName(
        f'There is no preset "{path.stem}".{hint} There are: {", ".join(names)}; '
        "or give the path of a .yaml file."
    )
