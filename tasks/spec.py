"""What a task.yaml may say, and a task as the rest of the project sees it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

LOCKS = Path(__file__).parent / "envs"
"""One lock file for each environment of scripts."""
Direction = Literal["higher", "lower"]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-][A-Za-z0-9_.-]*$", max_length=100)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(_Part):
    """What the grader measures."""

    name: str
    unit: str = ""
    direction: Direction


class Data(_Part):
    """The files `prepare.py` reads and writes."""

    source: tuple[FileName, ...] = Field(min_length=1)
    """What the folder given with `--from` must hold."""
    origin: str
    """Where a person gets those files, and their licence."""
    public: tuple[FileName, ...] = Field(min_length=1)
    answers: tuple[FileName, ...] = Field(min_length=1)


class Baseline(_Part):
    """How the baseline comes about; its value is always measured."""

    note: str


class PaperBaseline(_Part):
    """The published evaluation's fixed baseline, shown beside ours and never used for it."""

    baseline: Decimal | None = None
    note: str = ""


class TaskLimits(_Part):
    """Bounds for one grading, and for the starter that is run to measure the baseline."""

    grade_s: float = Field(60, gt=0)
    starter_s: float = Field(600, gt=0)
    memory_mb: int = Field(4096, ge=64)


class TaskSpec(_Part):
    """One task.yaml."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=60)
    title: str
    summary: str
    brief: FileName = "brief.md"
    metric: Metric
    submission: tuple[FileName, ...] = Field(min_length=1)
    """Files of the workspace the grader needs."""
    read_only: tuple[str, ...] = ()
    """Patterns of workspace files the agent may not write."""
    interpreter: str = "base"
    """Name of the environment of scripts, `tasks/envs/<name>.lock`."""
    data: Data | None = None
    baseline: Baseline
    paper: PaperBaseline = PaperBaseline()
    limits: TaskLimits = TaskLimits()
    live_grading: bool = False
    """Grading is cheap enough to be done during a run, for the progress display."""


@dataclass(frozen=True, slots=True)
class Task:
    """A task folder that has been read and checked."""

    spec: TaskSpec
    root: Path
    """The task folder, with task.yaml and grade.py."""
    env_dir: Path
    """The starter files a workspace begins with."""
    brief: str
    """The problem statement the agent reads."""
    builtin: bool
    """False for a folder of the user's."""

    @property
    def id(self) -> str:
        """The task's name."""
        return self.spec.id

    @property
    def lock(self) -> Path:
        """The lock file its scripts' interpreter is built from."""
        return LOCKS / f"{self.spec.interpreter}.lock"
