"""Programs that want too much time, memory, disk, processes or output."""

from __future__ import annotations

from pathlib import Path

import pytest
from sandbox_programs import needs_proc, run

from sandbox.base import Limits


async def test_a_program_that_ignores_signals_ends_at_its_time(tmp_path: Path) -> None:
    script = """
        import signal, time
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGXCPU):
            signal.signal(number, signal.SIG_IGN)
        print("still here", flush=True)
        time.sleep(60)
    """
    done = await run(tmp_path, script, Limits(wall_s=0.5))
    assert (done.ended_by, done.stdout) == ("timeout", "still here\n")
    assert done.seconds < 1.5


async def test_a_program_that_stops_itself_ends_at_its_time(tmp_path: Path) -> None:
    script = "import os, signal; os.kill(os.getpid(), signal.SIGSTOP)"
    done = await run(tmp_path, script, Limits(wall_s=0.5))
    assert done.ended_by == "timeout"
    assert done.seconds < 1.5


async def test_processor_time_is_limited_even_when_the_signal_is_ignored(tmp_path: Path) -> None:
    script = "import signal; signal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass"
    done = await run(tmp_path, script, Limits(wall_s=20, cpu_s=1))
    assert done.ended_by == "timeout"
    assert "processor time" in done.detail


@needs_proc
async def test_a_fork_bomb_is_stopped(tmp_path: Path) -> None:
    script = """
        import os, time
        for _ in range(200):
            if os.fork() == 0:
                time.sleep(60)
            time.sleep(0.005)
        print("all running")
    """
    done = await run(tmp_path, script, Limits(wall_s=20, processes=20))
    assert done.ended_by == "signal"
    assert "processes at once; the limit is 20" in done.detail
    assert "all running" not in done.stdout


@needs_proc
@pytest.mark.parametrize(
    "script",
    [
        "import time; block = bytearray(400 << 20); time.sleep(20)",
        """
        import os, time
        for _ in range(4):
            if os.fork() == 0:
                block = bytearray(60 << 20)
                time.sleep(20)
        time.sleep(20)
        """,
        """
        import mmap, time
        block = mmap.mmap(-1, 400 << 20)
        for at in range(0, len(block), 4096): block[at] = 1
        time.sleep(20)
        """,
    ],
)
async def test_memory_is_limited_for_all_processes_together(tmp_path: Path, script: str) -> None:
    done = await run(tmp_path, script, Limits(wall_s=20, memory_mb=150))
    assert done.ended_by == "memory"
    assert "limit is 150 MB" in done.detail
    assert done.peak_memory_mb > 150
    assert done.seconds < 10


@pytest.mark.parametrize("folder", [".", "os.environ['TMPDIR']"])
async def test_disk_is_limited_in_both_writable_folders(tmp_path: Path, folder: str) -> None:
    where = folder if folder.startswith("os.") else repr(folder)
    script = f"""
        import os, time
        for number in range(30):
            with open(os.path.join({where}, str(number)), "wb") as file:
                file.write(b"x" * (1 << 20))
            time.sleep(0.02)
        time.sleep(20)
    """
    done = await run(tmp_path, script, Limits(wall_s=20, disk_mb=10))
    assert done.ended_by == "disk"
    assert done.seconds < 10


async def test_one_file_cannot_pass_its_limit(tmp_path: Path) -> None:
    script = """
        for size in (1 << 20, 1 << 40):
            try:
                with open("big", "wb") as file:
                    file.truncate(size)
                print("made")
            except OSError as error:
                print(error.strerror)
    """
    done = await run(tmp_path, script, Limits(wall_s=20, file_mb=2))
    assert done.stdout.splitlines() == ["made", "File too large"]
    assert (await run(tmp_path, "import os; os.system('yes > big')", Limits(file_mb=2))).ok
    assert (tmp_path / "big").stat().st_size == 2 << 20


async def test_a_flood_is_drained_and_bounded(tmp_path: Path) -> None:
    script = """
        import os
        os.write(1, b"first\\n")
        for _ in range(300):
            os.write(1, b"x" * 99999 + b"\\n")
        os.write(1, b"last\\n")
        os.write(2, b"short")
    """
    done = await run(tmp_path, script, Limits(wall_s=20, output_bytes=1000))
    assert done.ok
    assert done.stdout.startswith("first\n")
    assert done.stdout.endswith("x\nlast\n")
    assert len(done.stdout) < 1100
    assert done.stderr == "short"
