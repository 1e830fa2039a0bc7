"""The final report of a run: what it achieved, what it cost, and what each escalation was for."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from core.money import usd_text
from store.callrows import BillLine
from store.database import Store
from store.runrows import RunRow


@dataclass(frozen=True, slots=True)
class Escalation:
    """One step up, or one request for help."""

    step: int
    reason: str
    """format, repetition, help, unavailable or blocked."""
    detail: str


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the final report shows."""

    row: RunRow
    bill: list[BillLine]
    escalations: list[Escalation]

    @property
    def simulated(self) -> bool:
        """True when the models' words came from a tape."""
        return any(t["model"].startswith("replay:") for t in self.row.config["tiers"])

    def summary(self) -> dict[str, Any]:
        """The one object of `run --json`; money is a decimal string, improvement a fraction."""
        row, grade = self.row, (self.row.result or {}).get("grade") or {}
        counts = Counter(e.reason for e in self.escalations)
        return {
            "run_id": row.id,
            "task_id": row.task_id,
            "preset": row.preset,
            "status": row.status,
            "end_reason": row.end_reason,
            "solved": bool(grade.get("solved")) and row.status == "succeeded",
            "score": grade.get("score"),
            "baseline": grade.get("baseline"),
            "improvement": grade.get("improvement"),
            "metric": (row.result or {}).get("metric"),
            "reason": grade.get("reason") or row.error or "",
            "steps": row.step_count,
            "calls": row.call_count,
            "cost_usd": usd_text(sum(b.paid_pico for b in self.bill)),
            "cost_list_usd": usd_text(sum(b.list_pico for b in self.bill)),
            "cost_top_tier_usd": usd_text(sum(b.top_pico for b in self.bill)),
            "simulated": self.simulated,
            "data": (row.result or {}).get("data"),
            "escalations": {
                k: counts.get(k, 0)
                for k in ("format", "repetition", "help", "unavailable", "blocked")
            },
            "lifelines_used": row.lifelines_used,
            "counts": row.status != "failed" or row.config["failed_runs"] == "count",
            "seconds": (row.result or {}).get("elapsed_s"),
            "report": f"budgetml report {row.id}",
        }


def build_report(store: Store, run_id: str) -> Report:
    """Read a run's report from the store.

    Raises:
        UnknownName: no such run.
    """
    row = store.runs.get(run_id)
    return Report(row, store.calls.bill(run_id), _escalations(store, run_id))


def _escalations(store: Store, run_id: str) -> list[Escalation]:
    """From the last execution of each step; rolled-back ones do not count twice."""
    last: dict[int, int] = {}
    found: list[tuple[int, int, Escalation]] = []
    after = 0
    while page := store.events.read(
        run_id, after=after, limit=1000, types=("escalation", "step.started", "step.rolled_back")
    ):
        after = page[-1].seq
        for event in page:
            step = event.step or 0
            last[step] = max(last.get(step, 0), event.attempt)
            if event.type == "escalation":
                detail = str(event.data.get("detail", ""))
                item = Escalation(step, str(event.data["reason"]), detail)
                found.append((step, event.attempt, item))
    return [item for step, attempt, item in found if attempt == last[step]]
