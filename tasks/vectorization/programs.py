"""Placed beside graders that run programs: fresh copies, wall-clock timing, nothing left running.

Standard library only, like grade_helper.py.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from grade_helper import InvalidSubmission, require_file

MAX_FILE, MAX_TOTAL = 5_000_000, 20_000_000
_SET_DUMPABLE, _SET_CHILD_SUBREAPER = 4, 36


@dataclass(frozen=True)
class Program:
    """The files of a program, held in memory so that no run can change them for the next."""

    name: str
    """Whose it is, for messages."""
    files: dict[str, bytes]

    def write(self, folder: Path) -> None:
        """Put a copy into an empty folder."""
        for name, content in self.files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def guard() -> None:
    """Adopt what programs leave behind, and close this process's memory and pipes to them."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        libc.prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)


def read_program(name: str, folder: Path) -> Program:
    """Python files of a folder, links excluded; raises InvalidSubmission without a train.py."""
    require_file(folder / "train.py", MAX_FILE)
    files: dict[str, bytes] = {}
    for file in sorted(folder.rglob("*.py")):
        if file.is_symlink() or not file.is_file() or file.stat().st_size > MAX_FILE:
            continue
        files[file.relative_to(folder).as_posix()] = file.read_bytes()
    if sum(map(len, files.values())) > MAX_TOTAL:
        raise InvalidSubmission(f"{name}: the Python files are larger than {MAX_TOTAL} bytes")
    return Program(name, files)


def run_program(folder: Path, name: str, limit_s: float) -> float:
    """Wall seconds of `python train.py` as a whole process; raises InvalidSubmission if it fails.

    The wait has no timeout of its own (Python's polls, up to 50 ms late): a timer kills instead.
    """
    private = {"HOME": str(folder), "TMPDIR": str(folder), "PYTHONNOUSERSITE": "1"}
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "train.py"],
            cwd=folder,
            env={**os.environ, **private},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        timer = threading.Timer(limit_s, process.kill)
        timer.start()
        code = process.wait()
        seconds = time.perf_counter() - start
        timer.cancel()
        _kill_leftovers(process.pid)
        if seconds >= limit_s:
            raise InvalidSubmission(f"{name}: train.py ran longer than {limit_s:.0f} s")
        if code != 0:
            raise InvalidSubmission(f"{name}: train.py failed ({code}): {_last_line(errors)}")
    return seconds


def _last_line(errors: IO[bytes]) -> str:
    size = errors.seek(0, os.SEEK_END)
    errors.seek(max(0, size - 2000))
    lines = errors.read().decode(errors="replace").strip().splitlines()
    return lines[-1][:300] if lines else "it said nothing"


def _kill_leftovers(group: int) -> None:
    """Kill the program's session, then every orphan that was handed to this process."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    while orphans := _children():
        for pid in orphans:
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)


def _children() -> list[int]:
    me = str(os.getpid())
    found = []
    for stat_file in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = stat_file.read_text().rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            continue
        if parent == me:
            found.append(int(stat_file.parent.name))
    return found
