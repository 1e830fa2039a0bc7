"""What is wrong with a run is found when it is created, and then nothing is stored."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tape_kit import LIST, PRESET, on_tape

from bench.kit import Kit, kit
from core.config import RunConfig, RunOptions
from core.errors import BudgetMLError, CapTooSmall, CodeNotTrusted, ConfigurationError, InvalidFile
from core.settings import Settings
from graph.runner import recursion_limit
from graph.services import Services
from graph.start import create_run, new_run_id


def refused(made: Kit, error: type[BudgetMLError], match: str, **preset: Any) -> None:
    with pytest.raises(error, match=match):
        made.run({**PRESET, **preset}, [])
    assert made.services.store.runs.list() == []


def test_a_created_run_is_queued_with_its_whole_configuration(tmp_path: Path) -> None:
    with kit(tmp_path) as made:
        row = made.run(PRESET, [], steps=7, budget_usd="0.25", lifelines=2, seed=11)
        assert (row.status, row.epoch, row.seed) == ("queued", 0, 11)
        config = RunConfig.model_validate(row.config)
        assert (config.limits.steps, row.lifelines, row.cap_pico) == (7, 2, 25 * 10**10)
        assert row.task_dir == str(made.task)


def test_labels_and_an_id_can_be_given(tmp_path: Path) -> None:
    with kit(tmp_path) as made:
        first = made.run(PRESET, [])
        options = RunOptions(preset=str(made.root / "run.yaml"))
        row = create_run(
            made.services, str(made.task), options, labels={"kind": "test"}, run_id="mine"
        )
        assert (row.id, row.labels) == ("mine", {"kind": "test"})
        assert len({first.id, *(new_run_id() for _ in range(1000))}) == 1001


def test_an_action_nobody_has_is_refused_with_the_closest(tmp_path: Path) -> None:
    actions = ["Run Script", "Final Answer"]
    with kit(tmp_path) as made:
        refused(made, ConfigurationError, 'closest is "Execute Script"', actions=actions)


def test_a_budget_too_small_for_one_call_is_refused(tmp_path: Path) -> None:
    limits = {"limits": {"budget_usd": "0.000001"}}
    with kit(tmp_path) as made:
        refused(made, CapTooSmall, "raise the budget", **limits)


def test_a_task_without_a_tape_of_its_own_says_where_to_get_one(tmp_path: Path) -> None:
    with kit(tmp_path) as made:
        path = made.root / "own.yaml"
        path.write_text(json.dumps({**PRESET, "tape": "task"}))
        with pytest.raises(InvalidFile, match="budgetml tape export"):
            create_run(made.services, str(made.task), RunOptions(preset=str(path)))


def test_programs_of_an_unknown_tape_need_consent(tmp_path: Path) -> None:
    with kit(tmp_path) as made:
        made.run(PRESET, [])
        options = RunOptions(preset=str(made.root / "run.yaml"))
        good = made.services
        wary = Services(Settings(home=tmp_path / "home"), good.store, good.book, {})
        with pytest.raises(CodeNotTrusted):
            create_run(wary, str(made.task), options)


async def test_a_tape_that_vanished_after_the_start_leaves_the_run_resumable(
    tmp_path: Path,
) -> None:
    with on_tape(tmp_path, LIST) as tried:
        tape = tried.made.root / "run.tape.jsonl"
        aside = tape.rename(tape.with_suffix(".aside"))
        with pytest.raises(InvalidFile, match="There is no tape"):
            await tried.go()
        assert tried.row.status == "interrupted"
        aside.rename(tape)
        await tried.go()
        assert tried.outcome == ("succeeded", "final_answer")


@pytest.mark.parametrize("tries", [1, 20])
async def test_the_recursion_limit_lets_the_longest_run_end_by_its_own_limit(
    tmp_path: Path, tries: int
) -> None:
    preset = {
        "tiers": [{"model": PRESET["tiers"][0]["model"], "tries": tries}],
        "limits": {**PRESET["limits"], "steps": 2},
        "cascade": {"failed_steps_in_a_row": 50},
    }
    bad = [
        {"step": step, "try": n, "reply": "no format"}
        for step in (1, 2)
        for n in range(2, tries + 1)
    ]
    with on_tape(tmp_path, "no format", "no format", work=bad, preset=preset) as tried:
        await tried.go()
        assert tried.outcome == ("succeeded", "steps")
        assert len(tried.calls) == 2 * tries
        assert recursion_limit(RunConfig.model_validate(tried.row.config)) > 2 * tries
