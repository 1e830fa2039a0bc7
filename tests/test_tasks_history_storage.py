"""What history costs, keeps apart, shares and loses when the disk is full."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from history_folders import message, state

from core.errors import BadRequest, StorageFull, WorkspaceLost
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


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """One megabyte of disk."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk needs root and a kernel that allows it")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def run_script(
    script: str, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python in a process of its own, with the checkout on its path."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)],
        env=environment or {"PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_what_is_gone_is_said(history: History, work: Path, tmp_path: Path) -> None:
    first = history.snapshot("one", None)
    for unknown in ("0" * 40, "main", "", "HEAD"):
        with pytest.raises(WorkspaceLost, match="another step"):
            history.restore(unknown)
    with pytest.raises(WorkspaceLost):
        History.open(tmp_path / "absent.git", work)
    with pytest.raises(BadRequest):
        History.create(history.git_dir, work)
    work.rename(tmp_path / "moved")
    with pytest.raises(WorkspaceLost):
        history.snapshot("two", first)
    history.git_dir.rename(tmp_path / "gone.git")
    with pytest.raises(WorkspaceLost, match="gone"):
        history.read(first, "train.py")


def test_a_persons_git_configuration_has_no_effect(work: Path, tmp_path: Path) -> None:
    (tmp_path / ".gitconfig").write_text("[core\nautocrlf = true")
    script = f"""
        from pathlib import Path
        from tasks.history import History
        history = History.create(Path({str(tmp_path / "h.git")!r}), Path({str(work)!r}))
        commit = history.snapshot("one", None)
        print(history.read(commit, "train.py"), history.diff(None, commit).count("+print"))
    """
    environment = {"HOME": str(tmp_path), "PYTHONPATH": str(CHECKOUT)}
    done = run_script(script, environment)
    assert done.stdout == "b'print(1)\\n' 1\n", done.stderr


def test_a_full_disk_keeps_the_earlier_history(work: Path, tiny_disk: Path) -> None:
    history = History.create(tiny_disk / "h.git", work)
    first = history.snapshot("one", None)
    (work / "big").write_bytes(os.urandom(2 * SMALL))
    (work / "train.py").write_text("changed")
    with pytest.raises(StorageFull, match="free some space"):
        history.snapshot("two", first)
    reopened = History.open(tiny_disk / "h.git", work)
    assert reopened.read(first, "train.py") == b"print(1)\n"
    (work / "big").unlink()
    second = history.snapshot("three", first)
    assert reopened.read(second, "train.py") == b"changed"


def test_a_file_size_limit_counts_as_a_full_disk(work: Path, tmp_path: Path) -> None:
    (work / "noise").write_bytes(os.urandom(SMALL))
    script = f"""
        import resource, signal
        from pathlib import Path
        from core.errors import StorageFull
        from tasks.history import History
        work = Path({str(work)!r})
        noise = (work / "noise").read_bytes()
        (work / "noise").unlink()
        history = History.create(Path({str(tmp_path / "h.git")!r}), work)
        commit = history.snapshot("one", None)
        (work / "noise").write_bytes(noise)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        try:
            history.snapshot("two", commit)
        except StorageFull:
            print(commit)
    """
    done = run_script(script)
    assert len(done.stdout) == 41, done.stderr
    reopened = History.open(tmp_path / "h.git", work)
    assert reopened.read(done.stdout.strip(), "train.py") == b"print(1)\n"
    assert not list((tmp_path / "h.git").rglob(".writing*"))


def test_disk_grows_only_with_changes(history: History, work: Path) -> None:
    for number in range(8):
        (work / f"f{number}.py").write_text("x = 1\n" * 200)
    (work / "table.csv").write_bytes(os.urandom(SMALL // 2))
    last = history.snapshot("one", None)
    before = size(history.git_dir)
    assert history.snapshot("nothing new", last) == last
    assert size(history.git_dir) == before
    for number in range(20):
        (work / "f0.py").write_text(f"x = {number}\n")
        last = history.snapshot(str(number), last)
    assert size(history.git_dir) - before < 20 * 2000


def test_undone_steps_survive_gits_own_cleaning(history: History, work: Path) -> None:
    first = history.snapshot("one", None)
    (work / "train.py").write_text("undone")
    undone = history.snapshot("two", first)
    history.restore(first)
    (work / "train.py").write_text("instead")
    history.snapshot("three", first)
    git = ["git", f"--git-dir={history.git_dir}"]
    subprocess.run([*git, "gc", "--prune=now", "--quiet"], check=True)
    subprocess.run([*git, "fsck", "--full", "--strict"], check=True, capture_output=True)
    reopened = History.open(history.git_dir, work)
    assert reopened.read(undone, "train.py") == b"undone"


def test_a_fork_is_independent(history: History, work: Path, tmp_path: Path) -> None:
    first = history.snapshot("one", None)
    history.clone_to(tmp_path / "fork.git")
    fork_work = tmp_path / "fork"
    fork_work.mkdir()
    fork = History.open(tmp_path / "fork.git", fork_work)
    fork.restore(first)
    assert state(fork_work) == state(work)
    (fork_work / "train.py").write_text("fork")
    second = fork.snapshot("two", first)
    with pytest.raises(WorkspaceLost, match=second):
        history.read(second, "train.py")
    with pytest.raises(BadRequest, match="exists"):
        history.clone_to(tmp_path / "fork.git")


def test_large_files_are_kept_outside_and_come_back(
    history: History, work: Path, tmp_path: Path
) -> None:
    first_content, second_content = os.urandom(2 * SMALL), os.urandom(2 * SMALL)
    (work / "model.bin").write_bytes(first_content)
    first = history.snapshot("one", None)
    assert history.snapshot("same", first) == first
    (work / "model.bin").write_bytes(second_content)
    second = history.snapshot("two", first)
    assert history.changed(first, second) == [("M", "model.bin")]
    assert "model.bin" in message(history, second)
    assert size(history.git_dir) < SMALL
    assert history.restore(first) == ()
    assert (work / "model.bin").read_bytes() == first_content
    assert history.read(second, "model.bin") == second_content
    fork = tmp_path / "fork"
    history.clone_to(fork / "history.git", fork / "artifacts")
    forked = History.open(fork / "history.git", work, HistoryOptions(fork / "artifacts"))
    forked.restore(second)
    assert (work / "model.bin").read_bytes() == second_content


def test_a_large_file_that_was_only_named_is_reported(work: Path, tmp_path: Path) -> None:
    history = History.create(tmp_path / "h.git", work, HistoryOptions(max_file_mb=1))
    (work / "model.bin").write_bytes(b"x" * 2 * SMALL)
    commit = history.snapshot("one", None)
    assert history.restore(commit) == ()
    (work / "model.bin").write_bytes(b"y" * 2 * SMALL)
    assert history.restore(commit) == ("model.bin",)
    assert not (work / "model.bin").exists()
