"""The Protocol every sandbox rung fulfils, and the two records that cross it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

EndedBy = Literal["exit", "signal", "timeout", "memory", "disk", "output", "setup"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program and all its descendants may use together, where not said otherwise."""

    wall_s: float = 3600
    cpu_s: int | None = None
    """CPU seconds per process; None = wall seconds times cores."""
    memory_mb: int = 4096
    processes: int = 256
    file_mb: int = 2048
    """Size of one file."""
    disk_mb: int = 8192
    """Size of the writable folder."""
    open_files: int = 1024
    output_bytes: int = 1_000_000
    """Kept of stdout and stderr each (head and tail); the rest is read and dropped."""


@dataclass(frozen=True, slots=True)
class Program:
    """One program to run."""

    argv: tuple[str, ...]
    """The first entry is an absolute path; no shell is involved."""
    cwd: Path
    """The only folder the program may write to (besides a private temporary one)."""
    readable: tuple[Path, ...] = ()
    """Further folders it may read."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Added to the scrubbed environment."""
    limits: Limits = Limits()
    on_output: Callable[[str], None] | None = None
    """Called with decoded chunks of output as they come."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How a program ended."""

    ended_by: EndedBy
    exit_code: int | None
    """None unless it exited by itself."""
    stdout: str
    stderr: str
    seconds: float
    peak_memory_mb: int
    detail: str = ""
    """One sentence when a limit ended it."""

    @property
    def ok(self) -> bool:
        """It ran to its end and returned 0."""
        return self.ended_by == "exit" and self.exit_code == 0


class Sandbox(Protocol):
    """Runs programs; cancelling the awaiting task kills the whole process tree before returning."""

    name: str
    unprotected: tuple[str, ...]
    """What this rung does not protect, one sentence each; stored with every execution."""

    async def run(self, program: Program) -> Execution:
        """Run to the end or to a limit; raises only for programming errors."""
        ...
