"""Every route of the service as a function that says what to ask; the clients only carry it out."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from api import client_records as records
from api.client_ask import Ask, Walk, part, whole
from api.client_catalogue import Model, Preset, Task, TaskDetail
from core.config import RunConfig, RunOptions
from core.errors import UnknownName
from core.events import LoggedEvent

T = TypeVar("T")
Config = RunConfig | Mapping[str, Any]


def tasks() -> Ask[list[Task]]:
    """The tasks, and whether their data are ready."""
    return _get("/tasks", part("items", list[Task]))


def task(task_id: str) -> Ask[TaskDetail]:
    """One task with the statement the agent reads."""
    return _get(f"/tasks/{_name(task_id)}", whole(TaskDetail))


def presets() -> Ask[list[Preset]]:
    """The presets of the server."""
    return _get("/presets", part("items", list[Preset]))


def models() -> Ask[list[Model]]:
    """Models with their prices, and which of them the server could call."""
    return _get("/models", part("items", list[Model]))


def start(
    task_id: str,
    options: RunOptions | None = None,
    *,
    config: Config | None = None,
    labels: Mapping[str, str] | None = None,
    priority: int = 0,
    idempotency_key: str | None = None,
) -> Ask[records.Run]:
    """Queue a run; a key of its own makes sure that a lost connection does not start it twice.

    Args:
        config: a whole configuration instead of a preset; then options may change cap and seed.
        idempotency_key: the same key and task give the run of the first request again.
    """
    more = {"task_id": task_id, "labels": dict(labels or {}), "priority": priority}
    key = idempotency_key or uuid.uuid4().hex
    body = _changes(options, config) | more
    return Ask("POST", "/runs", whole(records.Run), {}, body, key)


def runs(
    *,
    status: str | None = None,
    task: str | None = None,
    labels: Mapping[str, str] | None = None,
    page: int = 50,
) -> Walk[records.Run]:
    """Runs, newest first, `page` of them a request."""
    label = [f"{key}={value}" for key, value in (labels or {}).items()]
    params = {"status": status, "task": task, "label": label, "limit": page}
    return Walk("/runs", list[records.Run], _next("cursor"), params)


def run(run_id: str) -> Ask[records.RunDetail]:
    """How a run stands, with the configuration frozen with it."""
    return _get(_run(run_id), whole(records.RunDetail))


def cancel(run_id: str) -> Ask[records.Run]:
    """Stop a run for good; what it did and paid stays on record."""
    return Ask("POST", _run(run_id, "/cancel"), whole(records.Run), {})


def resume(run_id: str) -> Ask[records.Run]:
    """Let the service go on with an unfinished run nobody works on."""
    return Ask("POST", _run(run_id, "/resume"), whole(records.Run), {})


def fork(
    run_id: str, step: int, options: RunOptions | None = None, *, config: Config | None = None
) -> Ask[records.Run]:
    """Start a new run from the state after a step; without changes with the same configuration."""
    body = _changes(options, config) | {"step": step}
    return Ask("POST", _run(run_id, "/fork"), whole(records.Run), {}, body)


def delete(run_id: str) -> Ask[None]:
    """Delete a run that has ended, with its files."""
    return Ask("DELETE", _run(run_id), lambda _: None, {})


def logged(run_id: str, after: int) -> Walk[LoggedEvent]:
    """The events there are after this number, in order."""

    def turn(body: Mapping[str, Any], items: list[LoggedEvent]) -> Mapping[str, Any] | None:
        more = bool(items) and items[-1].seq < body["last_seq"]
        return {"after": items[-1].seq} if more else None

    return Walk(_run(run_id, "/events"), list[LoggedEvent], turn, {"after": after, "limit": 500})


def steps(run_id: str, *, after: int = 0) -> Walk[records.Step]:
    """Accepted decisions and what came of them, in order."""
    params = {"after": after, "limit": 100}
    return Walk(_run(run_id, "/steps"), list[records.Step], _next("after"), params)


def step(run_id: str, number: int) -> Ask[records.StepDetail]:
    """One step with its whole observation."""
    return _get(_run(run_id, f"/steps/{int(number)}"), whole(records.StepDetail))


def calls(run_id: str, *, after: int = 0) -> Walk[records.Call]:
    """Every request to a model with its tokens, unit prices and dollars, in order."""
    params = {"after": after, "limit": 500}
    return Walk(_run(run_id, "/calls"), list[records.Call], _next("after"), params)


def bill(run_id: str) -> Ask[list[records.BillLine]]:
    """The calls of the whole run added up by tier, model, purpose and status."""
    return _get(_run(run_id, "/calls"), part("bill", list[records.BillLine]), limit=1)


def files(run_id: str, *, step: int | None = None) -> Ask[records.Files]:
    """The files after a step, by default the last; 0 is what the run began with."""
    return _get(_run(run_id, "/files"), whole(records.Files), step=step)


def file(run_id: str, path: str, *, step: int | None = None) -> Ask[bytes]:
    """The content of one file after a step, by default the last."""
    return _get(_run(run_id, f"/files/{quote(path)}"), lambda answer: answer.content, step=step)


def diff(run_id: str, *, step: int | None = None) -> Ask[records.Diff]:
    """What a step, by default the last, changed in the workspace."""
    return _get(_run(run_id, "/diff"), whole(records.Diff), step=step)


def graph(run_id: str) -> Ask[records.Graph]:
    """The graph as Mermaid, and how often the run visited each node."""
    return _get(_run(run_id, "/graph"), whole(records.Graph))


def report(run_id: str) -> Ask[records.Report]:
    """What a run achieved so far, what it cost and what each escalation was for."""
    return _get(_run(run_id, "/report"), whole(records.Report))


def events_path(run_id: str) -> str:
    """Where the events of a run are followed."""
    return _run(run_id, "/events")


def _get(path: str, read: Callable[[httpx.Response], T], **params: Any) -> Ask[T]:
    return Ask("GET", path, read, params)


def _run(run_id: str, below: str = "") -> str:
    return f"/runs/{_name(run_id)}{below}"


def _name(text: str) -> str:
    """As one segment of a path, so that no id can lead to another route."""
    if text in {"", ".", ".."}:
        raise UnknownName(f"{text!r} cannot be an id; runs() and tasks() list those there are.")
    return quote(text, safe="")


def _next(name: str) -> Callable[[Mapping[str, Any], object], Mapping[str, Any] | None]:
    return lambda body, _: None if body.get("next") is None else {name: body["next"]}


def _changes(options: RunOptions | None, config: Config | None) -> dict[str, Any]:
    said = options.model_dump(mode="json", exclude_unset=True) if options else {}
    if config is None:
        return said
    raw = config.model_dump(mode="json") if isinstance(config, RunConfig) else dict(config)
    return said | {"config": raw}
