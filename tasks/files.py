"""Reads and replaces single files that others can tamper with, and turns faults into our errors."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from core.errors import StorageFull

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def shown(name: str) -> str:
    """A file name that can be printed, stored and sent: everything unprintable is escaped."""
    text = os.fsencode(name).decode("utf-8", "backslashreplace") if _encodable(name) else name
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _encodable(name: str) -> bool:
    try:
        os.fsencode(name)
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def full_disk(place: Path) -> Iterator[None]:
    """Turn the operating system's "no space left" into StorageFull."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise StorageFull(
                f"Nothing more can be written to {place} ({error.strerror}): free some space, then "
                "resume the run. What was stored before is intact."
            ) from error
        raise


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading, never through a link and never waiting for a pipe.

    Raises OSError, EINVAL for anything but a regular file.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    file = os.fdopen(descriptor, "rb")
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return file
    file.close()
    raise OSError(errno.EINVAL, "it is not a regular file")


@contextmanager
def replacing(path: Path, mode: int) -> Iterator[Path]:
    """A temporary file that takes the place of `path` at the end, or vanishes on an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix=".writing-", dir=path.parent)
    os.close(descriptor)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
