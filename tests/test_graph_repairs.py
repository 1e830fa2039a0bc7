"""Unusable Action Input in whole runs (R14, A16): who is asked again, and what is said about it."""

from __future__ import annotations

from pathlib import Path

import pytest
from graph_kit import HELP_ME, LIST_FILES, MALFORMED, Cast, play
from state_kit import DEFAULT, PAPER

from bench.dialects import Answer

pytestmark = pytest.mark.loopback
BAD_INPUT = LIST_FILES.rpartition("Action Input:")[0] + "Action Input: none\n"


async def test_A16_no_retry_is_told_where_none_follows(tmp_path: Path) -> None:
    played = await play(tmp_path, Cast([BAD_INPUT]), PAPER)
    assert played.steps[0].observation.startswith("ActionInputParsingError")
    assert not [e for e in played.of_type("log") if e.data.get("level") == "retry"]


async def test_A16_a_second_bad_input_is_not_told_as_a_retry(tmp_path: Path) -> None:
    played = await play(tmp_path, Cast([BAD_INPUT, BAD_INPUT]), DEFAULT)
    assert [e.data["level"] for e in played.of_type("log") if e.step == 1] == ["retry"]


async def test_A16_each_tier_may_repair_its_own_input(tmp_path: Path) -> None:
    cast = Cast([BAD_INPUT, MALFORMED, MALFORMED], top=[BAD_INPUT, LIST_FILES])
    played = await play(tmp_path, cast, DEFAULT)
    assert played.keys[:5] == [(1, 0, 1), (1, 0, 2), (1, 0, 3), (1, 1, 1), (1, 1, 2)]
    assert played.actions[0] == "List Files"


async def test_an_expert_that_cannot_be_reached_is_no_parsing_error(tmp_path: Path) -> None:
    played = await play(tmp_path, Cast([HELP_ME], expert=[Answer(status=404)]), DEFAULT)
    assert "could not be used" in played.steps[0].observation
    assert "ActionInputParsingError" not in played.steps[0].observation
