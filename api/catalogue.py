"""What can be asked for: tasks, presets and models."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from api.deps import PartsOf, Reader
from api.problems import described
from api.requests import TaskPath
from core.config import ModelConfig, RunConfig
from core.errors import BudgetMLError
from core.presets import load_preset, preset_names
from core.settings import Settings
from models.registry import PROVIDERS, check_provider
from tasks.loader import list_tasks
from tasks.prepared import prepared
from tasks.spec import Task

router = APIRouter(tags=["catalogue"])


class TaskOut(BaseModel):
    """A task that can be solved here."""

    id: str
    title: str
    summary: str
    metric: str
    unit: str
    direction: str
    submission: list[str]
    data: str
    """none needed, sample, local or missing."""
    tape: bool
    """It has a recorded run of its own, which the preset `demo` plays."""


class TaskDetail(TaskOut):
    """A task with the statement the agent reads."""

    brief: str


class PresetOut(BaseModel):
    """A named configuration."""

    name: str
    description: str
    tiers: list[str]
    expert: str | None
    budget_usd: str
    lifelines: int
    steps: int
    retrieval: bool


class ModelOut(BaseModel):
    """A model with its list price in USD per million tokens."""

    model: str
    input_usd: str
    output_usd: str
    usable: bool
    """Its library and a key are there."""


class Tasks(BaseModel):
    """All of them."""

    items: list[TaskOut]


class Presets(BaseModel):
    """All of them."""

    items: list[PresetOut]


class Models(BaseModel):
    """The providers there are, and the models of the presets and of our own price list."""

    providers: list[str]
    items: list[ModelOut]


@router.get("/tasks", operation_id="list_tasks")
def get_tasks(known: PartsOf, _: Reader) -> Tasks:
    """The tasks, and whether their data are ready."""
    settings = known.services.settings
    found = list_tasks(settings.tasks_dir)
    return Tasks(items=[TaskOut(**_task(task, settings)) for task in found])


@router.get("/tasks/{task_id}", operation_id="get_task", responses=described(404))
def get_task(task_id: TaskPath, known: PartsOf, _: Reader) -> TaskDetail:
    """One task with its statement."""
    task = known.services.task(task_id)
    return TaskDetail(**_task(task, known.services.settings), brief=task.brief)


def _task(task: Task, settings: Settings) -> dict[str, Any]:
    spec, found = task.spec, prepared(task, settings.data_dir)
    data = "missing" if found is None else "none needed" if spec.data is None else found.source
    return {
        "id": spec.id,
        "title": spec.title,
        "summary": spec.summary,
        "metric": spec.metric.name,
        "unit": spec.metric.unit,
        "direction": spec.metric.direction,
        "submission": list(spec.submission),
        "data": data,
        "tape": (task.root / "demo.tape.jsonl").is_file(),
    }


@router.get("/presets", operation_id="list_presets")
def get_presets(_: Reader) -> Presets:
    """The presets of the server."""
    return Presets(items=[_preset(name, load_preset(name)) for name in preset_names()])


def _preset(name: str, config: RunConfig) -> PresetOut:
    return PresetOut(
        name=name,
        description=config.description,
        tiers=[tier.model for tier in config.tiers],
        expert=config.expert.model if config.expert else None,
        budget_usd=str(config.limits.budget_usd),
        lifelines=config.limits.lifelines,
        steps=config.limits.steps,
        retrieval=config.memory.retrieval,
    )


@router.get("/models", operation_id="list_models")
def get_models(known: PartsOf, _: Reader) -> Models:
    """Models with their prices, and which of them could be called from here."""
    book = known.services.book
    used = {
        m.model.removeprefix("replay:") for p in preset_names() for m in load_preset(p).models()
    }
    items = []
    for model in sorted(used | book.entries.keys()):
        price = book.prices(model)
        items.append(
            ModelOut(
                model=model,
                input_usd=format(price.input, "f"),
                output_usd=format(price.output, "f"),
                usable=_usable(known, model),
            )
        )
    return Models(providers=list(PROVIDERS), items=items)


def _usable(known: PartsOf, model: str) -> bool:
    try:
        check_provider(ModelConfig(model=model), known.services.environ)
    except BudgetMLError:
        return False
    return True
