"""Measures a task's baseline: the starter is run and graded like any submission."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from core.errors import RunFailed
from sandbox.base import Execution, Limits, Program
from tasks.grading import grade
from tasks.prepared import Prepared
from tasks.scripts import Runner
from tasks.spec import Task

STARTER = "train.py"


@dataclass(frozen=True, slots=True)
class Baseline:
    """What the unchanged starter achieves."""

    score: float
    """In the unit of the task's metric."""
    seconds: float
    """Wall time of the starter."""


async def measure(task: Task, data: Path, runner: Runner, temporary: Path) -> Baseline:
    """Run the starter on `data/public` in a folder of `temporary`, grade with `data/answers`.

    Raises RunFailed when the starter gets no score.
    """
    work = temporary / "work"
    shutil.copytree(task.env_dir, work)
    for file in (data / "public").iterdir():
        (work / file.name).symlink_to(file)
    execution = await _run(task, work, data / "public", runner)
    result = await grade(
        task,
        Prepared(version="", public=data / "public", answers=data / "answers", manifest=None),
        work,
        interpreter=runner.interpreter,
        sandbox=runner.sandbox,
        scratch=temporary,
    )
    if result.score is None:
        said = (execution.stderr.strip() or execution.detail)[-300:]
        raise RunFailed(
            f"{task.id}: the starter gave no baseline, because {result.reason}. It ended with "
            f"{said!r}; check the script environment with `budgetml doctor` and prepare again."
        )
    return Baseline(result.score, execution.seconds)


async def _run(task: Task, work: Path, public: Path, runner: Runner) -> Execution:
    limits = task.spec.limits
    program = Program(
        argv=(str(runner.interpreter), STARTER),
        cwd=work,
        readable=(public,),
        limits=Limits(wall_s=limits.starter_s, memory_mb=limits.memory_mb),
    )
    return await runner.sandbox.run(program)
