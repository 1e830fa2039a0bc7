"""Fills a new workspace, all of it or nothing."""

from __future__ import annotations

import shutil
import stat
import tempfile
from pathlib import Path

from core.errors import BadRequest, DataMissing, InvalidFile
from sandbox.removal import remove_tree
from tasks.files import full_disk


def seed(root: Path, starter: Path, data: Path | None) -> None:
    """Copy the starter files into a new folder and link every data entry there.

    Raises BadRequest when `root` already holds files, InvalidFile or DataMissing for what it is
    made from, StorageFull.
    """
    if root.exists() and any(root.iterdir()):
        raise BadRequest(f"{root} already holds files: choose an empty folder or remove it.")
    if not starter.is_dir():
        raise InvalidFile(f"The task has no starter folder {starter}: create it.")
    if data is not None and not data.is_dir():
        raise DataMissing(f"There is no data folder {data}: prepare the task's data first.")
    with full_disk(root):
        root.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".building-", dir=root.parent))
        try:
            _copy_starter(starter, building)
            _link_data(data, building)
            building.chmod(0o755)
            building.rename(root)
        finally:
            remove_tree(building)


def _copy_starter(starter: Path, building: Path) -> None:
    """Checkouts may be read-only; the agent's copies must not be."""
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(starter, building, symlinks=True, ignore=ignored, dirs_exist_ok=True)
    for path in building.rglob("*"):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | (0o700 if path.is_dir() else 0o600))


def _link_data(data: Path | None, building: Path) -> None:
    if data is None:
        return
    for entry in sorted(data.resolve().iterdir()):
        link = building / entry.name
        if entry.name.startswith("."):
            continue
        if link.exists() or link.is_symlink():
            raise InvalidFile(
                f"{entry.name} is both a starter file and a data file of the task: rename one."
            )
        link.symlink_to(entry)
