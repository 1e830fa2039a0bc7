"""A run whose workspace, history or disk space goes away says so, and goes on once it can."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tape_kit import LIST, RUN, Tried, on_tape, write

from bench.kit import reply
from core.errors import StorageFull, WorkspaceLost

DELETES_ONCE = """\
import shutil
from pathlib import Path
if not Path("../deleted").exists():
    Path("../deleted").touch()
    shutil.rmtree(Path.cwd())
"""
NOISE = """\
import os
from pathlib import Path
Path('noise').write_bytes(os.urandom(1_200_000))
Path('answer.txt').write_text('2')
"""
LONG = reply("Write File", file_name="long.txt", content="x" * 600_000)
LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, 500_000))"


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
