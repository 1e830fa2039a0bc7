"""`budgetml resume`: go on with an interrupted run."""

from __future__ import annotations

from cli.console import console, print_json
from cli.drive import drive
from cli.home import settings
from cli.opened import find_run
from cli.options import ResumeArgs
from graph.report import build_report
from graph.services import Services


def main(args: ResumeArgs) -> None:
    """Drive it to its end; a run that has ended is only reported."""
    services = Services.open(settings())
    try:
        row = find_run(services.store, args.run)
        if row.finished is None:
            drive(services, row, json=args.json)
            return
        text = f"Run {row.id} has ended ({row.status}); `budgetml report {row.id}` shows it."
        console(aside=args.json).print(text)
        if args.json:
            print_json(build_report(services.store, row.id).summary())
    finally:
        services.close()
