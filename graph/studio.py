"""The exported graphs: without a checkpointer, so that LangGraph's own server runs them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, JsonValue
from typing_extensions import TypedDict

from core.config import RunOptions
from core.presets import preset_names
from core.settings import Settings
from graph.budget import Forms, compiled
from graph.ondemand import OnDemand
from graph.services import Services
from tasks.loader import list_tasks

PRESETS: list[JsonValue] = [*preset_names()]
TASKS: list[JsonValue] = [task.spec.id for task in list_tasks()]
SUPERSTEPS = 1_000_000
"""More than the longest run takes; how long a run is, its options say."""


class TaskForm(TypedDict):
    """The task to solve; each thread is one run."""

    task_id: Annotated[
        str,
        Field(
            title="Task",
            description="a built-in task, or the path of a task folder",
            examples=TASKS,
        ),
    ]


class OptionsForm(RunOptions):
    """How to solve it. Counts when the run is created; a run never changes its options."""

    preset: Annotated[
        str, Field(description="the models and rules", json_schema_extra={"enum": PRESETS})
    ] = "default"


budget = compiled(
    OnDemand(lambda: Services.open(Settings())), forms=Forms(TaskForm, OptionsForm)
).with_config(recursion_limit=SUPERSTEPS)
