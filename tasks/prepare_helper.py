"""Placed beside a task's prepare.py: split one checked CSV file into public files and answers.

Standard library only, like grade_helper.py.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import random
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

Row = list[str]
MISSING = ("", "NA")


class WrongData(Exception):
    """The source file is not the one this task needs; the text says where and what to do."""


@dataclass(frozen=True)
class Split:
    """One train.csv and how it is cut: the first rows are public, the others held out."""

    columns: tuple[str, ...]
    key: str
    target: str
    numeric: tuple[str, ...]
    """Columns whose cells must be numbers or missing."""
    check_target: Callable[[str], bool]
    rows: int
    """Rows of the real file."""
    train_rows: int
    sample: Callable[[random.Random], list[Row]]
    """Makes synthetic rows in the order of `columns`."""
    sample_train_rows: int
    placeholder: str
    """The prediction in sample_submission.csv."""


def main(split: Split) -> None:
    """Do what the command line says; print one JSON line and exit with 2 for wrong data."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--sample", action="store_true")
    source.add_argument("--from", dest="source", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    try:
        if args.sample:
            rows, cut = split.sample(random.Random(args.seed)), split.sample_train_rows
        else:
            rows, cut = read(args.source / "train.csv", split), split.train_rows
        answer: dict[str, object] = {"rows": write(args.out, split, rows[:cut], rows[cut:])}
    except WrongData as e:
        answer = {"error": str(e)}
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.exit(2 if "error" in answer else 0)


def read(file: Path, split: Split) -> list[Row]:
    """The rows of the real file in the order of `split.columns`; raises WrongData."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            header, *rows = [row for row in csv.reader(stream) if row] or [[]]
    except OSError as e:
        raise WrongData(f"{file} cannot be read: {e.strerror}") from e
    except (UnicodeDecodeError, csv.Error) as e:
        raise WrongData(f"{file} is not a CSV file in UTF-8: {e}") from e
    _check_header(file, header, split)
    if len(rows) != split.rows:
        raise WrongData(
            f"{file} has {len(rows)} rows but the original has {split.rows}; "
            "use the complete, unchanged train.csv"
        )
    order = [header.index(column) for column in split.columns]
    return _checked(file, rows, order, split)


def _check_header(file: Path, header: Row, split: Split) -> None:
    if not header:
        raise WrongData(f"{file} is empty; use the complete, unchanged train.csv")
    missing = [c for c in split.columns if c not in header]
    if missing:
        hint = " (is this test.csv?)" if missing == [split.target] else ""
        raise WrongData(f"{file} has no column {', '.join(missing[:5])}{hint}")
    extra = [c for c in header if c not in split.columns]
    if extra or len(header) != len(split.columns):
        raise WrongData(f"{file} has unknown or repeated columns: {', '.join(extra[:5]) or header}")


def _checked(file: Path, rows: list[Row], order: list[int], split: Split) -> list[Row]:
    seen: set[str] = set()
    result = []
    for number, row in enumerate(rows, start=1):
        if len(row) != len(order):
            raise WrongData(f"{file} row {number} has {len(row)} cells instead of {len(order)}")
        ordered = [row[i] for i in order]
        cells = dict(zip(split.columns, ordered, strict=True))
        _check_row(f"{file} row {number}", cells, seen, split)
        seen.add(cells[split.key])
        result.append(ordered)
    return result


def _check_row(where: str, cells: dict[str, str], seen: set[str], split: Split) -> None:
    key = cells[split.key]
    if not key or key in seen:
        raise WrongData(f"{where}, column {split.key}: {key!r} is empty or occurs twice")
    if not split.check_target(cells[split.target]):
        raise WrongData(f"{where}, column {split.target}: {cells[split.target]!r} is not a target")
    for column in split.numeric:
        if cells[column] not in MISSING and not is_number(cells[column]):
            raise WrongData(f"{where}, column {column}: {cells[column]!r} is not a number")


def is_number(text: str) -> bool:
    """Whether this is a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def write(out: Path, split: Split, train: list[Row], test: list[Row]) -> dict[str, int]:
    """Write `public/` and `answers/` below `out`; returns the rows of each file."""
    key, target = split.columns.index(split.key), split.columns.index(split.target)
    without = [c for c in split.columns if c != split.target]
    pair = (split.key, split.target)
    files: dict[str, tuple[Iterable[str], list[Row]]] = {
        "public/train.csv": (split.columns, train),
        "public/test.csv": (without, [row[:target] + row[target + 1 :] for row in test]),
        "public/sample_submission.csv": (pair, [[row[key], split.placeholder] for row in test]),
        "answers/answers.csv": (pair, [[row[key], row[target]] for row in test]),
    }
    for name, (header, rows) in files.items():
        file = out / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows([list(header), *rows])
    return {name: len(rows) for name, (_, rows) in files.items()}
