"""The single checks of `budgetml doctor`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import Literal

from core.errors import BudgetMLError, CodeNotTrusted
from core.presets import load_preset, preset_names
from core.settings import Settings
from models.checks import check_models
from models.prices import PriceBook
from models.registry import PROVIDERS
from sandbox.gate import choose, trusted_hashes
from sandbox.interpreter import COMPLETE
from store.database import Store
from tasks.loader import list_tasks
from tasks.prepared import prepared
from tasks.spec import LOCKS

ENOUGH_GB = 2.0
"""An interpreter for scripts and a few runs."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "note", "bad"]
    """`note` is missing but not always needed; `bad` keeps everything from working."""
    text: str


def checkup(settings: Settings) -> list[Finding]:
    """Every check in turn; none calls a model."""
    checks: tuple[Callable[[Settings], Iterator[Finding]], ...] = (
        _home, _database, _sandbox, _interpreters, _tasks, _keys, _presets,
    )  # fmt: skip
    return [finding for check in checks for finding in check(settings)]


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free / 1e9
    except OSError as error:
        yield Finding("home", "bad", f"{home}: {error.strerror}; set BUDGETML_HOME")
        return
    if os.access(home, os.W_OK):
        yield Finding("home", "ok", str(home))
    else:
        yield Finding("home", "bad", f"{home} cannot be written; set BUDGETML_HOME to another one")
    text = f"{free:.1f} GB free"
    if free > ENOUGH_GB:
        yield Finding("disk", "ok", text)
    else:
        yield Finding("disk", "note", f"{text}; keep {ENOUGH_GB:.0f} GB or more")


def _database(settings: Settings) -> Iterator[Finding]:
    try:
        with Store.open(settings.database) as store:
            newest = store.runs.list(limit=1)
    except (BudgetMLError, OSError) as error:
        yield Finding("database", "bad", f"{settings.database}: {error}")
        return
    text = f"newest run {newest[0].id}" if newest else "no run yet"
    yield Finding("database", "ok", f"{settings.database}, {text}")


def _sandbox(settings: Settings) -> Iterator[Finding]:
    try:
        sandbox = choose(settings, trusted=False)
    except CodeNotTrusted as error:
        yield Finding("sandbox", "note", str(error))
    else:
        gaps = "".join(f"\nnot protected: {gap}" for gap in sandbox.unprotected)
        yield Finding("sandbox", "note" if gaps else "ok", f"{sandbox.name}{gaps}")
    yield Finding("tapes", "ok", f"{len(trusted_hashes())} shipped ones may run without it")


def _interpreters(settings: Settings) -> Iterator[Finding]:
    built = len(list(settings.envs_dir.glob(f"*/{COMPLETE}")))
    locks = ", ".join(sorted(p.stem for p in LOCKS.glob("*.lock")))
    text = f"{built} built" if built else "none built yet; the first run or prepare does it"
    yield Finding("interpreter", "ok" if built else "note", f"{text} (of {locks})")


def _tasks(settings: Settings) -> Iterator[Finding]:
    try:
        for task in list_tasks(settings.tasks_dir):
            ready = prepared(task, settings.data_dir) is not None
            how = "ready" if ready else f"no data yet: `budgetml prepare {task.id} --sample`"
            yield Finding(f"task {task.id}", "ok" if ready else "note", how)
    except BudgetMLError as error:
        yield Finding("tasks", "bad", str(error))


def _keys(_: Settings) -> Iterator[Finding]:
    for provider, module in PROVIDERS.items():
        names: tuple[str, ...] = import_module(module).KEYS
        present = [name for name in names if os.environ.get(name)]
        if names:
            text = f"{present[0]} is set" if present else f"not set: {' or '.join(names)}"
            yield Finding(f"key {provider}", "ok" if present else "note", text)


def _presets(_: Settings) -> Iterator[Finding]:
    book = PriceBook.load()
    for name in preset_names():
        try:
            config = load_preset(name)
            check_models(config, book, os.environ)
        except BudgetMLError as error:
            yield Finding(f"preset {name}", "note", str(error))
            continue
        served = sorted({m.base_url for m in config.models() if m.base_url})
        text = f"can be used while {' and '.join(served)} answers" if served else "can be used"
        yield Finding(f"preset {name}", "ok", text)
