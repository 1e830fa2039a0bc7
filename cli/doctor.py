"""`budgetml doctor`: what works here and what is missing."""

from __future__ import annotations

from dataclasses import asdict

import typer
from rich.table import Table
from rich.text import Text

from cli.checkup import Finding, checkup
from cli.console import console, print_json
from cli.edge import FAILED
from cli.home import settings
from cli.options import DoctorArgs

_MARKS = {"ok": ("✓", "green"), "note": ("·", "yellow"), "bad": ("✗", "red")}


def main(args: DoctorArgs) -> None:
    """Check everything without calling a model; exit code 3 when nothing could run here."""
    findings = checkup(settings())
    broken = any(f.state == "bad" for f in findings)
    if args.json:
        print_json({"ok": not broken, "findings": [asdict(f) for f in findings]})
    else:
        console().print(_table(findings))
    if broken:
        raise typer.Exit(FAILED)


def _table(findings: list[Finding]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(Text(*_MARKS[finding.state]), finding.what, Text(finding.text))
    return table
