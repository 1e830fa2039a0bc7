"""What a configuration accepts, and what it refuses with which words."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest
from pydantic import ValidationError
from state_kit import CHATGPT, DEFAULT, PAPER, RETRIEVAL, with_field

from core.config import TABLE_1, ModelConfig, RunConfig, RunOptions, TierConfig
from core.errors import CapTooSmall, ConfigurationError
from core.presets import resolve
from models.checks import check_models
from models.prices import PriceBook

KEYS: Mapping[str, str] = {"OPENAI_API_KEY": "k", "GOOGLE_API_KEY": "k"}
GPT4 = TierConfig(model="openai:gpt-4-0125-preview", metered=True)
GPT35 = TierConfig(model="openai:gpt-3.5-turbo")
GEMINI = TierConfig(model="google_genai:gemini-1.0-pro")


def check(config: RunConfig) -> None:
    check_models(config, PriceBook.load(), KEYS)


def cascade(*tiers: TierConfig) -> RunConfig:
    return PAPER.model_copy(update={"tiers": tiers})


@pytest.mark.parametrize("order", ["paid", "list", "expected"])
def test_R2_a_cascade_that_gets_cheaper_is_refused(order: str) -> None:
    with pytest.raises(ConfigurationError, match="gets cheaper from openai:gpt-4"):
        check(with_field(cascade(GPT4, GPT35), "cascade.cost_order", order))


@pytest.mark.parametrize("order", ["paid", "list", "expected"])
def test_R2_equal_prices_keep_the_order_of_the_preset(order: str) -> None:
    check(with_field(cascade(GEMINI, GPT35, GPT4), "cascade.cost_order", order))
    check(with_field(cascade(GPT35, GEMINI, GPT4), "cascade.cost_order", order))


def test_A19_a_free_tier_counts_as_0_unless_list_prices_decide() -> None:
    free = GPT4.model_copy(update={"free_tier": True})
    check(with_field(cascade(free, GPT35), "cascade.cost_order", "paid"))
    with pytest.raises(ConfigurationError, match="gets cheaper"):
        check(with_field(cascade(free, GPT35), "cascade.cost_order", "list"))


def test_A19_the_readings_name_their_price() -> None:
    assert PAPER.cascade.cost_order == "list"
    assert DEFAULT.cascade.cost_order == "paid"


def test_R15_a_cap_below_one_call_is_refused_before_anything_is_paid() -> None:
    poor = with_field(PAPER, "limits.budget_usd", "0.00001")
    check(poor)  # its base tier is free
    with pytest.raises(CapTooSmall, match="raise the budget"):
        check(with_field(poor, "limits.cap_basis", "list"))


def test_R18_the_temperatures_are_the_papers_in_every_preset() -> None:
    for config in (PAPER, DEFAULT, CHATGPT, RETRIEVAL):
        assert (config.plan_temperature, config.work_temperature) == (0.2, 0.01)


def test_A20_the_paper_caps_no_chatgpt_calls() -> None:
    assert not any(tier.metered for tier in CHATGPT.tiers)


def test_A25_retrieval_is_a_preset_and_not_an_option_inside_a_run() -> None:
    assert not PAPER.memory.retrieval
    assert RETRIEVAL.memory.retrieval
    assert (
        with_field(PAPER, "memory.retrieval", True).model_copy(
            update={"preset": RETRIEVAL.preset, "description": RETRIEVAL.description}
        )
        == RETRIEVAL
    )


@pytest.mark.parametrize(("preset", "offered"), [(PAPER, False), (RETRIEVAL, True)])
def test_R16_reflection_is_hidden_where_there_is_no_log(preset: RunConfig, offered: bool) -> None:
    assert ("Reflection" in preset.offered()) is offered
    ours = with_field(preset, "reflection_without_retrieval", True)
    assert ours.offered() == TABLE_1


def test_R13_the_workers_use_the_base_model_unless_one_is_named() -> None:
    assert PAPER.worker_model() == PAPER.tiers[0]
    named = ModelConfig(model="openai:gpt-5")
    other = with_field(PAPER, "worker", named.model_dump())
    assert other.worker_model() == named
    assert named in other.models()


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("actions", ["List Files"], "could ever submit"),
        ("actions", ["Final Answer", "Final Answer"], "twice"),
        ("tiers", [], "at least 1"),
        ("tiers.0.tries", 0, "greater than or equal to 1"),
        ("limits.budget_usd", "0", "greater than 0"),
        ("limits.steps", 0, "greater than or equal to 1"),
        ("cascade.last_resort", "shrug", "'failed_step' or 'end_run'"),
    ],
)
def test_a_value_that_cannot_work_is_refused(field: str, value: object, told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        with_field(PAPER, field, value)


def test_a_misspelt_field_is_refused_by_its_name() -> None:
    with pytest.raises(ValidationError, match="lifelinez"):
        RunConfig.model_validate({**PAPER.model_dump(), "lifelinez": 3})


def test_a_configuration_survives_the_store_unchanged() -> None:
    for config in (PAPER, DEFAULT, CHATGPT, RETRIEVAL):
        assert RunConfig.model_validate(config.model_dump(mode="json")) == config


def test_the_options_of_a_run_lie_over_its_preset() -> None:
    options = RunOptions(
        preset="paper", budget_usd=Decimal("0.7"), steps=4, lifelines=0, retrieval=True, seed=8
    )
    config = resolve(options)
    assert config.limits == PAPER.limits.model_copy(
        update={"budget_usd": Decimal("0.7"), "steps": 4, "lifelines": 0}
    )
    assert (config.memory.retrieval, config.seed) == (True, 8)
    assert config.cascade == PAPER.cascade


def test_models_of_the_options_take_the_place_of_the_presets() -> None:
    config = resolve(RunOptions(preset="paper", model_cheap="local:a", model_expert="local:b"))
    assert [t.model for t in config.tiers] == ["local:a", "local:b"]
    assert config.expert is not None
    assert config.expert.model == "local:b"
    assert not config.tiers[0].free_tier, "another model is not on that provider's free tier"
