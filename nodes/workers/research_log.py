"""The research log kept by the harness: one entry per step, bounded, out of the agent's reach."""

from __future__ import annotations

import json

from nodes.deps import Deps
from nodes.texts import inside
from store.steprows import StepRow

ENTRY_CHARS = 600
LOG_CHARS = 24_000


def research_log(deps: Deps, last: int) -> str:
    """Entries of steps 1 to `last`; of a long log the oldest entries are left out, and said so."""
    if last < 1:
        return "(nothing has been done yet)"
    entries = [_entry(s) for s in deps.store.steps.span(deps.run_id, 1, last)]
    kept: list[str] = []
    size = 0
    for entry in reversed(entries):
        size += len(entry)
        if size > LOG_CHARS and kept:
            kept.append(f"({len(entries) - len(kept)} earlier entries are left out.)")
            break
        kept.append(entry)
    return inside("log", "\n\n".join(reversed(kept)))


def _entry(step: StepRow) -> str:
    """The summary written for the step (R16), or its action and the start of its observation."""
    if step.log_summary:
        return f"Step {step.step}: {step.log_summary}"
    shown = (step.shown or step.observation)[:ENTRY_CHARS]
    given = json.dumps(step.action_input, ensure_ascii=False)[:ENTRY_CHARS]
    return f"Step {step.step}: {step.action} {given}\n{shown}"
