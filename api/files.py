"""The files of a run's snapshots: never of its live workspace, never shown by a browser."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Response
from fastapi import Path as PathParam
from pydantic import BaseModel
from starlette.responses import FileResponse

from api.deps import Parts, PartsOf, Reader, Run
from api.problems import described
from api.requests import StepNumber
from api.snapshots import history_of, snapshot_of
from core.errors import UnknownName
from nodes.deps import Paths
from store.runrows import RunRow
from tasks.stored import Kind, Snapshot

router = APIRouter(prefix="/runs/{run_id}", tags=["files"], responses=described(404, 410))
LONGEST_PATCH = 1_000_000
_TYPES = {".csv": "text/csv", ".json": "application/json", ".png": "image/png"}
_TYPES |= {".jpg": "image/jpeg", ".pdf": "application/pdf"}
_BYTES = {"content": {"application/octet-stream": {"schema": {"type": "string"}}}}


class FileOut(BaseModel):
    """One file of a snapshot."""

    path: str
    kind: Kind
    size: int | None


class FilesOut(BaseModel):
    """The files after a step."""

    snapshot: str | None
    """Commit in the run's history; null before the run has begun."""
    items: list[FileOut]


class ChangeOut(BaseModel):
    """One file that a step changed."""

    change: str
    """A, M or D."""
    path: str


class DiffOut(BaseModel):
    """What a step changed."""

    step: int
    before: str | None
    after: str | None
    items: list[ChangeOut]
    patch: str
    """Unified diff, cut after a million characters."""
    truncated: bool


@router.get("/files", operation_id="list_files")
def list_files(row: Run, known: PartsOf, _: Reader, step: StepNumber = None) -> FilesOut:
    """The files after a step; 0 is what the run began with."""
    paths = _paths(known, row)
    commit = snapshot_of(known.services.store, row, paths, step)
    if commit is None:
        return FilesOut(snapshot=None, items=[])
    found = Snapshot(paths.history, paths.artifacts, commit).files()
    return FilesOut(snapshot=commit, items=[FileOut(**asdict(file)) for file in found])


@router.get(
    "/files/{path:path}",
    operation_id="get_file",
    response_class=Response,
    responses={200: {**_BYTES, "description": "The file, as an attachment"}},
)
def get_file(
    row: Run,
    path: Annotated[str, PathParam(max_length=4000)],
    known: PartsOf,
    _: Reader,
    step: StepNumber = None,
) -> Response:
    """One file after a step, to be saved."""
    paths = _paths(known, row)
    commit = snapshot_of(known.services.store, row, paths, step)
    if commit is None:
        raise UnknownName(f"Run {row.id} has no files yet; follow its events until it has begun.")
    content = Snapshot(paths.history, paths.artifacts, commit).content(path)
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(Path(path).name)}"}
    kind = _TYPES.get(Path(path).suffix.lower())
    if isinstance(content, Path):
        return FileResponse(content, 200, headers, media_type=kind or "application/octet-stream")
    return Response(content, 200, headers, media_type=kind or _guessed(content))


@router.get("/diff", operation_id="get_diff")
def get_diff(row: Run, known: PartsOf, _: Reader, step: StepNumber = None) -> DiffOut:
    """What a step changed in the workspace."""
    number = row.step_count if step is None else step
    paths, store = _paths(known, row), known.services.store
    after = snapshot_of(store, row, paths, number)
    before = snapshot_of(store, row, paths, number - 1) if number else None
    items, patch = list[ChangeOut](), ""
    if after is not None and before != after:
        history = history_of(paths)
        changed = history.changed(before, after)
        items = [ChangeOut(change=letter, path=name) for letter, name in changed]
        patch = history.diff(before, after)
    return DiffOut(
        step=number,
        before=before,
        after=after,
        items=items,
        patch=patch[:LONGEST_PATCH],
        truncated=len(patch) > LONGEST_PATCH,
    )


def _paths(known: Parts, row: RunRow) -> Paths:
    return Paths(known.services.settings.runs_dir / row.id)


def _guessed(content: bytes) -> str:
    """Text only when it surely is; nothing a browser would interpret."""
    if b"\0" in content:
        return "application/octet-stream"
    try:
        content.decode()
    except UnicodeDecodeError:
        return "application/octet-stream"
    return "text/plain; charset=utf-8"
