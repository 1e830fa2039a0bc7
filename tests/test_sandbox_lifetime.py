"""Nothing of a program outlives its run, its cancelling or the service."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest
from sandbox_programs import DAEMON, gone, needs_proc, run, runs, wait_for

from sandbox.base import Limits, Program
from sandbox.plain import PlainSandbox

CHECKOUT = Path(__file__).resolve().parents[1]


@needs_proc
@pytest.mark.parametrize("after", ["", "time.sleep(60)", "os.abort()"])
async def test_no_daemon_survives(tmp_path: Path, after: str) -> None:
    await run(tmp_path, DAEMON + after, Limits(wall_s=1))
    assert gone(tmp_path / "daemon.pid")


@needs_proc
async def test_a_daemon_survives_not_even_the_death_of_the_supervising_process(
    tmp_path: Path,
) -> None:
    script = DAEMON + "os.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(60)"
    done = await run(tmp_path, script)
    assert done.ended_by == "signal"
    assert "supervised" in done.detail
    assert done.seconds < 5
    assert gone(tmp_path / "daemon.pid", within_s=1)


@needs_proc
async def test_stopping_the_supervising_process_gains_nothing(tmp_path: Path) -> None:
    script = DAEMON + "os.kill(os.getppid(), signal.SIGSTOP)\ntime.sleep(60)"
    done = await run(tmp_path, script, Limits(wall_s=0.5))
    assert done.seconds < 5
    assert gone(tmp_path / "daemon.pid", within_s=1)


async def test_a_child_that_keeps_the_output_open_does_not_delay_the_end(tmp_path: Path) -> None:
    script = """
        import os, time
        if os.fork() == 0:
            os.setsid()
            time.sleep(60)
        print("done")
    """
    done = await run(tmp_path, script)
    assert (done.ok, done.stdout) == (True, "done\n")
    assert done.seconds < 2


async def test_a_listener_that_fails_ends_the_program(tmp_path: Path) -> None:
    def fail(text: str) -> None:
        raise ZeroDivisionError(text)

    script = DAEMON + "print('now', flush=True); time.sleep(60)"
    failing = Program((sys.executable, "-c", script), tmp_path, on_output=fail)
    with pytest.raises(ZeroDivisionError, match="now"):
        await asyncio.wait_for(PlainSandbox().run(failing), 10)
    assert gone(tmp_path / "daemon.pid")


@needs_proc
async def test_cancelling_kills_everything_at_once(tmp_path: Path) -> None:
    task = asyncio.create_task(run(tmp_path, DAEMON + "time.sleep(60)"))
    await asyncio.to_thread(wait_for, (tmp_path / "daemon.pid").exists)
    started = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert gone(tmp_path / "daemon.pid")
    assert time.monotonic() - started < 0.5


@needs_proc
async def test_cancelling_twice_and_during_the_start_leaves_nothing(tmp_path: Path) -> None:
    for delay in (0.0, 0.001, 0.01, 0.03):
        task = asyncio.create_task(run(tmp_path, "import time; time.sleep(60)"))
        await asyncio.sleep(delay)
        task.cancel()
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    me = psutil.Process()
    wait_for(lambda: not [c for c in me.children(recursive=True) if runs(c.pid)])


@needs_proc
def test_nothing_survives_the_death_of_the_service(tmp_path: Path) -> None:
    service = f"""
        import asyncio, sys
        from pathlib import Path
        from sandbox.base import Program
        from sandbox.plain import PlainSandbox
        program = Program((sys.executable, "-c", {DAEMON + "time.sleep(60)"!r}), Path("."))
        asyncio.run(PlainSandbox().run(program))
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(service)],
        cwd=tmp_path,
        env={"PYTHONPATH": str(CHECKOUT), "TMPDIR": str(tmp_path)},
    )
    wait_for((tmp_path / "daemon.pid").exists)
    assert list(tmp_path.glob("budgetml-program-*"))
    process.kill()
    process.wait()
    assert gone(tmp_path / "daemon.pid", within_s=1)
    wait_for(lambda: not list(tmp_path.glob("budgetml-program-*")))


async def test_the_private_folder_disappears_whatever_is_in_it(tmp_path: Path) -> None:
    script = """
        import os
        os.chdir(os.environ["TMPDIR"])
        print(os.getcwd())
        os.symlink("/", "root")
        for _ in range(1500):
            os.mkdir("deep")
            os.chdir("deep")
        os.chmod(os.environ["TMPDIR"] + "/deep", 0)
    """
    done = await run(tmp_path, script)
    assert done.ok, done.stderr
    assert not await asyncio.to_thread(Path(done.stdout.strip()).exists)
