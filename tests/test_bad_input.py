"""Every kind of bad input, on the surface where it arrives: a clear message, and nothing lost.

Where another file has the whole table of cases, the item stands here once, and ELSEWHERE says where
the rest is.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graph_kit import Cast, play
from state_kit import DEFAULT
from tape_kit import LIST, PRESET, RUN, Tried, on_tape, put, write

from bench.kit import Kit, kit, reply
from core.config import RunOptions
from core.errors import (  # fmt: skip
    BudgetMLError,
    CapTooSmall,
    ConfigurationError,
    InvalidFile,
    StorageFull,
    UnknownName,
    WorkspaceLost,
)
from graph.start import create_run

ELSEWHERE = {
    "test_cli_commands.py": ["test_what_is_refused_says_what_to_do", "test_a_full_disk_is_told"],
    "test_tasks_loader.py": ["test_a_malformed_task_names_file_field_and_what_is_allowed"],
    "test_core_presets.py": ["test_a_malformed_preset_names_file_field_and_fault"],
    "test_models_checks.py": ["test_a_missing_key_is_named", "test_a_model_without_a_price"],
    "test_models_tape.py": ["test_an_unusable_tape_is_refused_with_its_line"],
    "test_nodes_reply.py": [
        "test_r3_a_refusal_names_what_is_missing",
        "test_r14_an_input_that_cannot_be_used",
    ],
    "test_nodes_files.py": ["test_unusable_files_are_refused_and_the_run_goes_on"],
    "test_tasks_history_storage.py": ["test_a_full_disk_keeps_the_earlier_history"],
    "test_store_database.py": ["test_a_full_database_says_so_keeps_what_it_has"],
}
DELETES_ONCE = """\
import shutil
from pathlib import Path
if not Path("../deleted").exists():
    Path("../deleted").touch()
    shutil.rmtree(Path.cwd())
"""
UNPRICED = [{"model": "openai:gpt-nobody-has-priced"}]
NEEDS_A_KEY = [{"model": "openai:gpt-5.4"}]


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_tested_elsewhere_is_still_there(name: str) -> None:
    text = (Path(__file__).parent / name).read_text()
    assert [part for part in ELSEWHERE[name] if part not in text] == []


@pytest.mark.parametrize(
    ("task", "preset", "error", "said"),
    [
        ("vectorizaton", {}, UnknownName, r"vectorization"),
        ("tiny", "defualt", UnknownName, r"default"),
        ("tiny", {"tires": []}, InvalidFile, r"tires"),
        ("tiny", {"tiers": UNPRICED}, ConfigurationError, r"price"),
        ("tiny", {"tiers": [{"model": "nobody:model"}]}, ConfigurationError, r"nobody.*openai"),
        ("tiny", {"tiers": NEEDS_A_KEY}, ConfigurationError, r"OPENAI_API_KEY"),
        ("tiny", {"limits": {"budget_usd": "0.00001"}}, CapTooSmall, r"raise the budget"),
        ("tiny", {"tape": "missing.jsonl"}, InvalidFile, r"missing\.jsonl.*export"),
        ("tiny", {"tape": "broken.jsonl"}, InvalidFile, r"broken\.jsonl"),
        ("broken", {}, InvalidFile, r"task\.yaml"),
        ("nowhere", {}, UnknownName, r"nowhere"),
    ],
)  # fmt: skip
def test_a_run_that_cannot_work_is_refused_and_nothing_is_stored(
    tmp_path: Path, task: str, preset: Any, error: type[BudgetMLError], said: str
) -> None:
    with kit(tmp_path) as made:
        put(tmp_path, {"broken/task.yaml": "id: [", "broken.jsonl": '{"tape": 1', "ok.jsonl": ""})
        made.run(PRESET, [])
        before = made.services.store.runs.list()
        with pytest.raises(error, match=f"(?s){said}") as caught:
            create_run(made.services, where(made, task), options(made, preset))
        assert len(str(caught.value)) > len(said)
        assert made.services.store.runs.list() == before


def where(made: Kit, task: str) -> str:
    folder = made.root / task
    return str(folder) if folder.is_dir() else task


def options(made: Kit, preset: Any) -> RunOptions:
    """A preset by name, or a file of the working preset with these changes."""
    if isinstance(preset, str):
        return RunOptions(preset=preset)
    values = {**PRESET, "tape": str(made.root / "run.tape.jsonl"), **preset}
    if "/" not in str(values["tape"]):
        values["tape"] = str(made.root / values["tape"])
    path = made.root / "asked.yaml"
    path.write_text(json.dumps(values))
    return RunOptions(preset=str(path))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "the reply was empty"),
        (reply("Fly To The Moon"), "is not offered; choose one of"),
        (reply("Read File", file_name="train.py"), "is not offered; choose one of"),
        (reply("List Files", folder="."), "the key dir_path is missing"),
        (reply("List Files", dir_path=".").replace('"."', '"."; {'), "cannot be read"),
        ("I would rather talk.", "Action"),
    ],
)
async def test_a_reply_that_cannot_be_used_is_told_why_and_executes_nothing(
    tmp_path: Path, text: str, said: str
) -> None:
    cast = Cast(base=[text, LIST])
    played = await play(tmp_path, cast, DEFAULT)
    assert said in cast.prompts("base")[1].split("could not be used:")[1]
    assert played.actions == ["List Files", "Final Answer"]
    assert played.row.status == "succeeded"


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (reply("Copy File", source="train.py", destination="../../x"), "leads out of the"),
        (reply("Understand File", file_name="blob", things_to_look_for="x"), "binary file"),
        (reply("Execute Script", script_name="/bin/ls"), "absolute path"),
        (reply("Execute Script", script_name="a\0b"), "not a file name"),
    ],
)
async def test_an_action_that_cannot_be_done_is_observed_and_the_run_goes_on(
    tmp_path: Path, asked: str, said: str
) -> None:
    with on_tape(tmp_path, asked, files={"blob": b"\0\1\2"}) as tried:
        await tried.go()
        assert tried.steps[0].failed
        assert said in tried.saw(1)
        assert tried.outcome == ("succeeded", "final_answer")


async def stopped_after_one_step(tried: Tried) -> None:
    await tried.stop_when(lambda: len(tried.calls) == 2, delay_s=0.3)


async def test_a_workspace_deleted_between_two_sessions_comes_back(tmp_path: Path) -> None:
    with on_tape(tmp_path, write("a.txt", "1"), LIST) as tried:
        await stopped_after_one_step(tried)
        shutil.rmtree(tried.workspace)
        await tried.go()
        assert tried.text("a.txt") == "1"
        assert tried.outcome == ("succeeded", "final_answer")


async def test_a_workspace_deleted_under_a_run_interrupts_it_and_a_resume_restores_it(
    tmp_path: Path,
) -> None:
    files = {"train.py": DELETES_ONCE}
    with on_tape(tmp_path, write("a.txt", "1"), RUN, LIST, files=files) as tried:
        with pytest.raises(WorkspaceLost, match=str(tried.paths.root)):
            await tried.go()
        assert tried.row.status == "interrupted"
        assert str(tried.paths.root) in tried.of_type("interrupt")[-1].data["reason"]
        await tried.go()
        assert tried.text("a.txt") == "1"
        assert tried.outcome == ("succeeded", "final_answer")


async def test_a_deleted_history_is_said_and_what_was_done_stays_on_record(tmp_path: Path) -> None:
    with on_tape(tmp_path, write("a.txt", "1"), LIST) as tried:
        await stopped_after_one_step(tried)
        shutil.rmtree(tried.paths.history)
        with pytest.raises(WorkspaceLost, match="start a new run"):
            await tried.go()
        assert tried.row.status == "interrupted"
        assert tried.text("a.txt") == "1"
        assert [s.action for s in tried.steps] == ["Write File"]


async def test_a_run_whose_files_are_all_gone_is_not_begun_again_behind_its_back(
    tmp_path: Path,
) -> None:
    with on_tape(tmp_path, write("a.txt", "1"), LIST) as tried:
        await stopped_after_one_step(tried)
        shutil.rmtree(tried.paths.root)
        with pytest.raises(WorkspaceLost, match="start a new run"):
            await tried.go()
        assert tried.row.status == "interrupted"
        assert not tried.paths.root.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A home whose runs are on two megabytes of disk."""
    folder = tmp_path / "home" / "runs"
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root and a kernel that allows it")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def make_room(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=20m", str(disk)], check=True)


NOISE = """\
import os
from pathlib import Path
Path('noise').write_bytes(os.urandom(1_200_000))
Path('answer.txt').write_text('2')
"""


async def test_a_disk_that_fills_up_while_snapshotting_interrupts_the_run_until_there_is_room(
    tmp_path: Path, small_disk: Path
) -> None:
    with on_tape(tmp_path, write("a.txt", "1"), RUN, LIST, files={"train.py": NOISE}) as tried:
        with pytest.raises(StorageFull, match=r"history\.git .*free some space, then resume"):
            await tried.go()
        assert tried.row.status == "interrupted"
        assert "free some space" in tried.of_type("interrupt")[-1].data["reason"]
        assert (tried.text("a.txt"), tried.row.step_count) == ("1", 1)
        calls = [c.id for c in tried.calls]
        make_room(small_disk)
        await tried.go()
        assert (tried.outcome, tried.score) == (("succeeded", "final_answer"), 2.0)
        assert [c.id for c in tried.calls][: len(calls)] == calls, "nothing was paid twice"
        assert len([c for c in tried.calls if c.step == 2]) == 1


LONG = reply("Write File", file_name="long.txt", content="x" * 600_000)
LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))"


async def test_a_file_the_system_refuses_to_write_interrupts_the_run_until_it_does(
    tmp_path: Path,
) -> None:
    with on_tape(tmp_path, LIST, LONG) as tried:
        process = tried.other_process(LIMITED)
        _, errors = process.communicate(timeout=30)
        assert "StorageFull" in errors
        assert tried.row.step_count == 1
        assert not (tried.workspace / "long.txt").exists()
        await tried.go()
        assert tried.outcome == ("succeeded", "final_answer")
        assert len(tried.text("long.txt")) == 600_000
