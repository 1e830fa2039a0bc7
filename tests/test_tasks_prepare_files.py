"""What `--from DIR` says about a folder or file that is not the original."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from task_kit import CONSTANT_STARTER, copied_task, names_in, prepared_data

from core.errors import InvalidFile
from tasks.prepared import prepared
from tasks.spec import Task

Lines = list[list[str]]


@pytest.fixture
def quick(tmp_path: Path) -> Task:
    """House prices with a starter that needs no packages."""
    return copied_task(tmp_path / "tasks", "house-price", starter=CONSTANT_STARTER)


def drop_column(lines: Lines) -> Lines:
    return [row[:10] + row[11:] for row in lines]


def without_target(lines: Lines) -> Lines:
    return [row[:-1] for row in lines]


def one_row_less(lines: Lines) -> Lines:
    return lines[:-1]


def text_in_a_number(lines: Lines) -> Lines:
    lines[5][4] = "large"
    return lines


def id_twice(lines: Lines) -> Lines:
    lines[7][0] = lines[8][0]
    return lines


def no_price(lines: Lines) -> Lines:
    lines[3][-1] = "0"
    return lines


def short_row(lines: Lines) -> Lines:
    lines[2].pop()
    return lines


def no_lines(_: Lines) -> Lines:
    return []


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (drop_column, "has no column LotConfig"),
        (without_target, r"no column SalePrice \(is this test\.csv\?\)"),
        (one_row_less, "has 1459 rows but the original has 1460; use the complete"),
        (text_in_a_number, "row 5, column LotArea: 'large' is not a number"),
        (id_twice, "row 8, column Id: '8' is empty or occurs twice"),
        (no_price, "row 3, column SalePrice: '0' is not a target"),
        (short_row, "row 2 has 80 cells instead of 81"),
        (no_lines, "is empty; use the complete"),
    ],
)
async def test_a_wrong_file_is_named_with_row_and_column_and_changes_nothing(
    tmp_path: Path,
    quick: Task,
    shared_dir: Path,
    spoil: Callable[[Lines], Lines],
    message: str,
) -> None:
    good = await prepared_data(quick, tmp_path / "data")
    with (shared_dir / "data" / "house-price" / "train.csv").open(newline="") as stream:
        lines = spoil(list(csv.reader(stream)))
    with pytest.raises(InvalidFile, match=message):
        await prepared_data(quick, tmp_path / "data", written(tmp_path / "from", lines))
    assert prepared(quick, tmp_path / "data") == good
    assert names_in(tmp_path / "data" / quick.id) == [good.version, "current"]


def written(folder: Path, lines: Lines) -> Path:
    folder.mkdir()
    with (folder / "train.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    return folder


async def test_the_source_folder_is_left_alone(
    tmp_path: Path, quick: Task, shared_dir: Path
) -> None:
    source = tmp_path / "from"
    source.mkdir()
    content = (shared_dir / "data" / "house-price" / "train.csv").read_bytes()
    (source / "train.csv").write_bytes(content)
    await prepared_data(quick, tmp_path / "data", source)
    assert [f.name for f in source.iterdir()] == ["train.csv"]
    assert (source / "train.csv").read_bytes() == content


async def test_an_empty_source_folder_names_what_it_must_hold(tmp_path: Path, quick: Task) -> None:
    with pytest.raises(InvalidFile, match=r"does not hold train\.csv.*1460 rows"):
        await prepared_data(quick, tmp_path / "data", tmp_path)
