"""`budgetml fork`: a new run from the state another one had after a step."""

from __future__ import annotations

import asyncio

from cli.choices import changed, run_options
from cli.console import console
from cli.drive import drive
from cli.home import settings
from cli.opened import find_run
from cli.options import ForkArgs
from graph.fork import fork_run
from graph.services import Services


def main(args: ForkArgs) -> None:
    """Fork with the source's configuration or a changed one, and drive the new run to its end."""
    services = Services.open(settings())
    try:
        source = find_run(services.store, args.run)
        options = run_options(args, source.preset) if changed(args) else None
        row = asyncio.run(fork_run(services, source.id, args.step, options))
        text = f"forked from run {source.id} after step {args.step}"
        console(aside=args.json).print(text, style="dim")
        drive(services, row, json=args.json)
    finally:
        services.close()
