"""Deletes folders that a hostile program may have prepared: deep, read-only, full of links."""

from __future__ import annotations

import itertools
import os
from pathlib import Path


def remove_tree(path: Path) -> None:
    """Delete a file, link or folder without following links; a path that is gone is no error.

    Sub-folders are first moved up beside their parent, so that neither a path nor the call stack
    grows with the depth. Raises OSError when something cannot be deleted.
    """
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    todo = [path]
    free = (path.with_name(f"{path.name[:200]}.removing-{n}") for n in itertools.count())
    while todo:
        folder = todo.pop()
        folder.chmod(0o700)
        for child in _emptied(folder):
            # Renaming a folder needs write permission on it, because its `..` changes.
            child.chmod(0o700)
            target = next(name for name in free if not os.path.lexists(name))
            todo.append(child.rename(target))
        folder.rmdir()


def _emptied(folder: Path) -> list[Path]:
    """Delete the files of a folder; what is left are its sub-folders."""
    with os.scandir(folder) as found:
        entries = list(found)
    folders = []
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            folders.append(Path(entry.path))
        else:
            Path(entry.path).unlink(missing_ok=True)
    return folders
