"""Git tree objects as bytes, because file names of a script may be ones that pygit2 refuses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

import pygit2

from core.errors import WorkspaceLost

FOLDER, FILE, EXECUTABLE, LINK = 0o40000, 0o100644, 0o100755, 0o120000
LARGE = 0o100664
"""A pointer to a file kept outside the repository; git reads this mode as an ordinary file."""


class Entry(NamedTuple):
    """One line of a tree object."""

    mode: int
    oid: bytes
    """Twenty bytes."""


Tree = Mapping[str, Entry]
"""By file name; bytes that are no UTF-8 are held as surrogates, as `os` does it."""


def read_tree(repo: pygit2.Repository, oid: bytes) -> dict[str, Entry]:
    """Raises WorkspaceLost for what is no tree or could lead out of a folder."""
    content, tree, at = read_object(repo, oid), dict[str, Entry](), 0
    while at < len(content):
        space, end = content.index(b" ", at), content.index(b"\0", at)
        name = os.fsdecode(content[space + 1 : end])
        if name in {"", ".", ".."} or "/" in name:
            raise WorkspaceLost(f"The history holds an unusable file name {name!r}: fork a run.")
        tree[name] = Entry(int(content[at:space], 8), content[end + 1 : end + 21])
        at = end + 21
    return tree


def read_object(repo: pygit2.Repository, oid: bytes) -> bytes:
    """The content of a tree or blob; raises KeyError when the repository does not have it."""
    content: bytes = repo.read(pygit2.Oid(raw=oid))[1]
    return content


def tree_bytes(tree: Tree) -> bytes:
    """Sorted as git sorts: a folder as if its name ended in a slash."""
    lines = [
        (os.fsencode(name), entry, b"/" if entry.mode == FOLDER else b"")
        for name, entry in tree.items()
    ]
    lines.sort(key=lambda line: line[0] + line[2])
    return b"".join(b"%o %s\0%s" % (entry.mode, name, entry.oid) for name, entry, _ in lines)


def find(repo: pygit2.Repository, tree: bytes, path: str) -> Entry | None:
    """The entry at a path with slashes, None when there is none."""
    entry = Entry(FOLDER, tree)
    for name in path.split("/"):
        if entry.mode != FOLDER:
            return None
        below = read_tree(repo, entry.oid).get(name)
        if below is None:
            return None
        entry = below
    return entry


def changes(
    repo: pygit2.Repository, old: bytes | None, new: bytes | None, prefix: str = ""
) -> list[tuple[str, str]]:
    """(A, M or D, path) for every file or link that differs between two trees, sorted by path."""
    before = read_tree(repo, old) if old else {}
    after = read_tree(repo, new) if new else {}
    found: list[tuple[str, str]] = []
    for name in sorted(before.keys() | after.keys()):
        found += _change(repo, before.get(name), after.get(name), prefix + name)
    return found


def _change(
    repo: pygit2.Repository, old: Entry | None, new: Entry | None, path: str
) -> list[tuple[str, str]]:
    if old == new:
        return []
    old_folder = old.oid if old and old.mode == FOLDER else None
    new_folder = new.oid if new and new.mode == FOLDER else None
    below = changes(repo, old_folder, new_folder, path + "/") if old_folder or new_folder else []
    was = old is not None and old_folder is None
    now = new is not None and new_folder is None
    if was and now:
        return [*below, ("M", path)]
    return [*([("D", path)] if was else []), *([("A", path)] if now else []), *below]
