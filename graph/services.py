"""What one process shares between its runs, and how a run's `Deps` are made from its stored row."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from core.config import ModelConfig, RunConfig
from core.errors import InvalidFile, UnknownName, WorkspaceLost
from core.offload import off_loop
from core.settings import Settings
from models.base import Caller
from models.connect import connect
from models.meter import Meter
from models.prices import PriceBook
from models.tape import Tape
from nodes.deps import Deps, Paths, Stopwatch
from nodes.workers import WORKERS
from sandbox.base import Sandbox
from sandbox.gate import choose, is_trusted
from sandbox.interpreter import ensure_interpreter
from store.database import Store
from store.eventlog import EventLog
from store.fence import Fence
from store.runrows import RunRow
from tasks.grading import Grade, grade
from tasks.history import History, HistoryOptions
from tasks.loader import load_task
from tasks.prepared import Prepared, require
from tasks.spec import Task
from tasks.workspace import Workspace

Progress = Callable[[str], None]


def silent(_: str) -> None:
    """Progress nobody watches."""


@dataclass(frozen=True, slots=True)
class Services:
    """Opened once at an edge (CLI, API, Studio export) and passed down."""

    settings: Settings
    store: Store
    book: PriceBook
    environ: Mapping[str, str]
    """Where provider keys are looked up."""
    python: Path | None = None
    """Interpreter for all scripts instead of the tasks' own (tests and benchmarks)."""

    @classmethod
    def open(cls, settings: Settings, environ: Mapping[str, str] | None = None) -> Services:
        """Open the database below `settings.home`, creating both where needed."""
        store = Store.open(settings.database)
        return cls(settings, store, PriceBook.load(), os.environ if environ is None else environ)

    def close(self) -> None:
        """Close the database."""
        self.store.close()

    def task(self, name_or_dir: str) -> Task:
        """A built-in task, one of the user's tasks folder, or a task folder by its path."""
        is_name = Path(name_or_dir).name == name_or_dir
        return load_task(name_or_dir if is_name else Path(name_or_dir), self.settings.tasks_dir)

    def tape(self, config: RunConfig, task: Task) -> Tape | None:
        """The tape a `replay:` configuration names; "task" is the task's own demo tape."""
        if config.tape is None:
            return None
        path = task.root / "demo.tape.jsonl" if config.tape == "task" else Path(config.tape)
        if not path.is_file():
            raise InvalidFile(
                f"There is no tape at {path}; export one with `budgetml tape export RUN`, "
                "or choose a preset that calls models."
            )
        return Tape.read(path)

    def sandbox(
        self, config: RunConfig, task: Task, tape: Tape | None, parent: str | None = None
    ) -> Sandbox:
        """The sandbox of this run's programs (ruling 8); refuses before anything is paid.

        A fork's programs are its parent's too, so a shipped tape vouches only for forks of itself.
        """
        trusted = config.replayed and tape is not None and is_trusted(tape.sha256, task.builtin)
        return choose(self.settings, trusted=trusted and self._played_before(config, parent))

    def _played_before(self, config: RunConfig, run_id: str | None) -> bool:
        while run_id is not None:
            try:
                row = self.store.runs.get(run_id)
            except UnknownName:
                return False
            before = RunConfig.model_validate(row.config)
            if not before.replayed or before.tape != config.tape:
                return False
            run_id = row.parent_run
        return True

    async def interpreter(self, task: Task, progress: Progress = silent) -> Path:
        """The interpreter of the task's scripts, built on first use (ruling 9)."""
        if self.python is not None:
            return self.python
        return await ensure_interpreter(task.lock, self.settings.envs_dir, progress)


async def open_deps(
    services: Services, row: RunRow, fence: Fence, progress: Progress = silent
) -> Deps:
    """The surroundings of a run we own; creates its workspace and history when they are not there.

    Raises:
        BudgetMLError: a task, tape, model, sandbox or folder cannot be used any more.
    """
    config = RunConfig.model_validate(row.config)
    task = await off_loop(services.task, row.task_dir or row.task_id)
    tape = await off_loop(services.tape, config, task)
    sandbox = await off_loop(services.sandbox, config, task, tape, row.parent_run)
    python = await services.interpreter(task, progress)
    data = await off_loop(require, task, services.settings.data_dir, config.data_version)
    paths = Paths(services.settings.runs_dir / row.id)
    begun = row.step_count > 0
    workspace, history = await off_loop(_folders, task, data, paths, begun=begun)
    log = await off_loop(EventLog, services.store, fence)
    meter = Meter.of(config, store=services.store, fence=fence, log=log, book=services.book)
    last = len(config.tiers) - 1

    async def caller(model: ModelConfig, tier: int, metered: bool) -> Caller:
        return await off_loop(
            connect,
            model,
            tier=tier,
            metered=metered,
            meter=meter,
            tape=tape,
            environ=services.environ,
        )

    async def score(folder: Path) -> Grade:
        return await grade(
            task,
            data,
            folder,
            interpreter=python,
            sandbox=sandbox,
            scratch=folder.parent,
        )

    return Deps(
        config=config,
        task=task,
        store=services.store,
        fence=fence,
        log=log,
        paths=paths,
        workspace=workspace,
        history=history,
        tiers=tuple([await caller(t, i, t.metered) for i, t in enumerate(config.tiers)]),
        expert=await caller(config.expert, last, True) if config.expert else None,
        worker=await caller(config.worker_model(), 0, False),
        bookkeeper=await caller(config.bookkeeping_model(), 0, False),
        actions={name: WORKERS[name].spec for name in config.offered()},
        sandbox=sandbox,
        python=python,
        grade=score,
        data_source=data.source,
        watch=Stopwatch(time.monotonic),
    )


def _folders(task: Task, data: Prepared, paths: Paths, *, begun: bool) -> tuple[Workspace, History]:
    """Workspace and history; made together, and marked complete so that a kill leaves no halves."""
    marker, options = paths.root / "created", HistoryOptions(artifacts_dir=paths.artifacts)
    if marker.exists():
        workspace = Workspace(paths.workspace, data.public, task.spec.read_only)
        return workspace, History.open(paths.history, paths.workspace, options)
    if begun:
        raise WorkspaceLost(
            f"The files of this run in {paths.root} are gone, so it cannot go on: start a new run."
        )
    for folder in (paths.workspace, paths.history):
        if folder.exists():
            shutil.rmtree(folder)
    paths.root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace.create(paths.workspace, task.env_dir, data.public, task.spec.read_only)
    history = History.create(paths.history, paths.workspace, options)
    marker.touch()
    return workspace, history
