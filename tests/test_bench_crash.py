"""A few real kills in the suite; `python -m bench.crash` does fifty."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.crash import log_problems
from core.events import LoggedEvent


def event(seq: int, kind: str, *, step: int | None = 1, attempt: int = 1) -> LoggedEvent:
    return LoggedEvent(seq, "", "r", kind, step, attempt, None, "", {})


WHOLE = [
    event(1, "run.created", step=None),
    event(2, "step.started"),
    event(3, "step.rolled_back"),
    event(4, "step.started", attempt=2),
    event(5, "step.finished", attempt=2),
    event(6, "run.finished", step=None),
]


def test_a_whole_log_has_no_problems_and_a_broken_one_has() -> None:
    assert log_problems(WHOLE) == []
    assert log_problems([*WHOLE[:2], *WHOLE[3:]]), "a gap, and an attempt nobody rolled back"
    assert log_problems(WHOLE[:-1]), "no last event"
    twice = [*WHOLE[:4], event(5, "step.started", attempt=2), event(6, "run.finished", step=None)]
    assert "step 1, attempt 2: step.started twice" in log_problems(twice)


def test_a_killed_run_equals_an_undisturbed_one() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bench.crash", "--kills", "5", "--json"],
        cwd=Path(__file__).resolve().parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    facts = json.loads(done.stdout.splitlines()[-1])
    assert (facts["kills"], facts["problems"]) == (5, [])
