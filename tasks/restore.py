"""Makes a folder exactly what a git tree says, touching nothing that is right already."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pygit2

from sandbox.removal import remove_tree
from tasks.files import open_regular, replacing
from tasks.large_files import LargeFiles
from tasks.objects import object_id
from tasks.trees import EXECUTABLE, FOLDER, LARGE, LINK, Entry, read_object, read_tree

Known = Callable[[str, os.stat_result], Entry | None]


class Restorer:
    """Writes one tree; never through a link, since it only enters folders it has looked at."""

    def __init__(self, repo: pygit2.Repository, large: LargeFiles, known: Known) -> None:
        self._repo = repo
        self._large = large
        self._known = known
        self.missing: list[str] = []
        """Large files that were only named and so could not be brought back."""

    def folder(self, tree: bytes, path: Path, prefix: str = "") -> None:
        """Restore one folder and all below it."""
        entries = read_tree(self._repo, tree)
        with os.scandir(path) as found:
            extra = [item.path for item in found if item.name not in entries]
        for item in extra:
            remove_tree(Path(item))
        for name, entry in entries.items():
            self._entry(entry, path / name, prefix + name)

    def _entry(self, entry: Entry, path: Path, relative: str) -> None:
        found = path.lstat() if os.path.lexists(path) else None
        if entry.mode == FOLDER:
            _make_folder(path, found)
            self.folder(entry.oid, path, relative + "/")
            return
        if found is not None and stat.S_ISDIR(found.st_mode):
            remove_tree(path)
            found = None
        if found is None or not self._is_right(entry, path, found, relative):
            self._write(entry, path, relative)

    def _is_right(self, entry: Entry, path: Path, found: os.stat_result, relative: str) -> bool:
        known = self._known(relative, found)
        if known is not None:
            return known == entry
        if entry.mode == LINK or not stat.S_ISREG(found.st_mode):
            return False
        if bool(found.st_mode & stat.S_IXUSR) != (entry.mode == EXECUTABLE):
            return False
        try:
            file = open_regular(path)
        except OSError:
            return False
        with file:
            if entry.mode == LARGE:
                return LargeFiles(None).keep(file) == read_object(self._repo, entry.oid)
            return object_id("blob", file.read()) == entry.oid

    def _write(self, entry: Entry, path: Path, relative: str) -> None:
        content = read_object(self._repo, entry.oid)
        if entry.mode == LINK:
            path.unlink(missing_ok=True)
            path.symlink_to(os.fsdecode(content))
        elif entry.mode == LARGE:
            if not self._large.put(content, path):
                path.unlink(missing_ok=True)
                self.missing.append(relative)
        else:
            with replacing(path, 0o755 if entry.mode == EXECUTABLE else 0o644) as temporary:
                temporary.write_bytes(content)


def _make_folder(path: Path, found: os.stat_result | None) -> None:
    if found is not None and not stat.S_ISDIR(found.st_mode):
        path.unlink()
        found = None
    if found is None:
        path.mkdir()
    elif found.st_mode & stat.S_IRWXU != stat.S_IRWXU:
        path.chmod(stat.S_IMODE(found.st_mode) | stat.S_IRWXU)


def drop_foreign_links(folder: Path, allowed: tuple[Path, ...]) -> list[str]:
    """Delete links that lead out of `folder` and of the `allowed` ones; returns their paths.

    A submission that is a link to the answers must not reach a grader.
    """
    roots = [Path(os.path.realpath(root)) for root in (folder, *allowed)]
    links = [path for path in _walk(folder) if path.is_symlink()]
    foreign = [
        link
        for link in links
        if not any(Path(os.path.realpath(link)).is_relative_to(root) for root in roots)
    ]
    for link in foreign:
        link.unlink()
    return [link.relative_to(folder).as_posix() for link in foreign]


def _walk(folder: Path) -> list[Path]:
    return [
        Path(parent) / name
        for parent, folders, files in os.walk(folder)
        for name in (*folders, *files)
    ]
