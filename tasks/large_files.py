"""Keeps files too large for the history beside it, by their content, so that undo still works."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from tasks.files import replacing

CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class LargeFiles:
    """A folder of files named by their SHA-256; without a folder, files are only named."""

    folder: Path | None

    def keep(self, file: BinaryIO) -> bytes:
        """Store an open file once; returns the pointer that stands for it in a tree."""
        if self.folder is None:
            return _pointer(_copy(file, None))
        self.folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=".keeping-", dir=self.folder)
        temporary = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as kept:
                digest = _copy(file, kept)
            if not (self.folder / digest).exists():
                temporary.chmod(0o444)
                temporary.rename(self.folder / digest)
        finally:
            temporary.unlink(missing_ok=True)
        return _pointer(digest)

    def path(self, pointer: bytes) -> Path | None:
        """Where the file behind a pointer is kept, None when it was only named."""
        if self.folder is None:
            return None
        kept = self.folder / pointer.decode().strip().rpartition(":")[2]
        return kept if kept.is_file() else None

    def put(self, pointer: bytes, target: Path) -> bool:
        """Write the file behind a pointer; False when it is not kept here."""
        kept = self.path(pointer)
        if kept is not None:
            with replacing(target, 0o644) as temporary:
                shutil.copyfile(kept, temporary)
        return kept is not None

    def share(self, other: Path) -> None:
        """Make everything kept here available in another folder, without copies where possible."""
        if self.folder is None or not self.folder.is_dir():
            return
        other.mkdir(parents=True, exist_ok=True)
        for kept in self.folder.iterdir():
            if not kept.name.startswith(".") and not (other / kept.name).exists():
                link_or_copy(kept, other / kept.name)


def link_or_copy(source: Path, target: Path) -> None:
    """A hard link for a file that nobody changes any more, a copy where links do not work."""
    try:
        target.hardlink_to(source)
    except OSError:
        shutil.copy2(source, target)


def _copy(file: BinaryIO, target: BinaryIO | None) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(CHUNK):
        digest.update(chunk)
        if target is not None:
            target.write(chunk)
    return digest.hexdigest()


def _pointer(digest: str) -> bytes:
    return f"kept outside the history, sha256:{digest}\n".encode()
