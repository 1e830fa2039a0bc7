"""Grades a submission outside the agent's reach: every outcome is a Grade, never an exception."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.offload import off_loop
from sandbox.base import Limits, Sandbox
from tasks.prepared import Prepared
from tasks.scripts import Answer, Runner, run_script, script_folder
from tasks.spec import Task
from tasks.verdict import judge, valid_score


@dataclass(frozen=True, slots=True)
class Grade:
    """What a submission is worth."""

    score: float | None
    """In the unit of the task's metric; None when there is no valid submission."""
    baseline: float | None
    """The starter's score on the same data (or in the same grading)."""
    improvement: float | None
    """Fraction of the baseline, positive is better whatever the direction."""
    solved: bool
    """Improvement strictly above 10 % (paper R19)."""
    paper_solved: bool | None
    """The same rule against the published evaluation's fixed baseline; None if it has none."""
    reason: str
    """Why it is not solved; empty when it is."""
    details: dict[str, Any]
    """What the grader measured, as JSON values."""
    seconds: float
    """Wall time of the grader."""


async def grade(
    task: Task,
    prepared: Prepared,
    submission: Path,
    *,
    interpreter: Path,
    sandbox: Sandbox,
    scratch: Path,
) -> Grade:
    """Grade the files in `submission` (an exported snapshot) with the task's grade.py.

    `scratch` is an existing folder of the service's; what is put there is removed again.
    """
    missing = await off_loop(_missing, task, submission)
    if missing:
        return _grade(task, prepared, Answer({"score": None, "reason": missing}, "", 0.0))
    readable = tuple(p for p in (submission, task.env_dir, prepared.answers) if p)
    argv = ["grade.py", "--submission", str(submission), "--starter", str(task.env_dir)]
    if prepared.answers:
        argv += ["--answers", str(prepared.answers)]
    limits = Limits(wall_s=task.spec.limits.grade_s, memory_mb=task.spec.limits.memory_mb)
    async with script_folder(task, scratch) as folder:
        answer = await run_script(
            Runner(interpreter, sandbox), folder, tuple(argv), readable=readable, limits=limits
        )
    return _grade(task, prepared, answer)


def _missing(task: Task, submission: Path) -> str:
    """Why the submission cannot be graded at all, or an empty string."""
    for name in task.spec.submission:
        try:
            mode = os.lstat(submission / name).st_mode
        except OSError:
            return f"there is no {name}; the task is graded by that file"
        if not stat.S_ISREG(mode):
            return f"{name} is not a regular file (links and folders do not count)"
    return ""


def _grade(task: Task, prepared: Prepared, answer: Answer) -> Grade:
    said = answer.said if answer.said is not None and not answer.problem else {}
    score = valid_score(said.get("score"))
    baseline = valid_score(said.get("baseline"))
    baseline = prepared.baseline if baseline is None else baseline
    direction, paper = task.spec.metric.direction, task.spec.paper.baseline
    verdict = judge(score, baseline, direction)
    details = said.get("details")
    return Grade(
        score=score,
        baseline=baseline,
        improvement=verdict.improvement,
        solved=verdict.solved,
        paper_solved=None if paper is None else judge(score, paper, direction).solved,
        reason=verdict.reason if score is not None else _why_not(said, answer.problem),
        details=details if isinstance(details, dict) else {},
        seconds=answer.seconds,
    )


def _why_not(said: dict[str, Any], problem: str) -> str:
    if problem:
        return f"the grader gave no score: {problem}"
    reason = str(said.get("reason") or "")[:500]
    return reason or "the grader gave a score that is no finite number of at least 0"
