"""Placed beside a task's grade.py: arguments, reading an untrusted CSV file, and the one JSON line.

Standard library only, and nothing of this project: graders run in the interpreter of scripts.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import stat
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

MAX_BYTES = 50_000_000
Value = TypeVar("Value")


class InvalidSubmission(Exception):
    """The submission cannot be scored; the text is the reason shown to people."""


def main(score: Callable[[argparse.Namespace], dict[str, Any]]) -> None:
    """Call `score` with `submission`, `answers` and `starter` and print what it returns.

    `score` returns `{"score": float, "baseline": float (optional), "details": {...}}`.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--submission", type=Path, required=True)
    parser.add_argument("--answers", type=Path)
    parser.add_argument("--starter", type=Path)
    try:
        result = {"reason": "", "details": {}, **score(parser.parse_args())}
    except InvalidSubmission as e:
        result = {"score": None, "reason": str(e), "details": {}}
    sys.stdout.write(json.dumps(result) + "\n")


def read_column(
    file: Path, key: str, column: str, parse: Callable[[str], Value]
) -> dict[str, Value]:
    """Column `column` of a CSV file by its `key` column; further columns and their order are free.

    Raises InvalidSubmission for a missing, odd, oversized or malformed file, a duplicate key, or a
    value that `parse` refuses with ValueError.
    """
    values: dict[str, Value] = {}
    duplicates: list[str] = []
    for line, row_key, text in _cells(file, key, column):
        if row_key in values:
            duplicates.append(row_key)
            continue
        try:
            values[row_key] = parse(text)
        except ValueError as e:
            raise InvalidSubmission(
                f"{file.name} line {line}: {column} of {key} {row_key[:40]!r} is {text[:40]!r}, {e}"
            ) from e
    if duplicates:
        raise InvalidSubmission(f"{file.name} has a {key} more than once: {_some(duplicates)}")
    return values


def require_same_keys(given: Iterable[str], wanted: Iterable[str], key: str) -> None:
    """Raise InvalidSubmission, naming the first offenders, unless both hold the same keys."""
    unique_given, unique_wanted = dict.fromkeys(given), dict.fromkeys(wanted)
    missing = [k for k in unique_wanted if k not in unique_given]
    unknown = [k for k in unique_given if k not in unique_wanted]
    if missing:
        raise InvalidSubmission(f"no prediction for {key} {_some(missing)}")
    if unknown:
        raise InvalidSubmission(f"{key} that the test data do not have: {_some(unknown)}")


def require_file(file: Path, max_bytes: int = MAX_BYTES) -> None:
    """Raise InvalidSubmission unless this is a regular file (no link) of a sane size."""
    try:
        info = os.lstat(file)
    except OSError as e:
        raise InvalidSubmission(f"{file.name} is missing; the program must write it") from e
    if not stat.S_ISREG(info.st_mode):
        raise InvalidSubmission(f"{file.name} is not a regular file (links do not count)")
    if info.st_size > max_bytes:
        raise InvalidSubmission(f"{file.name} has {info.st_size} bytes, over the {max_bytes} taken")


def _cells(file: Path, key: str, column: str) -> Iterable[tuple[int, str, str]]:
    require_file(file)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            yield from _rows(csv.reader(stream), file.name, key, column)
    except UnicodeDecodeError as e:
        raise InvalidSubmission(f"{file.name} is not UTF-8 text") from e
    except csv.Error as e:
        raise InvalidSubmission(f"{file.name} is not a CSV file: {e}") from e


def _rows(reader: Any, name: str, key: str, column: str) -> Iterable[tuple[int, str, str]]:
    header = [cell.strip() for cell in next(reader, [])]
    for wanted in (key, column):
        if header.count(wanted) != 1:
            raise InvalidSubmission(f"{name} must have one column {wanted}; it has {header[:20]}")
    at_key, at_column = header.index(key), header.index(column)
    for row in reader:
        if not row:
            continue
        if len(row) != len(header):
            raise InvalidSubmission(
                f"{name} line {reader.line_num}: {len(row)} cells under {len(header)} columns"
            )
        yield reader.line_num, row[at_key].strip(), row[at_column].strip()


def _some(keys: list[str]) -> str:
    shown = ", ".join(key[:40] for key in keys[:5])
    return f"{shown} and {len(keys) - 5} more" if len(keys) > 5 else shown
