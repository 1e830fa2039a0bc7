"""Commands without a run: declarations, lists, refusals and their exit codes."""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from cli_kit import CHECKOUT, STARTER, write_tape
from typer.testing import CliRunner, Result

from cli.edge import call
from cli.main import COMMANDS, GROUPS, app

DOCS = str(CHECKOUT / "docs")
HEAVY = ("langgraph", "langchain_core", "openai", "google.genai", "pandas", "sqlalchemy", "pygit2")


def budgetml(*args: str) -> Result:
    return CliRunner().invoke(app, list(args))


def test_every_command_has_a_module_that_takes_its_options() -> None:
    for module, record in COMMANDS.values():
        annotations = importlib.import_module(module).main.__annotations__
        assert annotations["args"] == record.__name__
        assert record.__doc__


def test_help_names_every_command() -> None:
    for name in [*COMMANDS, *GROUPS]:
        parent, _, word = name.rpartition(" ")
        done = budgetml(*([parent] if parent else []), "--help")
        assert done.exit_code == 0
        assert word in done.stdout


@pytest.mark.parametrize("args", [["--help"], ["tasks"], ["run", "--help"]])
def test_light_commands_import_nothing_heavy(args: list[str]) -> None:
    code = (
        "import sys, atexit\n"
        f"atexit.register(lambda: print([m for m in {HEAVY!r} if m in sys.modules]))\n{STARTER}"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *args],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_help_takes_less_than_0_4_seconds_of_processor_time() -> None:
    spent = []
    for _ in range(3):
        before = os.times()
        subprocess.run(
            [sys.executable, "-c", STARTER, "--help"], cwd=CHECKOUT, check=True, capture_output=True
        )
        after = os.times()
        spent.append(sum(after[2:4]) - sum(before[2:4]))
    assert min(spent) < 0.4


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (["run", "vectorizaton", "--preset", "demo"], 2, "Did you mean vectorization"),
        (["run", "vectorization", "--preset", "dem"], 2, "Did you mean demo"),
        (["run", "vectorization", "--budget", "much"], 2, "give dollars"),
        (["run", "vectorization", "--budget", "-1"], 2, "dollars above 0"),
        (["run", "vectorization", "--budget", "nan"], 2, "dollars above 0"),
        (["run", "vectorization", "--steps", "0"], 2, "greater than or equal to 1"),
        (["run", "vectorization", "--label", "nonsense"], 2, "KEY=VALUE"),
        (["run", "vectorization", "--preset", "demo", "--task-dir", DOCS], 2, "task.yaml"),
        (["run", "vectorization"], 4, "GOOGLE_API_KEY"),
        (["run", "vectorization", "--model-cheap", "gemini"], 4, "provider:name"),
        (["show", "last"], 2, "no run yet"),
        (["report", "0123456789"], 2, "budgetml runs"),
        (["resume", "last"], 2, "no run yet"),
        (["cancel", "last"], 2, "no run yet"),
        (["runs", "--status", "sleeping"], 2, "succeeded"),
        (["presets", "show", "nothing"], 2, "There are: default"),
        (["prepare", "house-price", "--sample", "--from", DOCS], 2, "not both"),
        (["prepare", "house-price"], 2, "budgetml prepare house-price --sample"),
        (["tape", "import", "no-such-file"], 2, "does not exist"),
        (["no-such-command"], 2, "No such command"),
    ],
)
def test_what_is_refused_says_what_to_do(args: list[str], code: int, said: str) -> None:
    done = budgetml(*args)
    assert done.exit_code == code
    assert said in " ".join(done.stderr.replace("│", "").split())
    assert not done.stdout
    assert "Traceback" not in done.stderr


def test_lists_are_one_json_array_each() -> None:
    tasks = json.loads(budgetml("tasks", "--json").stdout)
    assert {"vectorization", "house-price"} <= {task["task_id"] for task in tasks}
    assert {task["data"] for task in tasks} == {"none needed", "missing"}
    presets = json.loads(budgetml("presets", "--json").stdout)
    assert {"default", "demo", "paper"} <= {preset["preset"] for preset in presets}
    assert json.loads(budgetml("runs", "--json").stdout) == []


def test_a_shown_preset_can_be_used_as_a_preset_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text(budgetml("presets", "show", "paper").stdout, encoding="utf-8")
    whole = json.loads(budgetml("presets", "show", "paper", "--json").stdout)
    assert json.loads(budgetml("presets", "show", str(file), "--json").stdout) == whole


def test_prepare_of_a_task_without_data_says_so() -> None:
    assert "needs no data" in budgetml("prepare", "vectorization", "--sample").stdout


def test_a_task_folder_is_checked(tmp_path: Path) -> None:
    folder = tmp_path / "vectorization"
    shutil.copytree(CHECKOUT / "tasks" / "vectorization", folder)
    assert "usable task" in budgetml("tasks", "check", str(folder)).stdout
    (folder / "grade.py").write_text("def broken(:\n", encoding="utf-8")
    done = budgetml("tasks", "check", str(folder))
    assert done.exit_code == 2
    assert "grade.py, line 1" in done.stderr
    spec = folder / "task.yaml"
    spec.write_text(spec.read_text().replace("interpreter: base", "interpreter: bse"))
    assert "choose one of base" in " ".join(budgetml("tasks", "check", str(folder)).stderr.split())


def test_a_tape_is_checked_and_kept(tmp_path: Path) -> None:
    tape = write_tape(tmp_path / "mine.jsonl", {(1, 0, 1): "hello"})
    done = budgetml("tape", "import", str(tape))
    assert done.exit_code == 0
    kept = Path(os.environ["BUDGETML_HOME"]) / "tapes" / "mine.jsonl"
    assert f"--tape {kept}" in done.stdout
    assert kept.read_bytes() == tape.read_bytes()
    assert budgetml("tape", "import", str(tape)).exit_code == 0
    tape.write_text(tape.read_text() + '{"step": 1}\n', encoding="utf-8")
    done = budgetml("tape", "import", str(tape))
    assert done.exit_code == 2
    assert "line 3" in done.stderr
    other = write_tape(tmp_path / "mine.jsonl", {(1, 0, 1): "other"})
    assert "another tape" in budgetml("tape", "import", str(other)).stderr


def test_doctor_looks_at_everything_and_calls_nobody() -> None:
    found = json.loads(budgetml("doctor", "--json").stdout)
    states = {f["what"]: f["state"] for f in found["findings"]}
    assert found["ok"]
    assert states["home"] == states["database"] == states["preset demo"] == "ok"
    assert states["sandbox"] == states["key openai"] == states["preset default"] == "note"


def test_doctor_fails_where_nothing_could_be_stored(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("BUDGETML_HOME", str(tmp_path / "file" / "home"))
    done = budgetml("doctor")
    assert done.exit_code == 3
    assert "BUDGETML_HOME" in done.stdout


def test_a_setting_that_makes_no_sense_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BUDGETML_SANDBOX", "perhaps")
    done = budgetml("tasks")
    assert done.exit_code == 4
    assert "BUDGETML_SANDBOX" in done.stderr


def test_a_full_disk_is_told_in_words(tmp_path: Path) -> None:
    def no_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    done = subprocess.run(
        [sys.executable, "-c", STARTER, "runs"],
        cwd=CHECKOUT,
        env=os.environ | {"BUDGETML_HOME": str(tmp_path)},
        preexec_fn=no_room,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    assert "free" in done.stderr.lower()


def test_a_programming_error_is_short_and_says_how_to_see_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = "def main(args: object) -> None:\n    raise ZeroDivisionError('by nothing')\n"
    (tmp_path / "broken_command.py").write_text(source, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(typer.Exit) as stopped:
        call("broken_command", None)
    assert stopped.value.exit_code == 3
    said = capsys.readouterr().err
    assert "ZeroDivisionError: by nothing" in said
    assert "BUDGETML_TRACEBACK=1" in said
    assert "broken_command.py" not in said
    monkeypatch.setenv("BUDGETML_TRACEBACK", "1")
    with pytest.raises(typer.Exit):
        call("broken_command", None)
    assert "broken_command.py" in capsys.readouterr().err
