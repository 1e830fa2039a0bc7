"""Turns a folder into a git tree, reading only the files that changed since the last time."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field
from pathlib import Path

from tasks.files import open_regular
from tasks.large_files import LargeFiles
from tasks.objects import object_id, write_object
from tasks.trees import EXECUTABLE, FILE, FOLDER, LARGE, LINK, Entry, tree_bytes

RACY_NS = 50_000_000
"""A file this young at a scan may change again without its times showing it: read it next time."""
MAX_DEPTH = 100
IGNORED = frozenset({"__pycache__"})

Stamp = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Known:
    """What a file was when it was last read."""

    stamp: Stamp
    entry: Entry
    racy: bool


@dataclass(slots=True)
class Scan:
    """One pass over the folder."""

    started_ns: int
    tree: bytes = b""
    large: list[str] = field(default_factory=list)
    """Paths of files represented by pointers."""
    skipped: list[str] = field(default_factory=list)
    """Paths that are not in the tree: pipes, sockets, unreadable or too deep."""
    seen: dict[str, Known] = field(default_factory=dict)
    trees: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    """Content and id of each folder's tree object."""


class Scanner:
    """Remembers sizes and times of files between scans; never follows a link."""

    def __init__(self, git_dir: Path, root: Path, large: LargeFiles, max_file_bytes: int) -> None:
        self._git_dir = git_dir
        self._root = str(root)
        self._large = large
        self._max_file_bytes = max_file_bytes
        self._known: dict[str, Known] = {}
        self._trees: dict[str, tuple[bytes, bytes]] = {}

    def scan(self) -> Scan:
        """Write blobs and trees for what is new. Raises OSError when it cannot."""
        scan = Scan(time.time_ns())
        scan.tree = self._folder(scan, "", 0)
        self._known, self._trees = scan.seen, scan.trees
        return scan

    def known(self, path: str, found: os.stat_result) -> Entry | None:
        """The entry of an unchanged file, None when only reading it can tell."""
        known = self._known.get(path)
        if known is None or known.racy or known.stamp != stamp_of(found):
            return None
        return known.entry

    def _folder(self, scan: Scan, prefix: str, depth: int) -> bytes:
        tree: dict[str, Entry] = {}
        with os.scandir(f"{self._root}/{prefix}") as found:
            items = [item for item in found if item.name not in IGNORED]
        for item in items:
            entry = self._item(scan, item, prefix + item.name, depth)
            if entry is not None:
                tree[item.name] = entry
        content = tree_bytes(tree)
        last = self._trees.get(prefix)
        if last is None or last[0] != content:
            last = (content, write_object(self._git_dir, "tree", content))
        scan.trees[prefix] = last
        return last[1]

    def _item(self, scan: Scan, item: os.DirEntry[str], path: str, depth: int) -> Entry | None:
        try:
            if not item.is_dir(follow_symlinks=False):
                return self._file(scan, item, path)
            if depth < MAX_DEPTH and os.access(item.path, os.R_OK | os.X_OK):
                return Entry(FOLDER, self._folder(scan, path + "/", depth + 1))
        except FileNotFoundError:
            return None
        scan.skipped.append(path)
        return None

    def _file(self, scan: Scan, item: os.DirEntry[str], path: str) -> Entry | None:
        found = item.stat(follow_symlinks=False)
        entry = self.known(path, found)
        if entry is None:
            content = self._content(item, found)
            if content is None:
                scan.skipped.append(path)
                return None
            entry = Entry(self._mode(found), self._blob(content, self._known.get(path)))
        young = max(found.st_mtime_ns, found.st_ctime_ns) > scan.started_ns - RACY_NS
        scan.seen[path] = Known(stamp_of(found), entry, young)
        if entry.mode == LARGE:
            scan.large.append(path)
        return entry

    def _mode(self, found: os.stat_result) -> int:
        if stat.S_ISLNK(found.st_mode):
            return LINK
        if found.st_size > self._max_file_bytes:
            return LARGE
        return EXECUTABLE if found.st_mode & stat.S_IXUSR else FILE

    def _content(self, item: os.DirEntry[str], found: os.stat_result) -> bytes | None:
        """What the tree holds for an item, None for what cannot be read."""
        if stat.S_ISLNK(found.st_mode):
            return os.fsencode(Path(item.path).readlink())
        if not stat.S_ISREG(found.st_mode):
            return None
        try:
            file = open_regular(Path(item.path))
        except FileNotFoundError:
            raise
        except OSError:
            return None
        with file:
            return self._large.keep(file) if self._mode(found) == LARGE else file.read()

    def _blob(self, content: bytes, known: Known | None) -> bytes:
        if known is not None and object_id("blob", content) == known.entry.oid:
            return known.entry.oid
        return write_object(self._git_dir, "blob", content)


def stamp_of(found: os.stat_result) -> Stamp:
    """Whatever changes when a file does, at the precision of the file system."""
    return found.st_mode, found.st_size, found.st_mtime_ns, found.st_ino, found.st_ctime_ns
