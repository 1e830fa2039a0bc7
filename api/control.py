"""Runs are cancelled, resumed and forked."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from api.deps import PartsOf, Run, Runner
from api.problems import Unusable, described
from api.requests import ForkIn
from api.runs import accepted, chosen
from api.schemas import RunOut
from core.errors import Conflict, UnknownName
from core.money import to_pico
from engine.standing import is_abandoned
from graph.fork import fork_run
from store.queues import Submission

router = APIRouter(prefix="/runs/{run_id}", tags=["runs"])
_REFUSED = described(400, 404, 408, 409, 413)


@router.post("/cancel", status_code=202, operation_id="cancel_run", responses=_REFUSED)
def cancel_run(row: Run, known: PartsOf, _: Runner) -> RunOut:
    """Stop a run for good; what it did and paid stays on record. A finished run is a conflict."""
    if row.finished is not None:
        raise Conflict(f"Run {row.id} had ended before ({row.status}); nothing was changed.")
    known.engine.cancel(row.id)
    return RunOut.of(known.services.store.runs.get(row.id))


@router.post(
    "/resume",
    status_code=202,
    operation_id="resume_run",
    responses=_REFUSED | described(429),
)
def resume_run(row: Run, response: Response, known: PartsOf, who: Runner) -> RunOut:
    """Let the service go on with an unfinished run nobody works on; nothing is paid again."""
    if row.finished is not None:
        text = f"Run {row.id} has ended ({row.status}); fork it to go on from one of its steps."
        raise Conflict(text)
    waits = row.status in {"interrupted", "queued"}
    if not waits and (row.status == "cancelling" or not is_abandoned(row)):
        raise Conflict(f"Run {row.id} is {row.status}: follow its events.")
    with known.engine.admission():
        known.services.store.queue.hand_over(row.id, Submission(who.name))
    known.engine.submit(row.id)
    return accepted(response, known.services.store.runs.get(row.id))


@router.post(
    "/fork",
    status_code=202,
    operation_id="fork_run",
    responses=_REFUSED | described(410, 429),
)
def fork(body: ForkIn, row: Run, response: Response, known: PartsOf, who: Runner) -> RunOut:
    """Start a new run from the state another one had after a step, with its own bill."""
    services, options = known.services, chosen(body) if body.asked else None
    cap = row.cap_pico if options is None else to_pico(options.limits.budget_usd)
    services.store.queue.check(who.name, cap)
    with known.engine.admission():
        pass  # copying the source takes long: what is let in now is not refused afterwards
    try:
        made = asyncio.run(fork_run(services, row.id, body.step, options))
    except UnknownName as error:
        raise Unusable("body.step", str(error)) from error
    services.store.queue.hand_over(made.id, Submission(who.name))
    known.engine.submit(made.id)
    return accepted(response, services.store.runs.get(made.id))
