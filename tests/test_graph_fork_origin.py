"""What a fork takes over: the data its files link to, and the trust in its programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tape_kit import DONE, LIST, PRESET, Tried, on_tape

from bench.kit import kit, write_rows
from core.config import RunConfig, RunOptions
from core.errors import CodeNotTrusted, WorkspaceLost
from core.presets import load_preset
from core.settings import Settings
from graph.fork import fork_run
from graph.services import Services
from store.checkpoints import open_saver
from store.runrows import NewRun

DEMO = load_preset("demo")


def stored(services: Services, run_id: str, config: dict[str, Any], **more: Any) -> str:
    new = NewRun(run_id, "tiny", "p", config, cap_pico=10**13, lifelines=5, **more)
    return services.store.runs.create(new).id


async def test_a_fork_under_other_options_keeps_the_data_of_its_source(tmp_path: Path) -> None:
    with on_tape(tmp_path, LIST) as tried:
        config = {**tried.row.config, "data_version": "then"}
        old = stored(tried.services, "old", config, task_dir=tried.row.task_dir)
        await Tried(tried.made, old).go()
        path, tape = tmp_path / "other.yaml", tmp_path / "other.tape.jsonl"
        write_rows(tape, [{"step": 2, "reply": DONE}])
        path.write_text(json.dumps({**PRESET, "tape": str(tape)}))
        fork = await fork_run(tried.services, old, 1, RunOptions(preset=str(path)))
        assert fork.config["data_version"] == "then"


async def test_a_run_with_steps_but_no_state_does_not_start_over(tmp_path: Path) -> None:
    with on_tape(tmp_path, LIST) as tried:
        await tried.go()
        fork = Tried(tried.made, (await fork_run(tried.services, tried.id, 1)).id)
        async with open_saver(tried.services.settings.database) as saver:
            await saver.adelete_thread(fork.id)
        with pytest.raises(WorkspaceLost, match="fork again"):
            await fork.go()
        assert [s.action for s in fork.steps] == ["List Files"]


@pytest.fixture
def careful(tmp_path: Path) -> Iterator[Services]:
    """Services where nobody has agreed to run programs without isolation."""
    with kit(tmp_path) as made:
        yield replace(made.services, settings=Settings(home=tmp_path / "home"))


def sandbox_of_a_demo_forked_from(services: Services, config: RunConfig) -> str:
    parent = stored(services, "parent", config.model_dump(mode="json"))
    task = services.task("vectorization")
    return services.sandbox(DEMO, task, services.tape(DEMO, task), parent).name


def test_a_shipped_tape_vouches_for_forks_of_itself(careful: Services) -> None:
    assert sandbox_of_a_demo_forked_from(careful, DEMO) == "plain"


def test_a_shipped_tape_does_not_vouch_for_programs_a_model_wrote(careful: Services) -> None:
    with pytest.raises(CodeNotTrusted):
        sandbox_of_a_demo_forked_from(careful, load_preset("default"))
