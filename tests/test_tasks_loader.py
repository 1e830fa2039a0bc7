"""Finding tasks by name or folder, and what is said about a task.yaml that is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from task_kit import copied_task

from core.errors import InvalidFile, UnknownName
from tasks.loader import builtin_dir, list_tasks, load_task

BUILTIN = ["house-price", "spaceship-titanic", "vectorization"]


def test_every_built_in_task_loads_with_its_starter_and_brief() -> None:
    tasks = list_tasks()
    assert [task.id for task in tasks] == sorted(BUILTIN)
    for task in tasks:
        assert task.builtin
        assert (task.env_dir / "train.py").is_file()
        assert all(name in task.brief for name in task.spec.submission)
        assert task.spec.data is None or (task.root / "prepare.py").is_file()


def test_every_folder_with_an_env_is_a_listed_task() -> None:
    folders = {path.parent.name for path in builtin_dir().glob("*/env")}
    assert folders == {task.id for task in list_tasks()}


def test_an_unknown_name_gets_close_matches_and_the_list() -> None:
    with pytest.raises(UnknownName, match=r"Did you mean vectorization\?.*house-price"):
        load_task("vectorisation")


@pytest.mark.parametrize("name", ["../tasks/vectorization", "vectorization/", "", ".", "/etc"])
def test_a_name_is_never_taken_for_a_path(name: str) -> None:
    with pytest.raises(UnknownName):
        load_task(name)


def test_a_folder_of_the_users_is_listed_after_ours(tmp_path: Path) -> None:
    file = copied_task(tmp_path, "vectorization").root.rename(tmp_path / "mine") / "task.yaml"
    file.write_text(file.read_text().replace("id: vectorization", "id: mine"))
    assert [task.id for task in list_tasks(tmp_path)] == [*BUILTIN, "mine"]
    assert not load_task("mine", tmp_path).builtin


def test_a_users_folder_cannot_shadow_a_built_in_task(tmp_path: Path) -> None:
    copied_task(tmp_path, "vectorization")
    with pytest.raises(InvalidFile, match="exists already; rename"):
        list_tasks(tmp_path)


def test_an_extra_folder_that_does_not_exist_is_said(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="BUDGETML_TASKS_DIR"):
        list_tasks(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("direction: lower", "direction: up", r"metric\.direction: .*'higher' or 'lower'"),
        ("title:", "titel:", "titel: there is no such field; allowed are id, title"),
        ("unit: s,", "units: s,", r"metric\.units: there is no such field; allowed are name, unit"),
        ("grade_s: 240", "grade_s: -1", r"limits\.grade_s: .*greater than 0"),
        ("[train.py]", "[../train.py]", r"submission\.0: .*pattern"),
        ("id: vectorization", "id: other", "must be the folder's name"),
        ("limits: {", "limits: {{", "not valid YAML"),
        ("id: vectorization", "brief: nowhere.md\nid: vectorization", r"nowhere\.md is missing"),
    ],
)
def test_a_malformed_task_names_file_field_and_what_is_allowed(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    with pytest.raises(InvalidFile, match=message) as error:
        copied_task(tmp_path, "vectorization", ("task.yaml", old, new))
    assert str(tmp_path / "vectorization") in str(error.value)


@pytest.mark.parametrize("content", [b"- a list", b"", b"\xff\xfe", b"text"])
def test_a_task_file_that_is_no_mapping_is_refused(tmp_path: Path, content: bytes) -> None:
    root = copied_task(tmp_path, "vectorization").root
    (root / "task.yaml").write_bytes(content)
    with pytest.raises(InvalidFile):
        load_task(root)


def test_a_folder_without_a_task_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"task\.yaml cannot be read"):
        load_task(tmp_path)


def test_listing_tasks_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tasks.loader import list_tasks; list_tasks();"
        "heavy = {'numpy', 'pandas', 'langgraph', 'langchain_core', 'pygit2'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = [sys.executable, "-c", code]
    root = builtin_dir().parent
    assert subprocess.run(run, cwd=root, capture_output=True, check=True).stdout == b"[]\n"
