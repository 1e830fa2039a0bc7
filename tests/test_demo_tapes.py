"""The three shipped tapes: every escalation happens, programs run, and the task is solved."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from core.config import RunOptions
from core.settings import Settings
from graph.owner import new_owner
from graph.report import Report, build_report
from graph.runner import run_agent
from graph.services import Services
from graph.start import create_run
from sandbox.gate import choose
from tasks.prepare import prepare
from tasks.prepared import require


@pytest.fixture
def services(tmp_path: Path, script_python: Path) -> Services:
    opened = Services.open(Settings(home=tmp_path / "home"), {})
    return Services(opened.settings, opened.store, opened.book, {}, python=script_python)


def prepared_from(services: Services, task_id: str, source: Path | str) -> None:
    task = services.task(task_id)
    if task.spec.data is None:
        return
    assert services.python is not None
    asyncio.run(
        prepare(
            task,
            data_dir=services.settings.data_dir,
            source=source if isinstance(source, Path) else "sample",
            interpreter=services.python,
            sandbox=choose(services.settings, trusted=True),
            progress=lambda _: None,
        )
    )
    assert require(task, services.settings.data_dir).source == (
        "local" if isinstance(source, Path) else "sample"
    )


def play(services: Services, task_id: str) -> Report:
    row = create_run(services, task_id, RunOptions(preset="demo"))
    asyncio.run(run_agent(services, row.id, new_owner()))
    return build_report(services.store, row.id)


def assert_whole_story(report: Report) -> None:
    facts = report.summary()
    assert (facts["status"], facts["end_reason"]) == ("succeeded", "final_answer")
    assert facts["solved"], facts["reason"]
    assert facts["simulated"] is True
    asked = {k: v for k, v in facts["escalations"].items() if v}
    assert asked == {"format": 1, "repetition": 1, "help": 1}
    assert facts["lifelines_used"] == 3
    assert facts["steps"] == 12
    assert {b.status for b in report.bill} == {"settled"}, "a shipped tape carries its token counts"


@pytest.mark.parametrize("task_id", ["vectorization", "house-price", "spaceship-titanic"])
def test_a_shipped_tape_solves_its_task_without_data_of_others(
    services: Services, task_id: str
) -> None:
    prepared_from(services, task_id, "sample")
    assert_whole_story(play(services, task_id))


@pytest.mark.parametrize("task_id", ["house-price", "spaceship-titanic"])
def test_the_same_tape_solves_the_task_on_the_real_data(
    services: Services, shared_dir: Path, task_id: str
) -> None:
    prepared_from(services, task_id, shared_dir / "data" / task_id)
    report = play(services, task_id)
    assert_whole_story(report)
    assert report.summary()["data"] == "local"
