"""Every kind of bad input, on the surface where it arrives: a clear message, and nothing lost.

Where another file has the whole table of cases, the item stands here once, and ELSEWHERE says where
the rest is.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from graph_kit import Cast, play
from state_kit import DEFAULT
from tape_kit import LIST, PRESET, on_tape, put

from bench.kit import Kit, kit, reply
from core.config import RunOptions
from core.errors import (  # fmt: skip
    BudgetMLError,
    CapTooSmall,
    ConfigurationError,
    InvalidFile,
    UnknownName,
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
    "test_graph_lost_files.py": ["deleted_under_a_run", "fills_up_while_snapshotting"],
    "test_tasks_history_storage.py": ["test_a_full_disk_keeps_the_earlier_history"],
    "test_store_database.py": ["test_a_full_database_says_so_keeps_what_it_has"],
}
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
