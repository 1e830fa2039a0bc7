"""What a run decided, what it paid, and what became of it."""

from __future__ import annotations

from dataclasses import asdict

from fastapi import APIRouter

from api.deps import PartsOf, Reader, Run
from api.drawing import drawn
from api.plain import plain
from api.problems import described
from api.requests import After, Limit, StepPath
from api.trace_schemas import (
    BillLineOut,
    CallOut,
    CallPage,
    EscalationOut,
    GraphOut,
    ReportOut,
    StepDetail,
    StepOut,
    StepPage,
)
from core.errors import UnknownName
from graph.report import build_report

router = APIRouter(prefix="/runs/{run_id}", tags=["trace"], responses=described(404))


@router.get("/steps", operation_id="list_steps")
def list_steps(
    row: Run, known: PartsOf, _: Reader, after: After = 0, limit: Limit = 50
) -> StepPage:
    """Accepted decisions and what came of them, in order."""
    first = min(after, 2**31) + 1
    rows = known.services.store.steps.span(row.id, first, first + limit - 1)
    more = rows[-1].step if len(rows) == limit else None
    return StepPage(items=[StepOut.of(step) for step in rows], next=more)


@router.get("/steps/{step}", operation_id="get_step")
def get_step(row: Run, step: StepPath, known: PartsOf, _: Reader) -> StepDetail:
    """One step with its whole observation."""
    found = known.services.store.steps.acted(row.id, step)
    if found is None:
        raise UnknownName(f"Run {row.id} has no step {step}; it has finished {row.step_count}.")
    return StepDetail.of(found)


@router.get("/calls", operation_id="list_calls")
def list_calls(
    row: Run, known: PartsOf, _: Reader, after: After = 0, limit: Limit = 100
) -> CallPage:
    """The bill: every request to a model with its tokens, unit prices and dollars."""
    calls = known.services.store.calls
    rows = calls.read(row.id, after, limit)
    return CallPage(
        items=[CallOut.of(call) for call in rows],
        next=rows[-1].id if len(rows) == limit else None,
        bill=[BillLineOut.of(line) for line in calls.bill(row.id)],
    )


@router.get("/report", operation_id="get_report")
def get_report(row: Run, known: PartsOf, _: Reader) -> ReportOut:
    """What a run achieved so far, what it cost and what each escalation was for."""
    report = build_report(known.services.store, row.id)
    return ReportOut(
        summary=plain(report.summary()),
        bill=[BillLineOut.of(line) for line in report.bill],
        escalations=[EscalationOut(**plain(asdict(e))) for e in report.escalations],
    )


@router.get("/graph", operation_id="get_graph")
def get_graph(row: Run, known: PartsOf, _: Reader) -> GraphOut:
    """The graph as Mermaid, each node with how often the run visited it."""
    return drawn(known.services.store.events.tally(row.id))
