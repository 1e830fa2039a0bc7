"""What is refused before a cent is spent: providers, keys, prices, cost order and the cap."""

from __future__ import annotations

import sys
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest
from models_kit import CHEAP, DEAR, KEYS

from core.config import CascadeConfig, LimitsConfig, ModelConfig, RunConfig, TierConfig
from core.errors import CapTooSmall, ConfigurationError
from models.base import Context
from models.checks import check_models
from models.prices import PriceBook
from models.registry import PROVIDERS, build, check_provider
from models.spec import PREFIXES

LITE, MINI = "google_genai:gemini-2.5-flash-lite", "openai:gpt-5-mini"
Order = Literal["paid", "list", "expected"]


def config(*models: str, order: Order = "paid", free: str = "", budget: str = "1") -> RunConfig:
    return RunConfig(
        tiers=tuple(TierConfig(model=m, free_tier=m == free) for m in models),
        cascade=CascadeConfig(cost_order=order),
        limits=LimitsConfig(budget_usd=Decimal(budget)),
    )


def check(config: RunConfig) -> None:
    check_models(config, PriceBook.load(), KEYS)


def test_every_prefix_has_its_module_and_every_module_its_prefix() -> None:
    folder = Path(__file__).parents[1] / "models"
    defines = "\ndef build(config: ModelConfig, context: Context)"
    found = {p.stem for p in folder.glob("*.py") if defines in p.read_text(encoding="utf-8")}
    assert set(PROVIDERS) == set(PREFIXES) == found - {"registry"}


@pytest.mark.parametrize("model", ["gpt-4", "mistral:large", "openai:", ":gpt-4", "", "OpenAI:x"])
def test_a_model_must_say_who_serves_it(model: str) -> None:
    with pytest.raises(ConfigurationError, match=r"google_genai:, openai:, anthropic:, local:"):
        check_provider(ModelConfig(model=model), KEYS)


@pytest.mark.parametrize(
    ("model", "variable"),
    [
        (CHEAP, "OPENAI_API_KEY"),
        (LITE, "GOOGLE_API_KEY or GEMINI_API_KEY"),
        ("anthropic:claude-haiku-4-5", "ANTHROPIC_API_KEY"),
    ],
)
def test_a_missing_key_is_named_and_no_other_key_is_shown(model: str, variable: str) -> None:
    others = {k: v for k, v in KEYS.items() if k not in variable} | {
        variable.split(maxsplit=1)[0]: ""
    }
    with pytest.raises(ConfigurationError, match=f"set the variable {variable}") as refused:
        check_provider(ModelConfig(model=model), others)
    assert not any(value in str(refused.value) for value in others.values() if value)


def test_either_of_google_s_variables_will_do() -> None:
    assert check_provider(ModelConfig(model=LITE), {"GEMINI_API_KEY": "k"})


def test_a_missing_package_is_named_with_the_command_to_install_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept = [p for p in sys.path if "site-packages" not in p]
    monkeypatch.delitem(sys.modules, "langchain_anthropic", raising=False)
    monkeypatch.setattr(sys, "path", kept)
    with pytest.raises(ConfigurationError, match="pip install langchain-anthropic"):
        check_provider(ModelConfig(model="anthropic:claude-haiku-4-5"), KEYS)


def test_a_local_model_needs_an_address() -> None:
    local = ModelConfig(model="local:llama")
    with pytest.raises(ConfigurationError, match="BUDGETML_LOCAL_BASE_URL"):
        build(local, Context({}))
    assert build(local, Context({"BUDGETML_LOCAL_BASE_URL": "http://127.0.0.1:8000/v1"}))


def test_a_model_without_a_price_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no price is known"):
        check(config("openai:gpt-99"))


def test_a_replay_needs_a_tape_and_no_key() -> None:
    replayed = config(f"replay:{CHEAP}")
    with pytest.raises(ConfigurationError, match="set `tape`"):
        check_models(replayed, PriceBook.load(), {})
    check_models(replayed.model_copy(update={"tape": "task"}), PriceBook.load(), {})


@pytest.mark.parametrize(
    "accepted",
    [
        config(CHEAP, DEAR),
        config(CHEAP, CHEAP),
        config("google_genai:gemini-pro", CHEAP, order="list"),
        config(CHEAP, LITE, free=CHEAP),
        config(LITE, MINI, order="expected"),
    ],
)
def test_r2_a_cascade_may_rise_or_stay_level(accepted: RunConfig) -> None:
    check(accepted)


@pytest.mark.parametrize(
    "falling",
    [
        config(DEAR, CHEAP),
        config(LITE, MINI, DEAR, MINI),
        config(CHEAP, DEAR, free=DEAR),
        config(CHEAP, LITE, free=CHEAP, order="list"),
        config(MINI, LITE, order="expected"),
    ],
)
def test_r2_a_cascade_that_gets_cheaper_is_refused(falling: RunConfig) -> None:
    with pytest.raises(ConfigurationError, match="gets cheaper from"):
        check(falling)


def test_a_budget_for_less_than_one_planner_call_is_refused() -> None:
    worst = 12_000 * Decimal("0.0000005") + 2000 * Decimal("0.0000015")
    check(config(CHEAP, budget=str(worst)))
    with pytest.raises(CapTooSmall, match=r"0\.009 USD; raise the budget"):
        check(config(CHEAP, budget=str(worst - Decimal("1e-9"))))
    check(config(CHEAP, budget="0.000001", free=CHEAP))
