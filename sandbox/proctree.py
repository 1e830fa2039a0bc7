"""Finds, measures and kills the descendants of a process; without Linux's /proc it finds none."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

PROC = Path("/proc")
KIB = 1024


def descendants(pid: int) -> list[int]:
    """Every process below one, parents before their children."""
    listed = (PROC / "self" / "task" / str(os.getpid()) / "children").exists()
    children_of = _listed_children if listed else _children_by_parent()
    found: list[int] = []
    todo = [pid]
    while todo:
        below = children_of(todo.pop())
        found += below
        todo += below
    return found


def memory_bytes(pids: Iterable[int]) -> int:
    """Private memory of all plus the largest shared part, which workers usually have in common."""
    private = shared = 0
    for pid in pids:
        sizes = _sizes_kib(pid)
        private += sizes.get("RssAnon", 0)
        shared = max(shared, sizes.get("RssShmem", 0))
    return (private + shared) * KIB


def kill_all(pids: list[int]) -> None:
    """Stop them all first, so that none forks while another is being killed."""
    for number in (signal.SIGSTOP, signal.SIGKILL):
        for pid in pids:
            kill(pid, number)


def kill(pid: int, number: int = signal.SIGKILL) -> None:
    """Send a signal; a process that is gone, or another user's, is left alone."""
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def marked(mark: str) -> list[int]:
    """Processes with a text in their environment: those whose parents no longer lead to us."""
    wanted = mark.encode()
    return [pid for pid in _all() if wanted in _read(PROC / str(pid) / "environ")]


def threads_of_user(uid: int) -> int:
    """What RLIMIT_NPROC counts."""
    return sum(
        int(line.split()[1])
        for pid in _all()
        if f"Uid:\t{uid}\t" in (status := _read(PROC / str(pid) / "status").decode())
        for line in status.splitlines()
        if line.startswith("Threads:")
    )


def _all() -> Iterator[int]:
    if PROC.is_dir():
        yield from (int(path.name) for path in PROC.iterdir() if path.name.isdigit())


def _read(path: Path) -> bytes:
    """Processes come and go while one looks at them."""
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _sizes_kib(pid: int) -> dict[str, int]:
    lines = _read(PROC / str(pid) / "status").decode(errors="replace").splitlines()
    fields = (line.split() for line in lines if line.startswith("Rss"))
    return {field[0].rstrip(":"): int(field[1]) for field in fields}


def _listed_children(pid: int) -> list[int]:
    try:
        threads = list((PROC / str(pid) / "task").iterdir())
    except OSError:
        return []
    return [int(child) for thread in threads for child in _read(thread / "children").split()]


def _children_by_parent() -> Callable[[int], list[int]]:
    """One pass over all processes, for kernels that do not list children."""
    below: dict[int, list[int]] = {}
    for pid in _all():
        fields = _read(PROC / str(pid) / "stat").rpartition(b")")[2].split()
        if fields:
            below.setdefault(int(fields[1]), []).append(pid)
    return lambda pid: below.get(pid, [])
