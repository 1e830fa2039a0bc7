"""`budgetml show`: the steps of a run, one whole step, or what a step changed."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict

from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from cli.changes import diff_of
from cli.console import console, print_json
from cli.opened import find_run, opened_store
from cli.options import ShowArgs
from cli.outcome import outcome, subject
from cli.text import NAME_WIDTH, clip, dollars, duration, plain, short_model
from core.errors import UnknownName
from store.callrows import CallRow
from store.database import Store
from store.runrows import RunRow
from store.steprows import StepRow

_ACTION = 32
_OTHER_COLUMNS = 4 + 4 + NAME_WIDTH + 5 + _ACTION + 5 * 2


def main(args: ShowArgs) -> None:
    """Print what was asked for."""
    with opened_store() as store:
        row = find_run(store, args.run)
        steps = store.steps.span(row.id, 1)
        if args.diff is not None:
            _print_diff(diff_of(store, row.id, _step(row, steps, args.diff)))
        elif args.json:
            print_json(asdict(row) | {"steps": [asdict(s) for s in _wanted(row, steps, args.step)]})
        elif args.step is not None:
            _print_step(console(), store, _step(row, steps, args.step))
        else:
            _print_run(console(), store, row, steps)


def _wanted(row: RunRow, steps: list[StepRow], number: int | None) -> list[StepRow]:
    return steps if number is None else [_step(row, steps, number)]


def _step(row: RunRow, steps: list[StepRow], number: int) -> StepRow:
    for step in steps:
        if step.step == number:
            return step
    raise UnknownName(f"Run {row.id} has no step {number}; it has {len(steps)} steps.")


def _print_diff(text: str) -> None:
    shown = console()
    if not text.strip():
        shown.print("The step changed nothing in the workspace.")
    elif shown.is_terminal:
        shown.print(Syntax(plain(text), "diff", background_color="default"))
    else:
        shown.print(Text(plain(text).rstrip("\n")), soft_wrap=True)


def calls_of(store: Store, run_id: str) -> list[CallRow]:
    """Every call of a run."""
    found: list[CallRow] = []
    while page := store.calls.read(run_id, found[-1].id if found else 0):
        found += page
    return found


def _print_run(shown: Console, store: Store, row: RunRow, steps: list[StepRow]) -> None:
    state = f" · {row.status}" + (f" ({row.end_reason})" if row.end_reason else "")
    shown.print(Text.assemble("run ", (row.id, "bold"), f" · {row.task_id} · {row.preset}{state}"))
    tries = Counter(c.step for c in calls_of(store, row.id) if c.purpose == "plan")
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("step", "tier"):
        table.add_column(head, justify="right")
    table.add_column("model", no_wrap=True)
    table.add_column("tries", justify="right")
    table.add_column("action", no_wrap=True)
    table.add_column("observation", no_wrap=True)
    room = max(shown.width - _OTHER_COLUMNS, 20)
    for step in steps:
        cells = _cells(step, tries[step.step], room)
        table.add_row(*cells, style="red" if step.failed else "")
    shown.print(table)


def _cells(step: StepRow, tries: int, room: int) -> tuple[str | Text, ...]:
    by = "expert" if "expert" in step.reply_flags else short_model(step.model)
    observed = {"observation": step.shown or step.observation, "executed": step.executed}
    return (
        str(step.step),
        str(step.tier),
        by,
        str(tries),
        Text(clip(subject(step.action or "(no action)", step.action_input), _ACTION)),
        Text(clip(outcome(observed), room)),
    )


def _print_step(shown: Console, store: Store, step: StepRow) -> None:
    state = "failed" if step.failed else step.status
    shown.print(Text(f"step {step.step} · tier {step.tier} · {step.model} · {state}", "bold"))
    if step.reply_flags:
        shown.print(Text(f"reply: {', '.join(step.reply_flags)}", "dim"))
    for name, text in step.entries.items():
        _section(shown, name, text)
    _section(shown, "Action", step.action or "(none)")
    given = json.dumps(step.action_input, ensure_ascii=False, indent=2)
    _section(shown, "Action Input", given)
    _section(shown, f"Observation ({duration(step.seconds)})", step.observation)
    if step.shown and step.shown != step.observation:
        _section(shown, "As the planner saw it", step.shown)
    if step.log_summary:
        _section(shown, "Research log", step.log_summary)
    calls = [c for c in calls_of(store, step.run_id) if c.step == step.step]
    _section(shown, "Calls", "\n".join(_call_line(c) for c in calls) or "(none)")


def _section(shown: Console, title: str, text: str) -> None:
    shown.print(Text(f"\n{title}", "cyan"))
    shown.print(Text(plain(text).rstrip()), soft_wrap=True)


def _call_line(call: CallRow) -> str:
    tokens = f"{call.input_tokens:,} in, {call.output_tokens:,} out"
    life = ", a lifeline" if call.lifeline else ""
    return (
        f"tier {call.tier}, try {call.try_no}, {call.purpose}: {call.outcome or call.status}, "
        f"{tokens}, {dollars(call.cost_pico)}{life}"
    )
