"""A fork: the source's steps, files and state up to a step, and from there a life of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tape_kit import CHEAP, DONE, LIST, PRESET, RUN, Tried, on_tape, undo, write

from bench.kit import write_rows
from core.config import RunOptions
from core.errors import ConfigurationError, UnknownName, WorkspaceLost
from graph.fork import fork_run

PRINTS = "print('x' * 21_000)"
PLAIN = {"memory": {"observation_limit": 30_000}}
STRONG = "replay:openai:gpt-5.4"


async def forked(tried: Tried, step: int, options: RunOptions | None = None) -> Tried:
    row = await fork_run(tried.services, tried.id, step, options)
    return Tried(tried.made, row.id)


def other_options(tried: Tried, *replies: str, step: int, **preset: Any) -> RunOptions:
    """Another configuration with a tape that goes on from the step."""
    tape, path = tried.made.root / "other.tape.jsonl", tried.made.root / "other.yaml"
    write_rows(tape, [{"step": step + n, "reply": r} for n, r in enumerate([*replies, DONE], 1)])
    path.write_text(json.dumps({**PRESET, **preset, "tape": str(tape)}))
    return RunOptions(preset=str(path))


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def test_a_fork_has_the_steps_and_files_of_then_and_a_bill_of_its_own(
    tmp_path: Path,
) -> None:
    asked = [write("a.txt", "1"), write("a.txt", "2"), write("b.txt", "3")]
    with on_tape(tmp_path, *asked) as tried:
        await tried.go()
        spent = tried.row.spent_pico
        fork = await forked(tried, 1)
        assert (fork.row.parent_run, fork.row.parent_step) == (tried.id, 1)
        assert (fork.row.spent_pico, fork.row.call_count) == (0, 0)
        assert [s.action for s in fork.steps] == ["Write File"]
        assert fork.text("a.txt") == "1"
        assert names(fork.workspace) == ["a.txt", "train.py"]
        await fork.go()
        assert fork.outcome == ("succeeded", "final_answer")
        assert {c.step for c in fork.calls} == {2, 3, 4}
        assert fork.text("a.txt") == "2"
        assert tried.row.spent_pico == spent, "the source pays nothing"


async def test_a_fork_goes_its_own_way_under_its_own_rules(tmp_path: Path) -> None:
    with on_tape(tmp_path, write("a.txt", "1"), write("a.txt", "2")) as tried:
        await tried.go()
        limits = {**PRESET["limits"], "steps": 2, "lifelines": 3}
        options = other_options(tried, undo("a.txt"), step=1, limits=limits)
        fork = await forked(tried, 1, options)
        await fork.go()
        assert fork.outcome == ("succeeded", "steps")
        assert fork.row.lifelines == 3
        assert fork.saw(2) == "a.txt did not exist before its last edit and was removed."
        assert tried.text("a.txt") == "2", "the source is as it was"


async def test_a_fork_from_the_last_step_of_a_finished_run_goes_on(tmp_path: Path) -> None:
    with on_tape(tmp_path, LIST) as tried:
        await tried.go()
        fork = await forked(tried, 2, other_options(tried, write("a.txt", "1"), step=2))
        await fork.go()
        assert [s.action for s in fork.steps][2:] == ["Write File", "Final Answer"]


async def test_a_fork_into_fewer_tiers_starts_at_one_that_exists(tmp_path: Path) -> None:
    both = {
        "tiers": [
            {"model": CHEAP, "tries": 1},
            {"model": STRONG, "tries": 1, "metered": True},
        ],
        "cascade": {"sticky_steps": 5},
    }
    up = [{"step": n, "tier": 1, "reply": LIST} for n in (1, 2)]
    with on_tape(tmp_path, "no format", LIST, LIST, work=up, preset=both) as tried:
        await tried.go()
        assert [s.tier for s in tried.steps[:2]] == [1, 1]
        fork = await forked(tried, 1, other_options(tried, LIST, step=1))
        await fork.go()
        assert [s.tier for s in fork.steps] == [1, 0, 0]
        assert fork.outcome == ("succeeded", "final_answer")


async def test_whole_outputs_of_the_kept_steps_come_along_and_no_others(tmp_path: Path) -> None:
    asked = [RUN, LIST, RUN]
    with on_tape(tmp_path, *asked, files={"train.py": PRINTS}, preset=PLAIN) as tried:
        await tried.go()
        assert len(names(tried.paths.artifacts)) == 2
        fork = await forked(tried, 2)
        assert names(fork.paths.artifacts) == [tried.steps[0].artifact]


async def test_only_finished_steps_can_be_forked_from(tmp_path: Path) -> None:
    with on_tape(tmp_path, LIST, LIST, LIST) as tried:
        await tried.stop_when(lambda: len(tried.calls) == 2, delay_s=0.3)
        for step in (0, -1, 2, 99):
            with pytest.raises(
                UnknownName, match=f"no state after step {step}; it has finished 1 "
            ):
                await forked(tried, step)
        with pytest.raises(UnknownName, match="budgetml runs"):
            await fork_run(tried.services, "nothing", 1)
        assert len(tried.services.store.runs.list()) == 1
        fork = await forked(tried, 1)
        await fork.go()
        assert fork.outcome == ("succeeded", "final_answer")


async def test_a_configuration_that_cannot_work_is_refused_before_anything_is_made(
    tmp_path: Path,
) -> None:
    with on_tape(tmp_path, LIST) as tried:
        await tried.go()
        options = other_options(tried, step=1, actions=["List Filez", "Final Answer"])
        with pytest.raises(ConfigurationError, match='closest is "List Files"'):
            await forked(tried, 1, options)
        assert len(tried.services.store.runs.list()) == 1


async def test_a_fork_that_could_not_be_made_is_failed_and_not_begun_from_the_start(
    tmp_path: Path,
) -> None:
    with on_tape(tmp_path, LIST) as tried:
        await tried.go()
        shutil.rmtree(tried.paths.history)
        with pytest.raises(WorkspaceLost, match="fork one"):
            await forked(tried, 1)
        left = next(r for r in tried.services.store.runs.list() if r.id != tried.id)
        assert (left.status, left.spent_pico) == ("failed", 0)
        assert "The fork failed" in (left.error or "")
