"""Runs are started, found and deleted."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from api.deps import Admin, PartsOf, Reader, Run, Runner
from api.problems import Unusable, described
from api.requests import Changes, Idempotency, Limit, Name, NewRunIn
from api.schemas import RunDetail, RunOut, RunPage
from core.config import RunConfig
from core.errors import Conflict, UnknownName
from graph.services import Services
from graph.start import planned
from sandbox.removal import remove_tree
from store.checkpoints import open_saver
from store.queues import Original, Submission
from store.runrows import NewRun, RunRow, Status

router = APIRouter(tags=["runs"])
_RUN_ID = {"run_id": "$response.body#/id"}
_LINKS = {
    name: {"operationId": name, "parameters": _RUN_ID}
    for name in ("get_run", "list_events", "cancel_run", "get_report", "list_files", "delete_run")
}
_STARTED: dict[int | str, dict[str, Any]] = {
    202: {"description": "Queued; Location names the run", "links": _LINKS},
    200: {"model": RunOut, "description": "The run this idempotency key was used for before"},
}


@router.post(
    "/runs",
    status_code=202,
    operation_id="create_run",
    responses={**_STARTED, **described(400, 408, 409, 413, 429)},
)
def create_run(
    body: NewRunIn,
    response: Response,
    known: PartsOf,
    who: Runner,
    idempotency_key: Idempotency = None,
) -> RunOut:
    """Check everything that can be checked without cost, and queue the run."""
    queue = known.services.store.queue
    submission = Submission(who.name, idempotency_key, body.hash())
    earlier = queue.original(who.name, idempotency_key) if idempotency_key else None
    if earlier is None:
        new = _planned(known.services, body)
        with known.engine.admission():
            made = queue.create(new, submission)
        if isinstance(made, RunRow):
            known.engine.submit(made.id)
            return accepted(response, made)
        earlier = made
    response.status_code = 200
    return _again(known.services, earlier, body)


def accepted(response: Response, row: RunRow) -> RunOut:
    """The run, with its address in the response."""
    response.headers["Location"] = f"/runs/{row.id}"
    return RunOut.of(row)


def chosen(body: Changes) -> RunConfig:
    """The configuration a body asks for; raises Unusable for an unknown preset."""
    try:
        return body.chosen()
    except UnknownName as error:
        raise Unusable("body.preset", str(error)) from error


def _planned(services: Services, body: NewRunIn) -> NewRun:
    try:
        task = services.task(body.task_id)
    except UnknownName as error:
        raise Unusable("body.task_id", str(error)) from error
    return planned(services, task, chosen(body), labels=body.labels, priority=body.priority)


def _again(services: Services, earlier: Original, body: NewRunIn) -> RunOut:
    if earlier.body_hash != body.hash():
        raise Unusable(
            "header.idempotency-key",
            f"This key was used for run {earlier.run_id} with another body; use a new key.",
        )
    return RunOut.of(services.store.runs.get(earlier.run_id))


@router.get("/runs", operation_id="list_runs")
def list_runs(
    known: PartsOf,
    _: Reader,
    status: Status | None = None,
    task: Annotated[Name | None, Query()] = None,
    label: Annotated[
        list[str] | None, Query(max_length=20, description="KEY=VALUE; repeat it for several")
    ] = None,
    cursor: Annotated[Name | None, Query(description="`next` of the page before")] = None,
    limit: Limit = 50,
) -> RunPage:
    """Runs, newest first."""
    try:
        rows = known.services.store.runs.list(
            status=status,
            task_id=task,
            labels=dict(_pair(text) for text in label or ()),
            limit=limit + 1,
            before=cursor,
        )
    except UnknownName as error:
        text = "The run this page should begin after is gone; begin again without a cursor."
        raise Unusable("query.cursor", text) from error
    more = rows[limit - 1].id if len(rows) > limit else None
    return RunPage(items=[RunOut.of(row) for row in rows[:limit]], next=more)


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise Unusable("query.label", "A label is found by KEY=VALUE, such as owner=me.")
    return key, value


@router.get("/runs/{run_id}", operation_id="get_run", responses=described(404))
def get_run(row: Run, _: Reader) -> RunDetail:
    """How a run stands, with the configuration frozen with it."""
    return RunDetail.of(row)


@router.delete(
    "/runs/{run_id}", status_code=204, operation_id="delete_run", responses=described(404, 409)
)
def delete_run(row: Run, known: PartsOf, _: Admin) -> None:
    """Delete a run that has ended: files, checkpoints, events, calls, steps and its row.

    The row goes last, so that a deletion that was cut off can be repeated.
    """
    if row.finished is None:
        raise Conflict(f"Run {row.id} has not ended ({row.status}); cancel it before deleting it.")
    services = known.services
    remove_tree(services.settings.runs_dir / row.id)
    asyncio.run(_forget(services, row.id))
    services.store.runs.delete(row.id)


async def _forget(services: Services, run_id: str) -> None:
    async with open_saver(services.settings.database) as saver:
        await saver.adelete_thread(run_id)
