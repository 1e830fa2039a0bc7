"""Creates a run: everything that can be wrong is found out here, before anything is paid."""

from __future__ import annotations

import difflib
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from core.config import RunConfig, RunOptions
from core.errors import ConfigurationError
from core.money import to_pico
from core.presets import resolve
from graph.services import Services
from models.checks import check_models
from nodes.workers import WORKERS
from store.runrows import NewRun, RunRow
from tasks.prepared import Prepared, require
from tasks.spec import Task


def create_run(
    services: Services,
    task_name: str,
    options: RunOptions,
    *,
    labels: Mapping[str, str] | None = None,
    run_id: str | None = None,
) -> RunRow:
    """Check task, data, preset, models, keys, prices, cap and sandbox, then store the queued run.

    Raises:
        BudgetMLError: whatever is wrong, with what to do about it; nothing was stored.
    """
    task = services.task(task_name)
    new = planned(services, task, resolve(options), labels=labels)
    return services.store.runs.create(replace(new, id=run_id or new.id))


def planned(
    services: Services,
    task: Task,
    config: RunConfig,
    *,
    labels: Mapping[str, str] | None = None,
    priority: int = 0,
) -> NewRun:
    """A run that has passed every check and only needs to be stored.

    Raises:
        BudgetMLError: whatever is wrong, with what to do about it.
    """
    data = check(services, task, config)
    changes = {"data_version": data.version or None, "tape": _whole_path(config.tape)}
    config = config.model_copy(update=changes)
    return NewRun(
        id=new_run_id(),
        task_id=task.spec.id,
        task_dir=None if task.builtin else str(task.root),
        preset=config.preset,
        config=config.model_dump(mode="json"),
        cap_pico=to_pico(config.limits.budget_usd),
        lifelines=config.limits.lifelines,
        labels=dict(labels or {}),
        priority=priority,
        seed=config.seed,
    )


def _whole_path(tape: str | None) -> str | None:
    """A tape stays the same file when the run is resumed in another folder."""
    return tape if tape in {None, "task"} else str(Path(str(tape)).resolve())


def check(services: Services, task: Task, config: RunConfig, parent: str | None = None) -> Prepared:
    """Everything a run (or a fork of `parent`) needs, checked without cost; returns the data.

    Raises:
        BudgetMLError: the first thing that is missing.
    """
    check_actions(config)
    check_models(config, services.book, services.environ)
    services.sandbox(config, task, services.tape(config, task), parent)
    return require(task, services.settings.data_dir, config.data_version)


def check_actions(config: RunConfig) -> None:
    """Every offered action exists.

    Raises:
        ConfigurationError: names the unknown one and the closest that exists.
    """
    for name in config.actions:
        if name not in WORKERS:
            close = difflib.get_close_matches(name, WORKERS, n=1, cutoff=0.0)
            raise ConfigurationError(
                f'The preset "{config.preset}" offers the action "{name}", which does not exist. '
                f'The closest is "{close[0]}"; there are: {", ".join(WORKERS)}.'
            )


def new_run_id() -> str:
    """A fresh run id: short enough to type, random enough never to meet another."""
    return uuid.uuid4().hex[:16]
