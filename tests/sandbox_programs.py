"""Programs that want to stay, and how to tell whether they did."""

from __future__ import annotations

import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from sandbox.base import Execution, Limits, Program
from sandbox.plain import PlainSandbox

CHECKOUT = Path(__file__).resolve().parents[1]
needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="memory and daemons need /proc")
DAEMON = """
import os, signal, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 32):
            if number not in (signal.SIGKILL, signal.SIGSTOP):
                signal.signal(number, signal.SIG_IGN)
        open("daemon", "w").write(str(os.getpid()))
        os.rename("daemon", "daemon.pid")
        time.sleep(60)
    os._exit(0)
os.wait()
while not os.path.exists("daemon.pid"):
    time.sleep(0.005)
"""


def program(cwd: Path, script: str, limits: Limits | None = None) -> Program:
    """A Python program without site packages, for speed."""
    argv = (sys.executable, "-I", "-S", "-c", textwrap.dedent(script))
    return Program(argv, cwd, limits=limits or Limits(wall_s=20))


async def run(cwd: Path, script: str, limits: Limits | None = None) -> Execution:
    """Run it in the sandbox under test."""
    return await PlainSandbox().run(program(cwd, script, limits))


def gone(pid_file: Path, within_s: float = 0.0) -> bool:
    """Whether the process named in a file does not run any more."""
    pid, deadline = int(pid_file.read_text()), time.monotonic() + within_s
    while alive := runs(pid):
        if time.monotonic() > deadline:
            break
        time.sleep(0.01)
    return not alive


def runs(pid: int) -> bool:
    """A zombie waits for somebody else's parent and counts as ended."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def names(folder: Path) -> list[str]:
    """What lies in a folder."""
    return sorted(path.name for path in folder.iterdir())


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait for a sign of life of the program under test."""
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)
