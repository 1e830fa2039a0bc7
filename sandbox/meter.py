"""Measures what a program and all its descendants use, against their limits."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping

from sandbox.proctree import descendants, memory_bytes

MIB = 1024 * 1024
DISK_EVERY_S = 0.2
DISK_SHARE = 20
"""Measuring a folder takes at most one part in this many of the time."""


class Meter:
    """Sampled, so short peaks pass unseen and a limit is overshot by what 0.1 s allow."""

    def __init__(self, limits: Mapping[str, int], folders: tuple[str, ...]) -> None:
        self._limits = limits
        self._folders = folders
        self._next_disk = time.monotonic() + DISK_EVERY_S
        self.peak_bytes = 0

    def breach(self) -> tuple[str, str] | None:
        """(ended_by, one sentence) when a limit is exceeded by the descendants of this process."""
        pids = descendants(os.getpid())
        memory = memory_bytes(pids)
        self.peak_bytes = max(self.peak_bytes, memory)
        most = self._limits["memory_mb"]
        if memory > most * MIB:
            return "memory", f"It used {memory // MIB} MB of memory; the limit is {most} MB."
        most = self._limits["processes"]
        if len(pids) > most:
            return "signal", f"It ran {len(pids)} processes at once; the limit is {most}."
        return self._disk_breach() if time.monotonic() >= self._next_disk else None

    def _disk_breach(self) -> tuple[str, str] | None:
        started = time.monotonic()
        used = sum(folder_bytes(folder) for folder in self._folders)
        now = time.monotonic()
        self._next_disk = now + max(DISK_EVERY_S, DISK_SHARE * (now - started))
        most = self._limits["disk_mb"]
        if used > most * MIB:
            return "disk", f"Its files took {used // MIB} MB of disk; the limit is {most} MB."
        return None


def folder_bytes(folder: str) -> int:
    """Disk space of everything below a folder; follows no links, skips what it cannot read."""
    total, todo = 0, [folder]
    while todo:
        try:
            with os.scandir(todo.pop()) as found:
                entries = list(found)
        except OSError:
            continue
        for entry in entries:
            total += _disk_bytes(entry)
            if entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)
    return total


def _disk_bytes(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_blocks * 512
    except OSError:
        return 0
