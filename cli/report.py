"""`budgetml report`: the final report of a run, at any time."""

from __future__ import annotations

from cli.console import console, print_json
from cli.home import settings
from cli.opened import find_run, opened_store
from cli.options import ReportArgs
from cli.reporting import print_report
from graph.report import build_report


def main(args: ReportArgs) -> None:
    """Print it, or its summary as JSON."""
    with opened_store() as store:
        report = build_report(store, find_run(store, args.run).id)
    if args.json:
        print_json(report.summary())
    else:
        print_report(console(), report, settings().runs_dir)
