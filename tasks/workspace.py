"""Keeps every file name a model gives inside one folder, and the task's data untouched."""

from __future__ import annotations

import os
import posixpath
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from core.errors import ActionFailed, WorkspaceLost
from tasks.files import full_disk, open_regular, replacing, shown
from tasks.seeding import seed


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder an agent works in: starter files it may change and links to the task's data."""

    root: Path
    data: Path | None = None
    """Folder the data links lead to: readable, never writable."""
    read_only: tuple[str, ...] = ()
    """Shell patterns of further files not to be written; a matching folder covers what is in it."""
    max_read_bytes: int = 4_000_000

    @classmethod
    def create(
        cls, root: Path, starter: Path, data: Path | None, read_only: tuple[str, ...] = ()
    ) -> Workspace:
        """Make the folder from copies of the starter files and links; raises what `seed` does."""
        seed(root, starter, data)
        return cls(root, data, read_only)

    def resolve(self, name: str, *, write: bool = False) -> Path:
        """The real path of a file a model named, with every link followed.

        Raises ActionFailed when it leaves the workspace or, for writing, is protected, and
        WorkspaceLost when the workspace itself is gone.
        """
        if not self.root.is_dir():
            raise WorkspaceLost(
                f"The workspace {self.root} is gone: resume the run, which restores it."
            )
        relative = _normalised(name)
        root = self.root.resolve()
        path = Path(os.path.realpath(root / relative))
        if path.is_relative_to(root):
            if write:
                self._check_writable(relative, path.relative_to(root).as_posix())
            return path
        if not self._is_data(path):
            raise ActionFailed(f"{shown(name)} leads out of the workspace: use a file inside it.")
        if write:
            raise ActionFailed(f"{shown(name)} is task data and read-only: write another file.")
        return path

    def read_text(self, name: str) -> str:
        """The text of a file, exactly as it is stored.

        Raises ActionFailed for what is missing, not a file, too large or not UTF-8 text.
        """
        with _doing("read", name), open_regular(self.resolve(name)) as file:
            content = file.read(self.max_read_bytes + 1)
        advice = "inspect it with a script."
        if len(content) > self.max_read_bytes:
            raise ActionFailed(f"{shown(name)} exceeds {self.max_read_bytes:,} bytes: {advice}")
        if b"\0" in content:
            raise ActionFailed(f"{shown(name)} is a binary file: {advice}")
        try:
            return content.decode()
        except UnicodeDecodeError as error:
            where = f"byte {error.start}"
            raise ActionFailed(f"{shown(name)} is not UTF-8 text ({where}): {advice}") from error

    def write_text(self, name: str, text: str) -> None:
        """Replace or create a file in one step, with its parent folders; its mode stays.

        Raises ActionFailed when it may not or cannot be written, StorageFull.
        """
        try:
            content = text.encode()
        except UnicodeEncodeError as error:
            where = f"character {error.start}"
            raise ActionFailed(f"The text is not valid Unicode ({where}): correct it.") from error
        path = self._target(name)
        mode = stat.S_IMODE(path.stat().st_mode) if path.is_file() else 0o644
        with _doing("write", name), full_disk(path), replacing(path, mode) as temporary:
            temporary.write_bytes(content)

    def copy(self, source: str, destination: str) -> None:
        """Copy one file; an existing destination is replaced in one step.

        Raises ActionFailed when either name cannot be used so, StorageFull.
        """
        origin, path = self.resolve(source), self._target(destination)
        if origin == path:
            raise ActionFailed(f"{shown(source)} and {shown(destination)} are the same file.")
        with _doing("copy", source), open_regular(origin) as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode) | stat.S_IWUSR
            with full_disk(path), replacing(path, mode) as temporary, temporary.open("wb") as new:
                shutil.copyfileobj(file, new)

    def listing(self, folder: str = ".") -> list[str]:
        """Names in a folder, sorted and without hidden ones, marked as `ls -F` marks them.

        A link into the data carries the mark of what it leads to: how data are mounted is not the
        model's business. Raises ActionFailed when it is no folder.
        """
        path = self.resolve(folder)
        with _doing("list", folder):
            names = sorted(entry.name for entry in path.iterdir())
        return [shown(n) + self._mark(path / n) for n in names if not n.startswith(".")]

    def _check_writable(self, *forms: str) -> None:
        """Test the name as given and the one its links lead to, each with the folders above it."""
        patterns = [posixpath.normpath(pattern) for pattern in self.read_only]
        for form in forms:
            covers = [form, *(str(parent) for parent in Path(form).parents)]
            if any(fnmatchcase(cover, pattern) for cover in covers for pattern in patterns):
                raise ActionFailed(f"{shown(form)} is read-only in this task: write another file.")

    def _is_data(self, path: Path) -> bool:
        return self.data is not None and path.is_relative_to(self.data.resolve())

    def _target(self, name: str) -> Path:
        path = self.resolve(name, write=True)
        if path.is_dir():
            raise ActionFailed(f"{shown(name)} is a folder: name a file.")
        return path

    def _mark(self, path: Path) -> str:
        real = Path(os.path.realpath(path))
        if path.is_symlink() and not self._is_data(real):
            return "@"
        mode = real.lstat().st_mode if real.exists() else 0
        if stat.S_ISREG(mode):
            return "*" if mode & 0o111 else ""
        return {stat.S_IFDIR: "/", stat.S_IFIFO: "|", stat.S_IFSOCK: "="}.get(stat.S_IFMT(mode), "")


def _normalised(name: str) -> str:
    """`a/../b` becomes `b` by its text alone, so that every spelling meets the same patterns."""
    if not name or "\0" in name or not _is_unicode(name):
        raise ActionFailed(f"{shown(name)!r} is not a file name: use a relative path.")
    relative = posixpath.normpath(name)
    if relative.startswith("/"):
        raise ActionFailed(f"{shown(name)} is an absolute path: name it relative to the workspace.")
    if max(len(part.encode()) for part in relative.split("/")) > 255 or len(relative) > 1000:
        raise ActionFailed(f"{shown(name[:60])}... is too long a name: shorten it.")
    if relative.split("/")[0] == "..":
        raise ActionFailed(f"{shown(name)} leads out of the workspace: use a file inside it.")
    return relative


def _is_unicode(name: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in name)


@contextmanager
def _doing(verb: str, name: str) -> Iterator[None]:
    """What the operating system refuses becomes an observation."""
    try:
        yield
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ActionFailed(f"Cannot {verb} {shown(name)}: {reason}.") from error
