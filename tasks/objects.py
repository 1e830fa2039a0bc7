"""Writes git objects, because libgit2 does not say that a disk was full when it was."""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path

from tasks.files import replacing


def object_id(kind: str, content: bytes) -> bytes:
    """The twenty bytes git names a blob, tree or commit by."""
    return hashlib.sha1(_header(kind, content) + content, usedforsecurity=False).digest()


def write_object(git_dir: Path, kind: str, content: bytes) -> bytes:
    """Store an object once, whole or not at all; returns its id. Raises OSError."""
    oid = object_id(kind, content)
    name = oid.hex()
    path = git_dir / "objects" / name[:2] / name[2:]
    if not path.exists():
        with replacing(path, 0o444) as temporary:
            temporary.write_bytes(zlib.compress(_header(kind, content) + content, 1))
    return oid


def write_reference(git_dir: Path, name: str, commit: str) -> None:
    """Point a name at a commit, replacing what it pointed at. Raises OSError."""
    with replacing(git_dir / name, 0o644) as temporary:
        temporary.write_text(commit + "\n")


def _header(kind: str, content: bytes) -> bytes:
    return b"%s %d\0" % (kind.encode(), len(content))
