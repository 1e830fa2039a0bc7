"""Builds the interpreter that scripts run in: not the service's, which holds its code and keys."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import platform
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TextIO

from core.errors import ConfigurationError, InvalidFile, StorageFull
from core.offload import off_loop
from sandbox.base import Execution, Limits, Program
from sandbox.plain import PlainSandbox
from sandbox.removal import remove_tree

COMPLETE = ".complete"
INSTALLER_VARIABLES = re.compile(
    r"PIP_.*|(HTTP|HTTPS|ALL|NO)_PROXY|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|HOME|XDG_.*",
    re.IGNORECASE,
)
LIMITS = Limits(wall_s=3600, memory_mb=8192, disk_mb=40_000, file_mb=20_000)
POLL_S = 0.1
LAST_LINES = 12

Progress = Callable[[str], None]


async def ensure_interpreter(lock: Path, envs_dir: Path, progress: Progress) -> Path:
    """The Python of the environment that a lock file describes, built on first use.

    One process builds, others wait for it; a half-built environment is built again. `progress`
    gets lines. Raises InvalidFile for an unreadable lock, ConfigurationError when the packages
    cannot be installed, StorageFull.
    """
    folder = envs_dir / _name(lock)
    if _is_complete(folder):
        return _python(folder)
    async with _locked(folder, progress):
        if not _is_complete(folder):
            progress(f"Building the interpreter {lock.stem} for scripts; this happens once.")
            await off_loop(_start_afresh, folder)
            await _build(lock, folder, progress)
            _mark_complete(folder)
    return _python(folder)


def _name(lock: Path) -> str:
    """What the environment depends on: the pinned packages, the Python and the machine."""
    try:
        content = lock.read_bytes()
    except OSError as error:
        reason = error.strerror
        raise InvalidFile(f"The lock file {lock} cannot be read ({reason}): check it.") from error
    machine = f"{sys.version_info[:3]} {sys.platform} {platform.machine()}"
    return hashlib.sha256(content + machine.encode()).hexdigest()[:16]


def _python(folder: Path) -> Path:
    return folder / "bin" / "python"


def _is_complete(folder: Path) -> bool:
    """Also false when the Python it was made from is gone: `exists` follows the link."""
    return (folder / COMPLETE).exists() and _python(folder).exists()


def _start_afresh(folder: Path) -> None:
    remove_tree(folder)
    folder.mkdir()


def _mark_complete(folder: Path) -> None:
    (folder / COMPLETE).touch()


async def _build(lock: Path, folder: Path, progress: Progress) -> None:
    await _do((sys.executable, "-m", "venv", str(folder)), folder, progress)
    await _do(_install_command(lock, folder), folder, progress)


def _install_command(lock: Path, folder: Path) -> tuple[str, ...]:
    pip = (str(_python(folder)), "-I", "-m", "pip", "install")
    options = ("--require-hashes", "--no-deps", "--disable-pip-version-check", "--no-input")
    return (*pip, *options, "-r", str(lock.absolute()))


async def _do(argv: tuple[str, ...], folder: Path, progress: Progress) -> None:
    """In the plain sandbox, because nothing of it must go on when we are killed half-way."""
    env = {name: value for name, value in os.environ.items() if INSTALLER_VARIABLES.fullmatch(name)}
    program = Program(argv, folder, env=env, limits=LIMITS, on_output=_by_line(progress))
    done = await PlainSandbox().run(program)
    if done.ok:
        return
    report = "\n".join(f"{done.stdout}\n{done.stderr}\n{done.detail}".split("\n")[-LAST_LINES:])
    if done.ended_by == "disk" or "No space left on device" in report:
        raise StorageFull(f"No room for the scripts' packages in {folder}: free some space.")
    raise ConfigurationError(_advice(done, report))


def _advice(done: Execution, report: str) -> str:
    how = f"exit code {done.exit_code}" if done.ended_by == "exit" else done.ended_by
    return (
        f"The packages that scripts need could not be installed ({how}):\n{report.strip()}\n"
        "Check that pip reaches a package index from here (PIP_INDEX_URL, PIP_CONFIG_FILE and "
        "proxy variables are passed on) and that Python has the venv module, then try again."
    )


def _by_line(progress: Progress) -> Callable[[str], None]:
    def show(text: str) -> None:
        for line in re.split(r"[\r\n]+", text):
            if line.strip():
                progress(line.strip())

    return show


@asynccontextmanager
async def _locked(folder: Path, progress: Progress) -> AsyncIterator[None]:
    """The kernel gives the lock back when its holder dies, however it dies."""
    with await off_loop(_lock_file, folder) as file:
        waited = False
        while not _try_lock(file.fileno()):
            if not waited:
                progress("Another process is building the interpreter for scripts; waiting for it.")
            waited = True
            await asyncio.sleep(POLL_S)
        yield


def _lock_file(folder: Path) -> TextIO:
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder.with_suffix(".lock").open("w")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
