"""Execute Script: both streams, limits, live output in bounds, and whole outputs kept aside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tape_kit import PRESET, RUN, on_tape, said

from nodes.texts import shorten
from nodes.workers.execute_script import LIVE_CHARS

SPEAKS = """\
import sys
print("to out")
print("to err", file=sys.stderr)
"""


def limits(**more: Any) -> dict[str, Any]:
    return {"limits": {**PRESET["limits"], **more}}


@pytest.mark.parametrize(
    ("end", "failed", "head"), [("", False, "exit code 0"), ("sys.exit(3)", True, "exit code 3")]
)
async def test_both_streams_and_the_exit_code_are_observed(
    tmp_path: Path, end: str, failed: bool, head: str
) -> None:
    with on_tape(tmp_path, RUN, files={"train.py": SPEAKS + end}) as tried:
        await tried.go()
        assert tried.steps[0].failed is failed
        assert head in tried.saw(1)
        assert "Standard output:\nto out" in tried.saw(1)
        assert "Standard error:\nto err" in tried.saw(1)


async def test_a_silent_script_is_said_to_be_silent(tmp_path: Path) -> None:
    with on_tape(tmp_path, RUN, files={"train.py": "x = 1\n"}) as tried:
        await tried.go()
        assert tried.saw(1).endswith("It printed nothing.")
        assert tried.steps[0].artifact is None


async def test_a_script_is_stopped_at_its_time_and_says_so(tmp_path: Path) -> None:
    starter = "import time\nprint('begun', flush=True)\ntime.sleep(60)\n"
    preset = limits(script_s=1)
    with on_tape(tmp_path, RUN, files={"train.py": starter}, preset=preset) as tried:
        await tried.go()
        assert tried.steps[0].failed
        assert "It ran longer than 1 s" in tried.saw(1)
        assert "begun" in tried.saw(1), "what it printed before is kept"


async def test_the_time_left_in_the_run_bounds_a_script_and_then_ends_the_run(
    tmp_path: Path,
) -> None:
    starter = "import time\ntime.sleep(60)\n"
    preset = limits(time_s=1.2)
    with on_tape(tmp_path, RUN, files={"train.py": starter}, preset=preset) as tried:
        await tried.go()
        assert tried.outcome == ("succeeded", "time")
        assert tried.steps[0].seconds < 10


async def test_a_long_output_keeps_head_and_tail_and_the_whole_as_an_artifact(
    tmp_path: Path,
) -> None:
    starter = "print('first'); print('x' * 90_000); print('last')"
    preset = {"memory": {"block_chars": 100_000}}
    work = [said(1, "summarise", "Many x.")]
    with on_tape(tmp_path, RUN, work=work, files={"train.py": starter}, preset=preset) as tried:
        await tried.go()
        step = tried.steps[0]
        assert step.shown == "Many x."
        assert "first" in step.observation
        assert step.observation.endswith("last")
        assert 20_000 < len(step.observation) < 20_100
        assert step.artifact is not None
        assert len((tried.paths.artifacts / step.artifact).read_text()) > 90_000


async def test_output_is_told_while_the_script_runs(tmp_path: Path) -> None:
    starter = "import time\nprint('one', flush=True)\ntime.sleep(1.2)\nprint('two')\n"
    with on_tape(tmp_path, RUN, files={"train.py": starter}) as tried:
        await tried.go()
        told = [e.data["text"] for e in tried.of_type("log")]
        assert "one" in told[0]
        assert "two" not in told[0]
        assert "".join(told).split() == ["one", "two"]


async def test_live_output_is_bounded_however_much_is_printed(tmp_path: Path) -> None:
    starter = "for n in range(3000):\n    print('y' * 200)\n"
    preset = {"memory": {"observation_limit": 30_000}}
    with on_tape(tmp_path, RUN, files={"train.py": starter}, preset=preset) as tried:
        await tried.go()
        assert sum(len(e.data["text"]) for e in tried.of_type("log")) == LIVE_CHARS
        assert "yyy" in tried.saw(1)


def test_a_shortened_text_says_how_much_is_missing() -> None:
    text = "a" * 500 + "b" * 500
    short = shorten(text, 100)
    assert short == "a" * 40 + "\n[... 900 characters left out ...]\n" + "b" * 60
    assert shorten(text, 1000) == text
