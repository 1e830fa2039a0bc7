"""What a kill, a stop in mid-step or a fault of our own leaves, and what a run makes of it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
from tape_kit import COUNTS, LIST, RUN, Tried, assert_whole, on_tape, put, said, until, write

from core.config import RunConfig
from graph.runner import run_agent
from graph.services import Services
from sandbox.base import Execution, Program, Sandbox
from tasks.spec import Task

LOUD = COUNTS + "print('loss 0.5 ' * 200)\n"
SUMMARISED = {"memory": {"observation_limit": 500}}
SLOW_ONCE = """\
import time
from pathlib import Path
begun = Path(__file__).parents[2] / "grading-begun"
if not begun.exists():
    begun.touch()
    time.sleep(60)
print('{"score": 2.0, "baseline": 1.0}')
"""


def acted(tried: Tried) -> bool:
    """The script has run, and its step is not finished."""
    return bool(tried.steps) and tried.steps[0].executed


async def test_a_script_that_ran_is_not_run_again_after_a_stop_before_its_observation(
    tmp_path: Path,
) -> None:
    work = [said(1, "summarise", "Loss 0.5.")]
    with on_tape(tmp_path, RUN, work=work, files={"train.py": LOUD}, preset=SUMMARISED) as tried:
        await tried.stop_when(lambda: acted(tried), delay_s=0.5)
        assert tried.row.step_count == 0, "it was stopped before the step was finished"
        seen = tried.steps[0].observation
        await tried.go()
        assert tried.times_run == 1
        assert (tried.steps[0].observation, tried.steps[0].shown) == (seen, "Loss 0.5.")
        assert_whole(tried)


async def test_a_killed_process_loses_nothing_and_its_script_is_not_run_again(
    tmp_path: Path,
) -> None:
    work = [said(1, "summarise", "Loss 0.5.")]
    with on_tape(tmp_path, RUN, work=work, files={"train.py": LOUD}, preset=SUMMARISED) as tried:
        process = tried.other_process()
        await until(lambda: acted(tried))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert (tried.row.status, tried.row.step_count) == ("running", 0)
        await tried.go()
        assert tried.outcome == ("succeeded", "final_answer")
        assert tried.times_run == 1
        assert tried.of_type("step.rolled_back")
        assert_whole(tried)


async def test_a_run_killed_while_it_is_graded_is_graded_again(tmp_path: Path) -> None:
    with on_tape(tmp_path, write("answer.txt", "2")) as tried:
        (tried.made.task / "grade.py").write_text(SLOW_ONCE)
        process = tried.other_process()
        await until((tried.paths.root / "grading-begun").exists)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        await tried.go()
        assert (tried.outcome, tried.score) == (("succeeded", "final_answer"), 2.0)
        assert len(tried.steps) == 2
        assert_whole(tried)


class Broken:
    """A sandbox with a programming error."""

    name = "broken"
    unprotected: tuple[str, ...] = ()

    async def run(self, program: Program) -> Execution:
        raise LookupError("a rung is missing")


class BrokenServices(Services):
    """Services whose sandbox has a programming error."""

    def sandbox(
        self, config: RunConfig, task: Task, tape: object, parent: str | None = None
    ) -> Sandbox:
        return Broken()


async def test_a_programming_error_fails_the_run_with_its_text(tmp_path: Path) -> None:
    with on_tape(tmp_path, RUN) as tried:
        good = tried.services
        broken = BrokenServices(good.settings, good.store, good.book, {}, python=good.python)
        with pytest.raises(LookupError):
            await run_agent(broken, tried.id, "test")
        assert tried.outcome == ("failed", "error")
        assert tried.row.error == "LookupError: a rung is missing"
        assert tried.events[-1].type == "run.finished"


async def test_folders_half_made_before_a_kill_are_made_anew(tmp_path: Path) -> None:
    with on_tape(tmp_path, LIST) as tried:
        put(tried.paths.root, {"workspace/half": "x", "history.git/HEAD": "x"})
        await tried.go()
        assert tried.saw(1) == "train.py"
        assert tried.outcome == ("succeeded", "final_answer")
