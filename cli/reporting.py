"""The final report as people read it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from cli.opening import TAPE
from cli.text import bare, dollars, duration, number, one_line, percent
from graph.report import Report
from store.callrows import BillLine

_ENDS = {
    "final_answer": "final answer",
    "steps": "step limit reached",
    "time": "time limit reached",
    "budget": "budget spent",
    "no_valid_reply": "no usable reply in several steps on end",
    "models_unavailable": "no model could be reached",
    "cancelled": "cancelled",
    "error": "an error",
}


def print_report(console: Console, report: Report, runs_dir: Path) -> None:
    """What the run achieved, what it cost and where its files are."""
    console.print()
    console.print(Rule(_headline(report), style="dim", align="left"))
    if report.simulated:
        note = f"{TAPE} Programs really ran, and the score is really measured."
        console.print(Padding(Text(note, "yellow"), (0, 0, 1, 0)))
    console.print(_facts([("score", _score(report)), ("ended", _ended(report))]))
    if report.bill:
        console.print(Padding(_bill(report), (1, 0)))
    console.print(_facts([*_money(report), *_escalations(report), *_files(report, runs_dir)]))


def _headline(report: Report) -> Text:
    row, solved = report.row, report.summary()["solved"]
    if row.status == "succeeded":
        verdict, style = ("solved", "bold green") if solved else ("not solved", "bold yellow")
    else:
        verdict, style = row.status, "bold red" if row.status == "failed" else "bold yellow"
    return Text.assemble((f"{row.task_id}: ", "bold"), (verdict, style), (f"  run {row.id}", "dim"))


def _facts(pairs: list[tuple[str, str]]) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", min_width=11)
    table.add_column(overflow="fold")
    for name, text in pairs:
        table.add_row(name, Text(text))
    return table


def _score(report: Report) -> str:
    facts = report.summary()
    metric = facts["metric"] or {}
    score, baseline, unit = facts["score"], facts["baseline"], f" {metric.get('unit', '')}".rstrip()
    if score is None:
        return f"none: {one_line(facts['reason']) or 'not graded yet'}"
    text = f"{number(score)}{unit} {metric.get('name', '')}; the starter {number(baseline)}{unit}"
    text += f" ({percent(facts['improvement'])})"
    if metric.get("unit") == "s" and score > 0 and baseline:
        text += f": {baseline / score:.1f} times as fast"
    if facts["data"] == "sample":
        text += "\non synthetic sample data: the score does not compare with published ones"
    why = one_line(facts["reason"])
    return text if facts["solved"] or not why else f"{text}\n{why}"


def _ended(report: Report) -> str:
    row = report.row
    end = _ENDS.get(row.end_reason or "", row.status)
    seconds = (row.result or {}).get("elapsed_s")
    took = f", {duration(seconds)}" if seconds is not None else ""
    error = f"\n{one_line(row.error)}" if row.error else ""
    return f"{end} after {row.step_count} steps, {row.call_count} calls{took}{error}"


def _bill(report: Report) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_footer=True)
    table.header_style = "dim"
    lines = report.bill
    table.add_column("tier", footer="all", no_wrap=True, min_width=4)
    table.add_column("model", footer="", no_wrap=True, max_width=28)
    table.add_column("purpose", footer="", no_wrap=True)
    for head, total in (
        ("calls", str(sum(x.calls for x in lines))),
        ("tokens in", f"{sum(x.input_tokens for x in lines):,}"),
        ("out", f"{sum(x.output_tokens for x in lines):,}"),
        ("dollars", dollars(sum(x.paid_pico for x in lines))),
        ("list price", dollars(sum(x.list_pico for x in lines))),
    ):
        table.add_column(head, footer=total, justify="right", no_wrap=True)
    for line in lines:
        table.add_row(*_cells(line))
    return table


def _cells(line: BillLine) -> tuple[str, ...]:
    state = "" if line.status == "settled" else f" ({line.status})"
    return (
        str(line.tier),
        bare(line.model),
        f"{line.purpose}{state}",
        str(line.calls),
        f"{line.input_tokens:,}",
        f"{line.output_tokens:,}",
        dollars(line.paid_pico),
        dollars(line.list_pico),
    )


def _money(report: Report) -> list[tuple[str, str]]:
    paid, listed, top = (
        sum(getattr(x, f"{basis}_pico") for x in report.bill) for basis in ("paid", "list", "top")
    )
    model = bare(report.row.config["tiers"][-1]["model"])
    saved = f"; saved {dollars(top - paid)} ({(top - paid) / top:.0%})" if top > paid else ""
    return [
        ("both bills", f"{dollars(paid)} with free tiers at 0, {dollars(listed)} at list prices"),
        ("top tier", f"{dollars(top)} for the same tokens at the top tier ({model}){saved}"),
    ]


def _escalations(report: Report) -> list[tuple[str, str]]:
    found = [
        ("", f"step {e.step}: {e.reason}: {one_line(e.detail)}"[:300]) for e in report.escalations
    ]
    found = found or [("", "none")]
    used = f"{report.row.lifelines_used} of {report.row.lifelines} used"
    return [("escalations", found[0][1]), *found[1:], ("lifelines", used)]


def _files(report: Report, runs_dir: Path) -> list[tuple[str, str]]:
    run = report.row.id
    return [
        ("files", str(runs_dir / run / "workspace")),
        ("see also", f"budgetml show {run} (--diff K for what step K changed)"),
        ("", f"budgetml tape export {run} (play it again for nothing)"),
    ]
