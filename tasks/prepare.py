"""Prepares a task's data: split or synthesise, check, measure the baseline, keep as a version."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from core.errors import InvalidFile
from sandbox.base import Limits, Sandbox
from tasks.baseline import Baseline, measure
from tasks.prepared import MANIFEST, NOTHING, DataFile, Manifest, Prepared, at, make_current
from tasks.scripts import Runner, run_script, script_folder
from tasks.spec import Data, Task

SEED = 0
"""Of synthetic data."""
_SPLIT_LIMITS = Limits(wall_s=300, memory_mb=2048)


@dataclass(frozen=True, slots=True)
class _Job:
    task: Task
    data: Data
    source: Literal["sample"] | Path
    runner: Runner
    progress: Callable[[str], None]


async def prepare(
    task: Task,
    *,
    data_dir: Path,
    source: Literal["sample"] | Path,
    interpreter: Path,
    sandbox: Sandbox,
    progress: Callable[[str], None],
) -> Prepared:
    """Make the data of this source current and return them; does nothing when they exist already.

    Raises InvalidFile for a wrong or incomplete source, RunFailed when the starter gives no score.
    """
    if task.spec.data is None:
        progress(f"{task.id} needs no data.")
        return NOTHING
    place = data_dir / task.id
    place.mkdir(parents=True, exist_ok=True)
    job = _Job(task, task.spec.data, source, Runner(interpreter, sandbox), progress)
    with TemporaryDirectory(dir=place, prefix=".new-") as name:
        folder = await _version(job, Path(name), place)
    make_current(folder)
    return at(folder)


async def _version(job: _Job, temporary: Path, place: Path) -> Path:
    """The finished version folder, built in `temporary` unless it is there already."""
    data = temporary / "data"
    files = await _split(job, temporary, data)
    folder = place / await asyncio.to_thread(_content_hash, job, files)
    if not (folder / MANIFEST).is_file():
        job.progress("Measuring the starter on the new data ...")
        baseline = await measure(job.task, data, job.runner, temporary)
        job.progress(f"Baseline: {baseline.score:.6g} ({job.task.spec.metric.name}).")
        _seal(data, _manifest(job, files, baseline))
        _publish(data, folder)
    return folder


async def _split(job: _Job, temporary: Path, data: Path) -> dict[str, DataFile]:
    """Run the task's prepare.py and check that it wrote what the task promises."""
    options = ["--sample", "--seed", str(SEED)]
    readable: tuple[Path, ...] = ()
    if isinstance(job.source, Path):
        folder = _checked_source(job.source, job.data)
        options, readable = ["--from", str(folder)], (folder,)
    job.progress(f"Preparing {job.task.id} from {job.source} ...")
    async with script_folder(job.task, temporary) as box:
        argv = ("prepare.py", "--out", str(box / "out"), *options)
        answer = await run_script(job.runner, box, argv, readable=readable, limits=_SPLIT_LIMITS)
        said = answer.said or {}
        if answer.problem or "error" in said:
            raise InvalidFile(f"{job.task.id}: {said.get('error') or answer.problem}")
        (box / "out").rename(data)
    return await asyncio.to_thread(_files, job, data, said.get("rows", {}))


def _checked_source(folder: Path, data: Data) -> Path:
    missing = [name for name in data.source if not (folder / name).is_file()]
    if missing:
        raise InvalidFile(
            f"{folder} does not hold {', '.join(missing)}; it must hold "
            f"{', '.join(data.source)}: {data.origin}."
        )
    return folder.resolve()


def _files(job: _Job, data: Path, rows: dict[str, int]) -> dict[str, DataFile]:
    names = [f"public/{name}" for name in job.data.public]
    names += [f"answers/{name}" for name in job.data.answers]
    absent = [name for name in names if not (data / name).is_file()]
    if absent:
        raise InvalidFile(f"{job.task.root / 'prepare.py'} did not write {', '.join(absent)}.")
    return {name: _data_file(data / name, rows.get(name)) for name in names}


def _data_file(file: Path, rows: int | None) -> DataFile:
    content = file.read_bytes()
    return DataFile(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content), rows=rows)


def _content_hash(job: _Job, files: dict[str, DataFile]) -> str:
    """Depends on all that the baseline depends on: the data, the starter and the grader."""
    code = [job.task.root / "grade.py", *sorted(job.task.env_dir.rglob("*"))]
    parts = {name: file.sha256 for name, file in files.items()}
    parts |= {str(f.relative_to(job.task.root)): _sha256(f) for f in code if f.is_file()}
    parts["source"] = _source_name(job)
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _source_name(job: _Job) -> Literal["sample", "local"]:
    return "local" if isinstance(job.source, Path) else "sample"


def _manifest(job: _Job, files: dict[str, DataFile], baseline: Baseline) -> Manifest:
    source = _source_name(job)
    return Manifest(
        task=job.task.id,
        source=source,
        seed=SEED if source == "sample" else None,
        files=files,
        baseline=baseline.score,
        baseline_seconds=round(baseline.seconds, 3),
    )


def _seal(data: Path, manifest: Manifest) -> None:
    """Write the manifest last and take the write permissions away."""
    for file in data.glob("*/*"):
        file.chmod(0o400 if file.parent.name == "answers" else 0o444)
    (data / "answers").chmod(0o700)
    (data / "public").chmod(0o755)
    (data / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _publish(data: Path, folder: Path) -> None:
    """Move the finished data to their place; another process may have been faster."""
    try:
        data.rename(folder)
    except OSError:
        if not (folder / MANIFEST).is_file():
            raise
