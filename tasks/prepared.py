"""Prepared task data on disk: which version is current, what it holds, where a run reads it."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from core.errors import DataMissing, InvalidFile
from tasks.spec import Task

Source = Literal["sample", "local", "none"]
MANIFEST = "manifest.json"
POINTER = "current"


class DataFile(BaseModel):
    """One file of the prepared data."""

    model_config = ConfigDict(frozen=True)

    sha256: str
    bytes: int
    rows: int | None = None
    """Records without the header, where the file has any."""


class Manifest(BaseModel):
    """What manifest.json says about one version of a task's data."""

    model_config = ConfigDict(frozen=True)

    task: str
    source: Source
    """`sample` means synthetic data: scores do not compare with published ones."""
    seed: int | None = None
    files: dict[str, DataFile]
    baseline: float
    """Measured: the starter's score on these data."""
    baseline_seconds: float


@dataclass(frozen=True, slots=True)
class Prepared:
    """A task's data, ready for runs; all None for a task that needs no data."""

    version: str
    """Content hash and folder name; a run keeps it, so that newer data do not disturb it."""
    public: Path | None
    """What the agent may read."""
    answers: Path | None
    """What only the grader may read."""
    manifest: Manifest | None

    @property
    def baseline(self) -> float | None:
        """The starter's measured score, None when the grader measures it itself."""
        return self.manifest.baseline if self.manifest else None

    @property
    def source(self) -> Source:
        """Where the data come from."""
        return self.manifest.source if self.manifest else "none"


NOTHING = Prepared(version="", public=None, answers=None, manifest=None)
"""The data of a task without data."""


def prepared(task: Task, data_dir: Path, version: str | None = None) -> Prepared | None:
    """The current (or a given) version of a task's data, None when there is none.

    Raises InvalidFile for a manifest that is damaged.
    """
    if task.spec.data is None:
        return NOTHING
    place = data_dir / task.id
    wanted = version or _current(place)
    if not wanted or not (place / wanted / MANIFEST).is_file():
        return None
    return at(place / wanted)


def require(task: Task, data_dir: Path, version: str | None = None) -> Prepared:
    """Like `prepared`, but raises DataMissing with the commands that help."""
    found = prepared(task, data_dir, version)
    if found is None:
        raise DataMissing(_how_to(task, version))
    return found


def at(folder: Path) -> Prepared:
    """The version in this folder; raises InvalidFile when its manifest is damaged."""
    file = folder / MANIFEST
    try:
        manifest = Manifest.model_validate_json(file.read_bytes())
    except (ValidationError, OSError) as e:
        raise InvalidFile(f"{file} is damaged; delete {folder} and prepare the task again.") from e
    return Prepared(
        version=folder.name,
        public=folder / "public",
        answers=folder / "answers",
        manifest=manifest,
    )


def make_current(folder: Path) -> None:
    """Point the task at this version; other versions stay for the runs that use them."""
    handle, name = tempfile.mkstemp(dir=folder.parent, prefix=".pointer-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(folder.name + "\n")
    Path(name).chmod(0o644)
    Path(name).replace(folder.parent / POINTER)


def _current(place: Path) -> str:
    pointer = place / POINTER
    return pointer.read_text(encoding="utf-8").strip() if pointer.is_file() else ""


def _how_to(task: Task, version: str | None) -> str:
    data = task.spec.data
    files = ", ".join(data.source) if data else ""
    origin = data.origin if data else ""
    what = f"version {version} of its data is gone" if version else "its data are not prepared"
    return (
        f"Task {task.id!r}: {what}. Run `budgetml prepare {task.id} --sample` for synthetic data, "
        f"or `budgetml prepare {task.id} --from DIR` with a folder that holds {files} ({origin})."
    )
