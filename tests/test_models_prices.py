"""Prices: the paper's set, the package behind it, and files that are refused with their line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from genai_prices import Usage, calc_price

from core.errors import ConfigurationError, InvalidFile
from core.money import FREE, Prices
from models.prices import PriceBook

PAPER = {
    "google_genai:gemini-pro": ("0.50", "1.50"),
    "openai:gpt-4-0125-preview": ("10", "30"),
    "openai:gpt-3.5-turbo": ("0.50", "1.50"),
    "anthropic:claude-instant-1.2": ("0.80", "2.40"),
    "local:codellama-34b": ("0", "0"),
    "local:mixtral-8x7b": ("0", "0"),
}
ENTRY = """
- model: {model}
  input: {input}
  output: "2"
  source: an invoice
  as_of: "2026-01"
"""


def entry(model: str = "openai:mine", price: str = '"1"') -> str:
    return ENTRY.format(model=model, input=price)


@pytest.mark.parametrize(("model", "prices"), PAPER.items())
def test_the_paper_s_models_cost_what_its_table_2_implies(
    model: str, prices: tuple[str, str]
) -> None:
    assert PriceBook.load().prices(model) == Prices(Decimal(prices[0]), Decimal(prices[1]))


def test_our_entries_for_current_models_agree_with_the_package() -> None:
    book = PriceBook.load()
    current = [m for m in book.entries if m.partition(":")[2].startswith(("gemini-2", "gpt-5"))]
    assert len(current) >= 4
    usage = Usage(input_tokens=10_000, output_tokens=1000, cache_read_tokens=4000)
    for model in current:
        provider, _, name = model.partition(":")
        known = calc_price(usage, name, provider_id=provider.removesuffix("_genai"))
        prices = book.prices(model)
        cached = prices.cache_read
        assert cached is not None
        ours = 6000 * prices.input + 4000 * cached + 1000 * prices.output
        assert ours / 10**6 == known.total_price, model


def test_a_model_without_an_entry_is_priced_by_the_package() -> None:
    haiku = PriceBook.load().prices("anthropic:claude-haiku-4-5")
    assert haiku == Prices(Decimal(1), Decimal(5), Decimal("0.1"), Decimal("1.25"))


def test_a_rate_that_rises_with_the_prompt_is_read_at_its_base() -> None:
    assert PriceBook.load().prices("google_genai:gemini-2.5-pro").input == Decimal("1.25")


def test_local_models_are_free_and_a_replay_costs_what_it_replays() -> None:
    book = PriceBook.load()
    assert book.prices("local:anything") == FREE
    assert book.prices("replay:openai:gpt-5") == book.prices("openai:gpt-5")


@pytest.mark.parametrize("model", ["openai:gpt-99", "replay:openai:gpt-99"])
def test_an_unknown_model_is_refused_and_the_message_says_how_to_price_it(model: str) -> None:
    with pytest.raises(ConfigurationError, match=r"gpt-99.*prices\.yaml"):
        PriceBook.load().prices(model)


def test_a_file_of_one_s_own_is_put_over_ours_and_changes_the_hash(tmp_path: Path) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(entry("openai:gpt-5"))
    built_in, mine = PriceBook.load(), PriceBook.load(path)
    assert mine.prices("openai:gpt-5").input == 1
    assert mine.prices("openai:gpt-5-mini") == built_in.prices("openai:gpt-5-mini")
    assert mine.hash != built_in.hash
    assert PriceBook.load(path).hash == mine.hash


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (entry(price="0.1"), r"line 2, input.*quotes"),
        (entry(price='"-1"'), r"line 2, input.*greater than or equal to 0"),
        (entry(price='"NaN"'), r"line 2, input.*finite"),
        (entry() + entry(), r"line 8.*priced twice"),
        (entry() + "  colour: red\n", r"line 2, colour"),
        ("- model: openai:x\n", r"line 1, input.*required"),
        ("model: openai:x\n", r"line 1.*list of entries"),
        ("", r"line 1.*list of entries"),
        ("- model: [\n", r"line \d.*not YAML"),
        ("- !!python/name:os.system x\n", r"line 1.*not YAML"),
    ],
)
def test_a_malformed_price_file_is_refused_with_its_line(
    tmp_path: Path, text: str, told: str
) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    with pytest.raises(InvalidFile, match=told):
        PriceBook.load(path)


def test_a_missing_price_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"nowhere\.yaml"):
        PriceBook.load(tmp_path / "nowhere.yaml")
