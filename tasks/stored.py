"""Reads files out of a run's history without a workspace, so also while the run goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pygit2

from core.errors import UnknownName
from tasks.files import shown
from tasks.large_files import LargeFiles
from tasks.repository import faults, open_repository
from tasks.trees import FOLDER, LARGE, LINK, Entry, find, read_object, read_tree

Kind = Literal["file", "large", "link"]


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file of a snapshot."""

    path: str
    """With slashes; unprintable characters are escaped."""
    kind: Kind
    """`large` is kept beside the repository; of a `link` only the name is told."""
    size: int | None
    """Bytes; None when the content is not kept."""


class Snapshot:
    """One commit of a run's history. Raises WorkspaceLost when it cannot be read."""

    def __init__(self, git_dir: Path, artifacts: Path, commit: str) -> None:
        self._git_dir = git_dir
        self._large = LargeFiles(artifacts / "large-files")
        self._repo = open_repository(git_dir)
        with faults(git_dir):
            self._tree = self._repo[commit].peel(pygit2.Tree).id.raw

    def files(self) -> Iterator[StoredFile]:
        """Every file and link, by path."""
        with faults(self._git_dir):
            yield from self._below(self._tree, "")

    def content(self, path: str) -> bytes | Path:
        """A file's bytes, or where a large one lies. Raises UnknownName."""
        with faults(self._git_dir):
            entry = find(self._repo, self._tree, path)
            if entry is None or entry.mode == FOLDER:
                raise UnknownName(f"There is no file {shown(path)[:200]!r}; list the files.")
            if entry.mode == LINK:
                raise UnknownName(f"{shown(path)!r} is a link, and links are not followed.")
            content = read_object(self._repo, entry.oid)
            if entry.mode != LARGE:
                return content
            kept = self._large.path(content)
        if kept is None:
            raise UnknownName(f"{shown(path)!r} was too large to be kept; fork and save it anew.")
        return kept

    def _below(self, tree: bytes, prefix: str) -> Iterator[StoredFile]:
        for name, entry in sorted(read_tree(self._repo, tree).items()):
            if entry.mode == FOLDER:
                yield from self._below(entry.oid, f"{prefix}{name}/")
            else:
                yield self._described(prefix + name, entry)

    def _described(self, path: str, entry: Entry) -> StoredFile:
        if entry.mode == LINK:
            return StoredFile(shown(path), "link", None)
        content = read_object(self._repo, entry.oid)
        if entry.mode != LARGE:
            return StoredFile(shown(path), "file", len(content))
        kept = self._large.path(content)
        return StoredFile(shown(path), "large", kept.stat().st_size if kept else None)
