"""A home, a task and a tape made on the spot, so that a measurement needs no data and no key."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from core.config import RunOptions
from core.settings import Settings
from graph.services import Services
from graph.start import create_run
from store.runrows import RunRow

TASK_YAML = """\
id: tiny
title: A task that needs nothing
summary: Used by measurements and tests.
metric: {name: value, unit: points, direction: higher}
submission: [answer.txt]
baseline: {note: the grader compares with 1}
"""
GRADER = """\
import argparse, json, pathlib
parser = argparse.ArgumentParser()
parser.add_argument("--submission")
parser.add_argument("--answers")
parser.add_argument("--starter")
folder = pathlib.Path(parser.parse_args().submission)
answer = folder / "answer.txt"
if answer.is_file():
    print(json.dumps({"score": float(answer.read_text()), "baseline": 1.0}))
else:
    print(json.dumps({"score": None, "baseline": 1.0, "reason": "there is no answer.txt"}))
"""


@dataclass(frozen=True, slots=True)
class Kit:
    """A temporary home with the tiny task."""

    root: Path
    services: Services

    @property
    def task(self) -> Path:
        """The tiny task's folder."""
        return self.root / "tiny"

    def run(self, preset: dict[str, Any], rows: Iterable[dict[str, Any]], **options: Any) -> RunRow:
        """A queued run of the tiny task on a tape of these rows."""
        tape = self.root / "run.tape.jsonl"
        write_rows(tape, rows)
        path = self.root / "run.yaml"
        path.write_text(json.dumps({**preset, "tape": str(tape)}))
        return create_run(self.services, str(self.task), RunOptions(preset=str(path), **options))


@contextmanager
def kit(root: Path | None = None, **settings: Any) -> Iterator[Kit]:
    """A fresh home (in `root`, or temporary); scripts run under our interpreter, unsandboxed."""
    with TemporaryDirectory(prefix="budgetml-") as temporary:
        folder = root or Path(temporary)
        write_task(folder / "tiny")
        opened = Services.open(home_settings(folder / "home", **settings), {})
        services = Services(
            opened.settings, opened.store, opened.book, {}, python=Path(sys.executable)
        )
        try:
            yield Kit(folder, services)
        finally:
            services.close()


def home_settings(home: Path, **more: Any) -> Settings:
    """Settings that let the tiny task's own programs run without a sandbox."""
    return Settings(home=home, sandbox="none", allow_unsandboxed_code="i-understand", **more)


def write_task(folder: Path, starter: str = "print('hello')\n") -> None:
    """The tiny task: one starter script, a grader that reads a number."""
    (folder / "env").mkdir(parents=True, exist_ok=True)
    (folder / "task.yaml").write_text(TASK_YAML)
    (folder / "brief.md").write_text("Write a number larger than 1.1 into answer.txt.\n")
    (folder / "env" / "train.py").write_text(starter)
    (folder / "grade.py").write_text(GRADER)


def write_rows(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    """A tape file: header and rows; a row without `usage` has a small fixed one."""
    usage = {"input": 1000, "output": 100}
    lines: list[dict[str, Any]] = [{"tape": 1, "task_id": "tiny", "note": "made by a measurement"}]
    base = {"tier": 0, "try": 1, "purpose": "plan", "ordinal": 0, "usage": usage}
    lines += [base | row for row in rows]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))


def reply(action: str, **action_input: Any) -> str:
    """A well-formed planner reply."""
    return (
        "Reflection: none yet\nResearch Plan and Status: go on\nFact Check: nothing to check\n"
        f"Thought: next\nAction: {action}\nAction Input: {json.dumps(action_input)}\n"
    )
