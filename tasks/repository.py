"""Makes and opens bare git repositories, and names what goes wrong with them."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pygit2
from pygit2.enums import ConfigLevel, RepositoryOpenFlag

from core.errors import BadRequest, WorkspaceLost
from sandbox.removal import remove_tree
from tasks.files import full_disk

HEAD = "refs/heads/main"
CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = true\n"


def create_repository(git_dir: Path) -> None:
    """Written by hand: no templates, hooks or settings of the person who runs it."""
    with new_folder(git_dir) as building:
        for name in ("objects/info", "objects/pack", "refs/heads"):
            (building / name).mkdir(parents=True)
        (building / "HEAD").write_text(f"ref: {HEAD}\n")
        (building / "config").write_text(CONFIG)


@contextmanager
def faults(place: Path) -> Iterator[None]:
    try:
        with full_disk(place):
            yield
    except (OSError, KeyError, pygit2.GitError) as error:
        raise WorkspaceLost(
            f"The workspace or its history {place} cannot be used ({error}): start a new run, or "
            "fork one from a step that is intact."
        ) from error


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder that gets its name only when it is complete."""
    if path.exists():
        raise BadRequest(f"{path} already exists: open it, or choose another folder.")
    with full_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(prefix=".building-", dir=path.parent))
        try:
            yield building
            building.rename(path)
        finally:
            remove_tree(building)


def open_repository(git_dir: Path) -> pygit2.Repository:
    """Without the person's git configuration, which could be malformed or change contents."""
    for level in (ConfigLevel.SYSTEM, ConfigLevel.XDG, ConfigLevel.GLOBAL):
        pygit2.settings.search_path[level] = ""
    flags = RepositoryOpenFlag.BARE | RepositoryOpenFlag.NO_SEARCH
    with faults(git_dir):
        return pygit2.Repository(str(git_dir), flags)
