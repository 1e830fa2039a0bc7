"""Every preset loads and means what its name says; a broken one is refused with file and field."""

from __future__ import annotations

from pathlib import Path

import pytest
from state_kit import CHATGPT, DEFAULT, PAPER

from core.config import RunOptions
from core.errors import ConfigurationError, InvalidFile, UnknownName
from core.presets import load_preset, preset_names, resolve
from graph.start import check_actions
from models.checks import check_models
from models.prices import PriceBook

KEYS = {"OPENAI_API_KEY": "k", "GOOGLE_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}


@pytest.mark.parametrize("name", preset_names())
def test_every_preset_could_start(name: str) -> None:
    config = load_preset(name)
    assert config.preset == name
    assert config.description
    check_actions(config)
    check_models(config, PriceBook.load(), KEYS)


def test_the_papers_constants() -> None:
    assert [t.tries for t in PAPER.tiers] == [3, 1]
    assert [t.tries for t in CHATGPT.tiers] == [3, 3]
    assert PAPER.cascade.repetition_window == 3
    assert (PAPER.limits.lifelines, PAPER.limits.steps) == (5, 30)
    assert (PAPER.memory.window, PAPER.memory.block, PAPER.memory.recall_after) == (3, 1, 4)
    assert PAPER.expert is not None
    assert CHATGPT.expert is None


def write(folder: Path, name: str, text: str) -> None:
    (folder / f"{name}.yaml").write_text(text, encoding="utf-8")


def test_an_extending_preset_changes_only_what_it_names(tmp_path: Path) -> None:
    write(tmp_path, "base", "tiers: [{model: 'local:a'}]\nlimits: {steps: 7, lifelines: 2}\n")
    write(tmp_path, "mine", "extends: base\nlimits: {steps: 9}\n")
    config = load_preset("mine", tmp_path)
    assert (config.limits.steps, config.limits.lifelines) == (9, 2)
    assert config.preset == "mine"


def test_a_preset_may_be_a_file_that_extends_a_built_in_one(tmp_path: Path) -> None:
    write(tmp_path, "mine", "extends: default\nseed: 4\n")
    config = load_preset(str(tmp_path / "mine.yaml"))
    assert config == DEFAULT.model_copy(update={"preset": "mine", "seed": 4})


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("tiers: [", "not a YAML file"),
        ("just words", "mapping of fields"),
        ("seed: 3", "tiers: Field required"),
        ("tiers: [{model: 'local:a', tires: 2}]", r"tiers\.0\.tires: Extra inputs"),
        ("extends: mine", "extends itself"),
        ("limits: {budget_usd: lots}\ntiers: [{model: 'local:a'}]", r"limits\.budget_usd"),
    ],
)
def test_a_malformed_preset_names_file_field_and_fault(
    tmp_path: Path, text: str, told: str
) -> None:
    write(tmp_path, "mine", text)
    with pytest.raises(InvalidFile, match=told) as refused:
        load_preset("mine", tmp_path)
    assert "mine.yaml" in str(refused.value)


def test_an_unknown_preset_is_answered_with_the_closest() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean default\?") as refused:
        load_preset("defualt")
    assert "paper-chatgpt" in str(refused.value)


def test_an_expert_needs_a_place_in_the_preset(tmp_path: Path) -> None:
    write(tmp_path, "alone", "tiers: [{model: 'local:a'}]\n")
    with pytest.raises(ConfigurationError, match="no place in it"):
        resolve(RunOptions(preset="alone", model_expert="local:b"), tmp_path)


def test_another_model_is_paid_for_and_not_sent_to_the_old_ones_server(tmp_path: Path) -> None:
    part = "model: 'local:{}', free_tier: true, base_url: 'http://127.0.0.1:1/v1'"
    text = (
        f"tiers: [{{{part.format('a')}}}, {{{part.format('b')}}}]\nexpert: {{{part.format('b')}}}\n"
    )
    write(tmp_path, "mine", text)
    options = RunOptions(preset="mine", model_cheap="local:c", model_expert="openai:gpt-5")
    config = resolve(options, tmp_path)
    assert [m.free_tier for m in config.models()] == [False] * 3
    assert [m.base_url for m in config.models()] == ["http://127.0.0.1:1/v1", None, None]
