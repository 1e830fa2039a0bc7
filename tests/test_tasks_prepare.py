"""Preparing data: the real files, the sample, wrong files, versions and their baselines."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import stat
from pathlib import Path
from typing import NamedTuple

import pytest
from task_kit import CONSTANT_STARTER, copied_task, graded, names_in, prepared_data

from core.errors import DataMissing, InvalidFile, RunFailed
from tasks.loader import load_task
from tasks.prepared import Prepared, prepared, require
from tasks.spec import Task


@pytest.fixture
def quick(tmp_path: Path) -> Task:
    """House prices with a starter that needs no packages."""
    return copied_task(tmp_path / "tasks", "house-price", starter=CONSTANT_STARTER)


def table(folder: Path | None, name: str) -> list[dict[str, str]]:
    assert folder is not None
    with (folder / name).open(newline="") as stream:
        return list(csv.DictReader(stream))


class Published(NamedTuple):
    """How the published evaluation splits a file, and what a fair starter scores on it."""

    task: str
    train_rows: int
    key: str
    target: str
    baseline: tuple[float, float]


PUBLISHED = (
    Published("house-price", 1168, "Id", "SalePrice", (21_000, 23_000)),
    Published("spaceship-titanic", 6954, "PassengerId", "Transported", (0.715, 0.74)),
)


@pytest.mark.parametrize("real", PUBLISHED, ids=lambda real: real.task)
async def test_real_data_are_split_as_published_and_the_baseline_is_measured(
    tmp_path: Path, shared_dir: Path, script_python: Path, real: Published
) -> None:
    source = shared_dir / "data" / real.task
    data = await prepared_data(load_task(real.task), tmp_path, source, python=script_python)
    rows = table(source, "train.csv")
    train, held_out = rows[: real.train_rows], rows[real.train_rows :]
    assert table(data.public, "train.csv") == train
    assert table(data.public, "test.csv") == [without(row, real.target) for row in held_out]
    pairs = [{name: row[name] for name in (real.key, real.target)} for row in held_out]
    assert table(data.answers, "answers.csv") == pairs
    assert data.source == "local"
    assert data.baseline is not None
    assert real.baseline[0] < data.baseline < real.baseline[1]


def without(row: dict[str, str], column: str) -> dict[str, str]:
    return {name: cell for name, cell in row.items() if name != column}


@pytest.mark.parametrize("name", ["house-price", "spaceship-titanic"])
async def test_the_sample_is_called_synthetic_and_its_placeholder_does_not_solve_it(
    tmp_path: Path, script_python: Path, name: str
) -> None:
    task = load_task(name)
    data = await prepared_data(task, tmp_path / "data", python=script_python)
    assert (data.source, data.manifest and data.manifest.seed) == ("sample", 0)
    submission = tmp_path / "submission"
    submission.mkdir()
    rows = (data.public or tmp_path) / "sample_submission.csv"
    (submission / "submission.csv").write_bytes(rows.read_bytes())
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    result = await graded(task, data, submission, scratch)
    assert result.baseline == data.baseline
    assert result.score is not None
    assert not result.solved


async def test_the_sample_is_the_same_everywhere(tmp_path: Path, quick: Task) -> None:
    first = await prepared_data(quick, tmp_path / "a")
    second = await prepared_data(quick, tmp_path / "b")
    assert first.version == second.version
    assert first.manifest is not None
    assert first.manifest == second.manifest.model_copy(  # type: ignore[union-attr]
        update={"baseline_seconds": first.manifest.baseline_seconds}
    )


async def test_the_manifest_describes_the_files(tmp_path: Path, quick: Task) -> None:
    data = await prepared_data(quick, tmp_path / "data")
    assert data.manifest is not None
    assert set(data.manifest.files) == {
        "public/train.csv",
        "public/test.csv",
        "public/sample_submission.csv",
        "answers/answers.csv",
    }
    root = tmp_path / "data" / quick.id / data.version
    for name, file in data.manifest.files.items():
        content = (root / name).read_bytes()
        assert file.sha256 == hashlib.sha256(content).hexdigest()
        assert (file.bytes, file.rows) == (len(content), content.count(b"\n") - 1)


async def test_public_files_are_read_only_and_answers_are_private(
    tmp_path: Path, quick: Task
) -> None:
    data = await prepared_data(quick, tmp_path / "data")
    assert data.public
    assert data.answers
    assert {stat.S_IMODE(f.stat().st_mode) for f in data.public.iterdir()} == {0o444}
    assert stat.S_IMODE(data.answers.stat().st_mode) == 0o700
    assert {stat.S_IMODE(f.stat().st_mode) for f in data.answers.iterdir()} == {0o400}


async def test_a_second_time_changes_nothing(tmp_path: Path, quick: Task) -> None:
    lines: list[str] = []
    first = await prepared_data(quick, tmp_path / "data", lines=lines)
    assert any("Measuring" in line for line in lines)
    before = tree(tmp_path / "data")
    lines.clear()
    assert await prepared_data(quick, tmp_path / "data", lines=lines) == first
    assert not any("Measuring" in line for line in lines)
    assert tree(tmp_path / "data") == before


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of every file but the pointer, which may be written anew."""
    files = (f for f in folder.rglob("*") if f.is_file() and f.name != "current")
    return {str(f): (f.stat().st_ino, f.stat().st_mtime_ns) for f in files}


async def test_another_source_becomes_current_and_the_old_version_stays_readable(
    tmp_path: Path, quick: Task, shared_dir: Path
) -> None:
    data_dir = tmp_path / "data"
    sample = await prepared_data(quick, data_dir)
    local = await prepared_data(quick, data_dir, shared_dir / "data" / "house-price")
    assert sample.version != local.version
    assert prepared(quick, data_dir) == local
    assert prepared(quick, data_dir, sample.version) == sample
    assert len(table(sample.public, "train.csv")) == 1200


async def test_another_starter_makes_a_new_version_with_its_own_baseline(
    tmp_path: Path, quick: Task
) -> None:
    first = await prepared_data(quick, tmp_path / "data")
    other = CONSTANT_STARTER.replace("180000", "190000")
    (quick.env_dir / "train.py").write_text(other)
    second = await prepared_data(quick, tmp_path / "data")
    assert second.version != first.version
    assert second.baseline != first.baseline


async def test_two_at_once_agree(tmp_path: Path, quick: Task) -> None:
    both = [prepared_data(quick, tmp_path / "data") for _ in range(2)]
    first, second = await asyncio.gather(*both)
    assert first == second
    assert names_in(tmp_path / "data" / quick.id) == [first.version, "current"]


async def test_a_starter_without_a_score_is_no_baseline(tmp_path: Path) -> None:
    task = copied_task(tmp_path, "house-price", starter="raise SystemExit('no disk')")
    with pytest.raises(RunFailed, match=r"there is no submission\.csv.*no disk"):
        await prepared_data(task, tmp_path / "data")
    assert prepared(task, tmp_path / "data") is None
    assert names_in(tmp_path / "data" / task.id) == []


def test_missing_data_name_both_commands_and_the_files(tmp_path: Path) -> None:
    task = load_task("house-price")
    with pytest.raises(DataMissing, match=r"prepare house-price --sample") as error:
        require(task, tmp_path)
    assert "prepare house-price --from DIR" in str(error.value)
    assert "train.csv" in str(error.value)


async def test_a_damaged_manifest_says_what_to_delete(tmp_path: Path, quick: Task) -> None:
    data = await prepared_data(quick, tmp_path)
    manifest = tmp_path / quick.id / data.version / "manifest.json"
    manifest.write_text("{}")
    with pytest.raises(InvalidFile, match=r"delete .* and prepare the task again"):
        require(quick, tmp_path)


async def test_a_task_without_data_needs_no_preparation(tmp_path: Path) -> None:
    task = load_task("vectorization")
    trivial = Prepared(version="", public=None, answers=None, manifest=None)
    assert require(task, tmp_path) == trivial
    assert await prepared_data(task, tmp_path) == trivial
    assert names_in(tmp_path) == []
