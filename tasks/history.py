"""The versions of a workspace: a bare git repository outside it, written without git itself."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pygit2

from core.errors import BadRequest, WorkspaceLost
from tasks.files import shown
from tasks.large_files import LargeFiles, link_or_copy
from tasks.objects import write_object, write_reference
from tasks.repository import HEAD, create_repository, faults, new_folder, open_repository
from tasks.restore import Restorer, drop_foreign_links
from tasks.scan import Scan, Scanner
from tasks.trees import FOLDER, LARGE, Entry, changes, find, read_object

AUTHOR = "BudgetMLAgent <history@localhost>"


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """What does not go into the repository."""

    artifacts_dir: Path | None = None
    """Where larger files are kept; without it they are only named."""
    max_file_mb: int = 50


class History:
    """Snapshots of one folder. Not for two threads at once; `create` and `open` make one.

    Every method raises StorageFull when the disk takes no more (earlier snapshots stay intact) and
    WorkspaceLost when the folder, the repository or the named snapshot is not there.
    """

    def __init__(self, git_dir: Path, work_dir: Path, options: HistoryOptions) -> None:
        self.git_dir = git_dir
        self.work_dir = work_dir
        self._repo = open_repository(git_dir)
        self._large = LargeFiles(options.artifacts_dir and options.artifacts_dir / "large-files")
        limit = options.max_file_mb * 1024 * 1024
        self._scanner = Scanner(git_dir, work_dir, self._large, limit)

    @classmethod
    def create(
        cls, git_dir: Path, work_dir: Path, options: HistoryOptions = HistoryOptions()
    ) -> History:
        """Make an empty repository. Raises BadRequest when there already is something."""
        create_repository(git_dir)
        return cls(git_dir, work_dir, options)

    @classmethod
    def open(
        cls, git_dir: Path, work_dir: Path, options: HistoryOptions = HistoryOptions()
    ) -> History:
        """Continue an existing one."""
        return cls(git_dir, work_dir, options)

    def snapshot(self, message: str, parent: str | None) -> str:
        """Store the folder as it is; returns the commit id, `parent` itself if nothing changed."""
        with self._guarded():
            scan = self._scanner.scan()
            if parent is not None and self._tree(parent) == scan.tree:
                return parent
            commit = write_object(self.git_dir, "commit", _commit(message, parent, scan)).hex()
            self._keep_reachable(commit, parent)
            return commit

    def restore(self, commit: str) -> tuple[str, ...]:
        """Make the workspace exactly that snapshot.

        Returns the large files that had only been named and are therefore missing.
        """
        with self._guarded():
            restorer = Restorer(self._repo, self._large, self._scanner.known)
            restorer.folder(self._tree(commit), self.work_dir)
            return tuple(map(shown, restorer.missing))

    def checkout(
        self, commit: str, target: Path, allowed_links: tuple[Path, ...] = ()
    ) -> tuple[str, ...]:
        """Export a snapshot into an empty or new folder, for grading.

        Links that lead out of it, and not into an allowed folder, are left out, so that nobody can
        submit a link to the answers. Returns what is not there: those links and large files that
        had only been named. Raises BadRequest when the folder is not empty.
        """
        with self._guarded():
            target.mkdir(parents=True, exist_ok=True)
            if any(target.iterdir()):
                raise BadRequest(f"{target} is not empty: export the snapshot somewhere else.")
            restorer = Restorer(self._repo, self._large, lambda path, found: None)
            restorer.folder(self._tree(commit), target)
            return tuple(map(shown, restorer.missing + drop_foreign_links(target, allowed_links)))

    def diff(self, old: str | None, new: str) -> str:
        """A unified diff; None stands for the empty folder."""
        with self._guarded():
            empty = pygit2.Oid(raw=write_object(self.git_dir, "tree", b""))
            before = empty if old is None else pygit2.Oid(raw=self._tree(old))
            after = pygit2.Oid(raw=self._tree(new))
            trees = [self._repo[oid].peel(pygit2.Tree) for oid in (before, after)]
            return trees[0].diff_to_tree(trees[1]).patch or ""

    def changed(self, old: str | None, new: str) -> list[tuple[str, str]]:
        """(A, M or D, printable path) of every file that differs; None is the empty folder."""
        with self._guarded():
            before = None if old is None else self._tree(old)
            found = changes(self._repo, before, self._tree(new))
            return [(letter, shown(path)) for letter, path in found]

    def read(self, commit: str, path: str) -> bytes | None:
        """A file's content (a link's target), None when it is not there or not kept."""
        with self._guarded():
            entry = self._find(commit, path)
            if entry is None:
                return None
            content = read_object(self._repo, entry.oid)
            if entry.mode != LARGE:
                return content
            kept = self._large.path(content)
            return None if kept is None else kept.read_bytes()

    def blob_id(self, commit: str, path: str) -> str | None:
        """An id that is equal for equal contents, None when there is no such file."""
        with self._guarded():
            entry = self._find(commit, path)
            return None if entry is None else entry.oid.hex()

    def parent(self, commit: str) -> str | None:
        """The snapshot before this one, None for the first."""
        with self._guarded():
            found = self._repo[commit].peel(pygit2.Commit)
            return str(found.parent_ids[0]) if found.parent_ids else None

    def clone_to(self, git_dir: Path, artifacts_dir: Path | None = None) -> None:
        """Copy everything for a fork; what never changes is shared by hard links.

        Raises BadRequest when the folder exists.
        """
        with self._guarded():
            with new_folder(git_dir) as building:
                shutil.copytree(self.git_dir, building, dirs_exist_ok=True, copy_function=_cloned)
            if artifacts_dir is not None:
                self._large.share(artifacts_dir / "large-files")

    def _find(self, commit: str, path: str) -> Entry | None:
        entry = find(self._repo, self._tree(commit), path)
        return None if entry is None or entry.mode == FOLDER else entry

    def _tree(self, commit: str) -> bytes:
        found = self._repo.get(commit) if _is_id(commit) else None
        if not isinstance(found, pygit2.Commit):
            raise WorkspaceLost(f"{self.git_dir} has no snapshot {commit!r}: choose another step.")
        return found.tree_id.raw

    def _keep_reachable(self, commit: str, parent: str | None) -> None:
        """Git's own clean-up must not delete what was undone, so its last commit gets a name."""
        reference = self._repo.references.get(HEAD)
        last = None if reference is None else str(reference.target)
        if last is not None and last != parent:
            write_reference(self.git_dir, f"refs/undone/{last}", last)
        write_reference(self.git_dir, HEAD, commit)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        if not (self.git_dir / "HEAD").is_file():
            raise WorkspaceLost(f"The history {self.git_dir} is gone: start a new run or fork one.")
        with faults(self.git_dir):
            yield


def _cloned(source: str, target: str) -> str:
    if "/objects/" in source:
        link_or_copy(Path(source), Path(target))
    else:
        shutil.copy2(source, target)
    return target


def _commit(message: str, parent: str | None, scan: Scan) -> bytes:
    """A commit object; whatever would break its format is escaped."""
    author = f"{AUTHOR} {int(time.time())} +0000"
    lines = [f"tree {scan.tree.hex()}"]
    lines += [f"parent {parent}"] if parent else []
    lines += [f"author {author}", f"committer {author}", "", message]
    lines += [f"Large file, kept outside: {shown(path)}" for path in sorted(scan.large)]
    lines += [f"Not stored: {shown(path)}" for path in sorted(scan.skipped)]
    return "\n".join(lines).replace("\0", " ").encode("utf-8", "backslashreplace") + b"\n"


def _is_id(text: str) -> bool:
    return len(text) == 40 and set(text) <= set("0123456789abcdef")
