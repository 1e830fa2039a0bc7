"""Whole runs through the command: progress, report, exit codes, signals, watching and forking."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from cli_kit import DONE, LOOK, Budgetml, reply, write_tape, write_task

STEP = re.compile(r"^ {2,3}\d+  .*♥\d")
TAPE = "The models' words come from a tape (simulated)"


@pytest.fixture(scope="module")
def budgetml(tmp_path_factory: pytest.TempPathFactory, script_python: Path) -> Budgetml:
    """The command, with the interpreter of scripts already built."""
    home = tmp_path_factory.mktemp("home")
    (home / "envs").symlink_to(script_python.parents[2])
    return Budgetml(home)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a task that is graded at once."""
    return write_task(tmp_path_factory.mktemp("tasks"))


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> tuple[str, ...]:
    """Runs that task on a tape: three looks at the files, then the end."""
    replies = {(step, 0, 1): reply(*LOOK) for step in (1, 2)}
    replies |= {(3, 0, 1): reply("Inspect Script Lines", _lines(1)), (4, 0, 1): reply(*DONE)}
    tape = write_tape(tmp_path_factory.mktemp("tape") / "short.tape.jsonl", replies)
    return _on_tape(folder, tape)


def _on_tape(folder: Path, tape: Path) -> tuple[str, ...]:
    return ("run", "tiny", "--task-dir", str(folder), "--tape", str(tape))


def _lines(start: int) -> dict[str, Any]:
    return {"script_name": "train.py", "start_line_number": start, "end_line_number": start + 5}


@pytest.fixture(scope="module")
def demo(budgetml: Budgetml) -> tuple[str, str, str]:
    """The id of a demo run, what `run` printed, and what `watch` printed beside it."""
    run = budgetml.start("run", "vectorization", "--preset", "demo", delay_s=0.1)
    run_id = _id_of(run)
    watching = budgetml.start("watch", run_id[:8])
    assert run.stdout is not None
    printed = run.stdout.read()  # communicate() would lose what readline() has buffered
    _, errors = run.communicate(timeout=240)
    watched, _ = watching.communicate(timeout=60)
    assert run.returncode == 0, errors
    assert watching.returncode == 0
    return run_id, printed, watched


def _id_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().split()[1]


def test_a_run_shows_retry_escalations_help_and_lifelines(demo: tuple[str, str, str]) -> None:
    _, printed, _ = demo
    for sign in ("try 2 of 2", "(format)", "(repetition)", "(help)", "lifeline 1 of 5 used"):
        assert sign in printed
    assert "graded:" in printed


def test_simulated_words_are_called_so_at_the_start_and_in_the_report(
    demo: tuple[str, str, str],
) -> None:
    _, printed, _ = demo
    steps = [i for i, line in enumerate(printed.splitlines()) if STEP.match(line)]
    said = [i for i, line in enumerate(printed.splitlines()) if TAPE in line]
    assert said[0] < steps[0]
    assert said[-1] > steps[-1]
    assert "nothing was paid" in " ".join(printed.split()), "lines wrap with the terminal"


def test_lines_in_a_pipe_are_plain_and_fit_100_columns(demo: tuple[str, str, str]) -> None:
    _, printed, _ = demo
    assert "\x1b" not in printed
    assert max(len(line) for line in printed.splitlines()) <= 100


def test_watching_from_another_process_shows_the_same_lines(demo: tuple[str, str, str]) -> None:
    _, printed, watched = demo
    steps = [line for line in printed.splitlines() if STEP.match(line)]
    assert len(steps) >= 10
    assert [line for line in watched.splitlines() if STEP.match(line)] == steps


def test_the_report_holds_score_bills_and_escalations(
    budgetml: Budgetml, demo: tuple[str, str, str]
) -> None:
    text = budgetml("report", demo[0]).stdout
    facts = budgetml.json("report", demo[0])
    assert facts["solved"]
    assert facts["improvement"] > 0.1
    assert facts["escalations"]["help"] >= 1
    for sign in ("times as fast", "list prices", "top tier", "lifelines", "step 10: help"):
        assert sign in text
    workspace = str(budgetml.home / "runs" / demo[0] / "workspace")
    assert workspace in "".join(text.split()), "a long path wraps with the terminal"


def test_steps_can_be_shown_whole_and_as_a_difference(
    budgetml: Budgetml, demo: tuple[str, str, str]
) -> None:
    run_id = demo[0]
    shown = budgetml.json("show", run_id)
    edit = next(s for s in shown["steps"] if s["action"].startswith("Edit Script"))
    number = str(edit["step"])
    whole = budgetml("show", run_id, "--step", number).stdout
    for part in ("Thought", "Action Input", "edit_instruction", "Observation", "Calls"):
        assert part in whole
    diff = budgetml("show", run_id, "--diff", number).stdout
    assert "+++ b/train.py" in diff
    assert "changed nothing" in budgetml("show", run_id, "--diff", "1").stdout
    table = budgetml("show", run_id).stdout
    assert len(table.splitlines()) == len(shown["steps"]) + 2
    assert budgetml("show", run_id, "--step", "99").returncode == 2


def test_an_exported_tape_plays_to_the_same_trajectory(
    budgetml: Budgetml, demo: tuple[str, str, str], tmp_path: Path
) -> None:
    tape = tmp_path / "copy.tape.jsonl"
    exported = budgetml("tape", "export", demo[0], "-o", str(tape))
    assert f"--tape {tape}" in exported.stdout
    again = budgetml.json("run", "vectorization", "--tape", str(tape), "--label", "kind=copy")
    first = budgetml.json("show", demo[0])
    second = budgetml.json("show", again["run_id"])
    actions = [
        [(s["step"], s["action"], s["action_input"]) for s in r["steps"]] for r in (first, second)
    ]
    assert actions[0] == actions[1]
    assert second["labels"] == {"kind": "copy"}


def test_json_is_one_object_on_stdout_and_progress_goes_to_stderr(
    budgetml: Budgetml, short: tuple[str, ...]
) -> None:
    done = budgetml(*short, "--json")
    assert done.returncode == 0
    facts = json.loads(done.stdout)
    assert (facts["status"], facts["end_reason"]) == ("succeeded", "final_answer")
    assert facts["solved"] is False
    assert facts["steps"] == 4
    assert TAPE in done.stderr
    assert len([x for x in done.stderr.splitlines() if STEP.match(x)]) == 4


def test_options_reach_the_run(budgetml: Budgetml, short: tuple[str, ...]) -> None:
    args = ("--steps", "2", "--budget", "0.25", "--lifelines", "1", "--seed", "7")
    facts = budgetml.json(*short, *args)
    assert (facts["steps"], facts["end_reason"]) == (2, "steps")
    row = budgetml.json("show", facts["run_id"])
    assert (row["cap_pico"], row["lifelines"], row["seed"]) == (25 * 10**10, 1, 7)


def test_a_run_that_fails_exits_with_3(budgetml: Budgetml, folder: Path, tmp_path: Path) -> None:
    tries = [(step, tier, n) for step in (1, 2, 3) for tier, n in ((0, 1), (0, 2), (1, 1))]
    tape = write_tape(tmp_path / "bad.tape.jsonl", dict.fromkeys(tries, "I would rather not."))
    done = budgetml(*_on_tape(folder, tape), "--json")
    assert done.returncode == 3
    facts = json.loads(done.stdout)
    assert (facts["status"], facts["end_reason"]) == ("failed", "no_valid_reply")


def test_a_task_folder_of_one_s_own_is_found_from_the_folder_around_it_too(
    budgetml: Budgetml, short: tuple[str, ...], folder: Path
) -> None:
    around = [str(folder.parent) if arg == str(folder) else arg for arg in short]
    facts = budgetml.json(*around, "--steps", "1")
    row = budgetml.json("show", facts["run_id"])
    assert row["task_dir"] == str(folder)


def test_without_consent_programs_of_an_unknown_tape_do_not_run(
    budgetml: Budgetml, short: tuple[str, ...]
) -> None:
    wary = Budgetml(budgetml.home, {"BUDGETML_ALLOW_UNSANDBOXED_CODE": "no"})
    before = len(budgetml.json("runs", "--limit", "100"))
    done = wary(*short)
    assert done.returncode == 4
    assert "isolation" in done.stderr
    assert len(budgetml.json("runs", "--limit", "100")) == before


@pytest.fixture
def stopped(
    budgetml: Budgetml, short: tuple[str, ...], request: pytest.FixtureRequest
) -> tuple[str, subprocess.CompletedProcess[str]]:
    """A run that got a signal after its first step, and what it left."""
    process = budgetml.start(*short, delay_s=0.6)
    run_id = _id_of(process)
    assert process.stdout is not None
    for line in process.stdout:
        if STEP.match(line):
            break
    process.send_signal(request.param)
    out, err = process.communicate(timeout=30)
    return run_id, subprocess.CompletedProcess([], process.returncode, out, err)


@pytest.mark.parametrize("stopped", [signal.SIGINT, signal.SIGTERM], indirect=True)
def test_a_signal_leaves_the_run_resumable_and_says_how(
    budgetml: Budgetml, stopped: tuple[str, subprocess.CompletedProcess[str]]
) -> None:
    run_id, left = stopped
    assert left.returncode == 130
    assert f"budgetml resume {run_id}" in left.stdout
    assert "Traceback" not in left.stderr
    (row,) = budgetml.json("runs", "--status", "interrupted")
    assert row["run_id"] == run_id
    assert budgetml("watch", run_id).returncode == 130
    facts = budgetml.json("resume", run_id)
    assert (facts["steps"], facts["status"]) == (4, "succeeded")
    again = budgetml("resume", run_id)
    assert again.returncode == 0
    assert "has ended" in again.stdout


def test_an_interrupted_run_is_one_json_object_too(
    budgetml: Budgetml, short: tuple[str, ...]
) -> None:
    process = budgetml.start(*short, "--label", "kind=cut", "--json", delay_s=1)
    _until(lambda: budgetml.json("show", "last")["labels"] == {"kind": "cut"})
    _until(lambda: budgetml.json("show", "last")["step_count"] > 0)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    facts = json.loads(out)
    assert (process.returncode, facts["status"], facts["end_reason"]) == (130, "interrupted", None)


def test_a_run_is_cancelled_from_another_process(
    budgetml: Budgetml, short: tuple[str, ...]
) -> None:
    process = budgetml.start(*short, delay_s=2)
    run_id = _id_of(process)
    _until(lambda: budgetml.json("show", run_id)["status"] == "running")
    assert "asked to stop" in budgetml("cancel", run_id).stdout
    process.communicate(timeout=30)
    assert process.returncode == 3
    assert budgetml.json("report", run_id)["status"] == "cancelled"
    assert "had ended" in budgetml("cancel", run_id).stdout


def _until(holds: Any, seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.1)


def test_a_fork_keeps_the_first_steps_and_goes_its_own_way(
    budgetml: Budgetml, short: tuple[str, ...]
) -> None:
    source = budgetml.json(*short)["run_id"]
    facts = budgetml.json("fork", source, "--step", "2")
    assert facts["run_id"] != source
    assert (facts["steps"], facts["status"]) == (4, "succeeded")
    fork = budgetml.json("show", facts["run_id"])
    assert (fork["parent_run"], fork["parent_step"]) == (source, 2)
    assert facts["calls"] == 2
    assert budgetml("fork", source, "--step", "9").returncode == 2
    listed = budgetml.json("runs", "--limit", "1")
    assert listed[0]["run_id"] == facts["run_id"]
    assert budgetml.json("show", "last")["id"] == facts["run_id"]
