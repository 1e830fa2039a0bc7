"""Tasks and gradings for the tests of tasks/: copies that can be changed, and one call to grade."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from sandbox.plain import PlainSandbox
from tasks.grading import Grade, grade
from tasks.loader import builtin_dir, load_task
from tasks.prepare import prepare
from tasks.prepared import Prepared
from tasks.spec import Task

PYTHON = Path(sys.executable)
"""Enough for scripts that use the standard library only."""
CONSTANT_STARTER = """
import csv
with open("test.csv") as test, open("submission.csv", "w") as out:
    out.write("Id,SalePrice\\n")
    for row in csv.DictReader(test):
        out.write(row["Id"] + ",180000\\n")
"""


def copied_task(folder: Path, name: str, *edits: tuple[str, str, str], starter: str = "") -> Task:
    """A user's copy of a built-in task, with another train.py; an edit is (file, old, new)."""
    root = folder / name
    shutil.copytree(builtin_dir() / name, root, ignore=shutil.ignore_patterns("__pycache__"))
    if starter:
        (root / "env" / "train.py").write_text(starter)
    for file_name, old, new in edits:
        text = (root / file_name).read_text()
        assert old in text
        (root / file_name).write_text(text.replace(old, new))
    return load_task(root)


def names_in(folder: Path) -> list[str]:
    """Names of all entries, hidden ones too."""
    return sorted(path.name for path in folder.iterdir())


async def graded(
    task: Task, prepared: Prepared, submission: Path, scratch: Path, python: Path = PYTHON
) -> Grade:
    """Grade and make sure that nothing is left in the scratch folder."""
    result = await grade(
        task,
        prepared,
        submission,
        interpreter=python,
        sandbox=PlainSandbox(),
        scratch=scratch,
    )
    assert names_in(scratch) == []
    return result


async def prepared_data(
    task: Task,
    data_dir: Path,
    source: Path | None = None,
    *,
    python: Path = PYTHON,
    lines: list[str] | None = None,
) -> Prepared:
    """Prepare from a folder, or the sample when there is none; progress goes to `lines`."""
    return await prepare(
        task,
        data_dir=data_dir,
        source=source or "sample",
        interpreter=python,
        sandbox=PlainSandbox(),
        progress=(lines if lines is not None else []).append,
    )
