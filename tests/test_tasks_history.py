"""Snapshots survive what scripts do to a folder, and a restore undoes all of it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from history_folders import message, state

from core.errors import BadRequest
from tasks.history import History, HistoryOptions

CHECKOUT = Path(__file__).resolve().parents[1]
SMALL = 1024 * 1024


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    (folder / "lib").mkdir(parents=True)
    (folder / "train.py").write_text("print(1)\n")
    (folder / "lib" / "model.py").write_text("x = 1\n")
    return folder


@pytest.fixture
def history(tmp_path: Path, work: Path) -> History:
    return History.create(
        tmp_path / "history.git", work, HistoryOptions(tmp_path / "artifacts", max_file_mb=1)
    )


def test_nothing_changed_gives_the_parent_itself(history: History, work: Path) -> None:
    first = history.snapshot("first", None)
    assert history.snapshot("again", first) == first
    (work / "train.py").write_text("print(1)\n")
    assert history.snapshot("rewritten alike", first) == first


def test_a_change_that_leaves_size_and_times_alike_is_seen(history: History, work: Path) -> None:
    """The racy-git problem: an edit right after a snapshot, hidden by setting the time back."""
    file = work / "train.py"
    last = history.snapshot("0", None)
    for number in range(20):
        times = file.stat()
        file.write_text(f"print({'ab'[number % 2]})\n")
        os.utime(file, ns=(times.st_atime_ns, times.st_mtime_ns))
        commit = history.snapshot(str(number), last)
        assert commit != last
        assert history.read(commit, "train.py") == file.read_bytes()
        last = commit


def test_equal_folders_have_equal_trees(history: History, work: Path, tmp_path: Path) -> None:
    other_work = tmp_path / "other"
    for name in ("train.py", "lib/model.py"):
        (other_work / name).parent.mkdir(parents=True, exist_ok=True)
        (other_work / name).write_bytes((work / name).read_bytes())
    other = History.create(tmp_path / "other.git", other_work)
    ours, theirs = history.snapshot("a", None), other.snapshot("b", None)
    ids = [
        subprocess.run(
            ["git", f"--git-dir={folder}", "rev-parse", f"{commit}^{{tree}}"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for folder, commit in ((history.git_dir, ours), (other.git_dir, theirs))
    ]
    assert ids[0] == ids[1]


def build_everything(work: Path, tmp_path: Path) -> None:
    """One of each thing a folder can hold and git can store, and hostile names."""
    (work / "run.sh").write_text("#!/bin/sh\n")
    (work / "run.sh").chmod(0o755)
    (work / "link").symlink_to("train.py")
    (work / "data").symlink_to(tmp_path)
    (work / "empty").mkdir()
    for name in ("two\nlines", "-rf", "a b", os.fsdecode(b"\xff\xfe"), ".git", "lib.py"):
        (work / name).write_text(name, errors="surrogateescape")


def spoil_everything(work: Path, tmp_path: Path) -> None:
    """Change the kind, mode, content or target of each."""
    (work / "run.sh").chmod(0o644)
    (work / "train.py").unlink()
    (work / "train.py").mkdir()
    (work / "train.py" / "x").touch()
    (work / "link").unlink()
    (work / "link").write_text("no link")
    (work / "data").unlink()
    (work / "data").symlink_to("/etc")
    (work / "lib" / "model.py").unlink()
    (work / "lib").rmdir()
    (work / "lib").symlink_to(tmp_path)
    (work / "empty").rmdir()
    (work / "__pycache__").mkdir()
    (work / "__pycache__" / "train.pyc").touch()
    (work / "extra" / "deep").mkdir(parents=True)
    (work / "extra").chmod(0o000)
    os.mkfifo(work / "pipe")


def test_restore_undoes_everything(history: History, work: Path, tmp_path: Path) -> None:
    build_everything(work, tmp_path)
    before = state(work)
    commit = history.snapshot("before", None)
    spoil_everything(work, tmp_path)
    assert history.restore(commit) == ()
    assert state(work) == before
    assert not (tmp_path / "model.py").exists()
    assert history.snapshot("after", commit) == commit


def test_restore_leaves_identical_files_alone(history: History, work: Path) -> None:
    commit = history.snapshot("one", None)
    before = (work / "train.py").stat()
    (work / "lib" / "model.py").write_text("x = 2\n")
    history.restore(commit)
    assert (work / "train.py").stat() == before
    assert (work / "lib" / "model.py").read_text() == "x = 1\n"


def test_restore_removes_folders_deeper_than_any_path(history: History, work: Path) -> None:
    commit = history.snapshot("one", None)
    script = "import os\nfor _ in range(3000): os.mkdir('deep'); os.chdir('deep')"
    subprocess.run([sys.executable, "-c", script], cwd=work, check=True)
    assert history.snapshot("deep", commit) != commit
    history.restore(commit)
    assert sorted(path.name for path in work.iterdir()) == ["lib", "train.py"]


def test_links_are_stored_and_never_followed(history: History, work: Path, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "answers.csv").write_text("42")
    (work / "peek").symlink_to(tmp_path / "secret")
    (work / "loop").symlink_to(".")
    commit = history.snapshot("links", None)
    assert history.read(commit, "peek") == bytes(tmp_path / "secret")
    assert history.read(commit, "peek/answers.csv") is None
    assert history.read(commit, "loop") == b"."


def test_pipes_and_sockets_are_named_and_bytecode_is_ignored(history: History, work: Path) -> None:
    os.mkfifo(work / "pi\npe")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(work)
        server.bind("socket")
        os.chdir(here)
    (work / "lib" / "__pycache__").mkdir()
    (work / "lib" / "__pycache__" / "m.pyc").touch()
    commit = history.snapshot("step 3", None)
    assert message(history, commit).splitlines() == [
        *("step 3", r"Not stored: pi\npe", "Not stored: socket")
    ]
    assert [path for _, path in history.changed(None, commit)] == ["lib/model.py", "train.py"]


def test_checkout_leaves_out_links_to_elsewhere(
    history: History, work: Path, tmp_path: Path
) -> None:
    data, answers = tmp_path / "data", tmp_path / "answers.csv"
    data.mkdir()
    (data / "train.csv").write_text("1")
    answers.write_text("42")
    (work / "train.csv").symlink_to(data / "train.csv")
    (work / "submission.csv").symlink_to(answers)
    (work / "hop.csv").symlink_to("submission.csv")
    (work / "up").symlink_to("../" * 20)
    (work / "inside").symlink_to("lib/model.py")
    commit = history.snapshot("final", None)
    target = tmp_path / "graded"
    left_out = history.checkout(commit, target, (data,))
    assert sorted(left_out) == ["hop.csv", "submission.csv", "up"]
    assert (target / "train.csv").read_text() == "1"
    assert (target / "inside").read_text() == "x = 1\n"
    assert not os.path.lexists(target / "submission.csv")
    with pytest.raises(BadRequest, match="not empty"):
        history.checkout(commit, target)


def test_diff_and_changes(history: History, work: Path) -> None:
    first = history.snapshot("one", None)
    (work / "train.py").write_text("print(2)\n")
    (work / "lib" / "model.py").unlink()
    (work / "lib" / "new.py").write_text("z\n")
    (work / os.fsdecode(b"\xff")).write_bytes(b"\xfe\n")
    second = history.snapshot("two", first)
    assert history.changed(first, second) == [
        *(("D", "lib/model.py"), ("A", "lib/new.py"), ("M", "train.py"), ("A", r"\xff"))
    ]
    assert "-print(1)\n+print(2)\n" in history.diff(first, second)
    assert "+print(1)\n" in history.diff(None, first)
    assert history.diff(first, first) == ""
    assert history.read(first, "train.py") == b"print(1)\n"
    assert history.read(second, "lib/model.py") is None
    assert history.blob_id(first, "lib") is None
    assert history.blob_id(first, "train.py") != history.blob_id(second, "train.py")


def test_a_file_that_becomes_a_folder(history: History, work: Path) -> None:
    first = history.snapshot("one", None)
    (work / "train.py").unlink()
    (work / "train.py").mkdir()
    (work / "train.py" / "main.py").touch()
    second = history.snapshot("two", first)
    assert history.changed(first, second) == [("D", "train.py"), ("A", "train.py/main.py")]
    history.restore(first)
    assert (work / "train.py").read_text() == "print(1)\n"
