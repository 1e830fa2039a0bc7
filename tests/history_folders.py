"""What a folder and a commit hold, told without the code under test."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

from tasks.history import History


def state(folder: Path) -> dict[str, object]:
    """Everything below a folder: kind, executable bit, content or link target."""
    found: dict[str, object] = {}
    for path in folder.rglob("*"):
        name, mode = str(path.relative_to(folder)), path.lstat().st_mode
        if stat.S_ISLNK(mode):
            found[name] = ("link", os.readlink(path))  # noqa: PTH115 -- keeps the exact text
        elif stat.S_ISREG(mode):
            found[name] = ("file", bool(mode & 0o100), path.read_bytes())
        else:
            found[name] = stat.S_IFMT(mode)
    return found


def message(history: History, commit: str) -> str:
    """The commit message as git itself reads it."""
    command = ["git", f"--git-dir={history.git_dir}", "log", "-1", "--format=%B", commit]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
