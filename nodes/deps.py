"""Everything a node needs besides the state: one frozen `Deps` per run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.actions import ActionSpec
from core.config import RunConfig
from core.events import Event
from core.offload import off_loop
from models.base import Caller
from sandbox.base import Sandbox
from store.database import Store
from store.eventlog import EventLog
from store.fence import Fence
from store.steprows import StepRow
from tasks.grading import Grade
from tasks.history import History
from tasks.spec import Task
from tasks.workspace import Workspace


@dataclass(slots=True)
class Stopwatch:
    """Seconds of running since the last lap; a crash loses at most the step in flight."""

    clock: Callable[[], float]
    since: float = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.clock()

    def lap(self) -> float:
        """Seconds since the last lap."""
        now = self.clock()
        passed, self.since = now - self.since, now
        return passed


@dataclass(frozen=True, slots=True)
class Paths:
    """Where one run keeps its files: `<home>/runs/<run>/…`."""

    root: Path

    @property
    def workspace(self) -> Path:
        """The agent's folder."""
        return self.root / "workspace"

    @property
    def history(self) -> Path:
        """The bare repository with a commit per step."""
        return self.root / "history.git"

    @property
    def artifacts(self) -> Path:
        """Whole outputs and files too large for the history."""
        return self.root / "artifacts"


@dataclass(frozen=True, slots=True)
class Deps:
    """The surroundings of one run; every node of the run gets the same one."""

    config: RunConfig
    task: Task
    store: Store
    fence: Fence
    log: EventLog
    paths: Paths
    workspace: Workspace
    history: History
    tiers: tuple[Caller, ...]
    expert: Caller | None
    worker: Caller
    bookkeeper: Caller
    """A23: who summarises and retrieves."""
    actions: Mapping[str, ActionSpec]
    """The offered worker actions, in prompt order."""
    sandbox: Sandbox
    python: Path
    """Interpreter of the agent's scripts; not ours."""
    grade: Callable[[Path], Awaitable[Grade]]
    """Scores a folder with the run's final files."""
    data_source: str
    """sample (synthetic), local (the user's copy) or none."""
    watch: Stopwatch
    known_steps: list[StepRow] = field(default_factory=list)
    """The window of earlier steps as last read; the store stays the truth."""
    prefixes: dict[tuple[str, ...], str] = field(default_factory=dict)
    """The unchanging first part of the planner's prompt, by the actions on offer."""

    @property
    def run_id(self) -> str:
        """The run, which is also the LangGraph thread."""
        return self.fence.run_id

    async def lifelines_left(self) -> int:
        """What the ledger says; the state's figure only mirrors it."""
        row = await off_loop(self.store.runs.get, self.run_id)
        return row.lifelines - row.lifelines_used

    async def emit(self, *events: Event) -> None:
        """Write events now, in one transaction."""
        await off_loop(self.log.emit, *events)
