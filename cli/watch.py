"""`budgetml watch`: follow a run that another process works on."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import typer

from cli.console import console
from cli.edge import INTERRUPTED
from cli.follow import follow
from cli.home import settings
from cli.narrate import Narrator
from cli.opened import find_run, opened_store
from cli.opening import opening
from cli.options import WatchArgs
from cli.reporting import print_report
from cli.screen import Screen
from core.config import RunConfig
from graph.report import build_report
from store.database import Store
from store.runrows import RunRow

DEAD_AFTER = timedelta(seconds=30)


def main(args: WatchArgs) -> None:
    """Print what `run` prints, until the run has ended or nobody works on it any more."""
    with opened_store() as store:
        row = find_run(store, args.run)
        shown = console()
        opening(shown, row)
        with Screen(shown, Narrator(RunConfig.model_validate(row.config), shown.width)) as screen:
            asyncio.run(_watch(store, row.id, screen))
        row = store.runs.get(row.id)
        if row.finished is None:
            shown.print(f"\nNobody works on run {row.id}; go on with:\n  budgetml resume {row.id}")
            raise typer.Exit(INTERRUPTED)
        print_report(shown, build_report(store, row.id), settings().runs_dir)


async def _watch(store: Store, run_id: str, screen: Screen) -> None:
    async def over() -> bool:
        return abandoned(await asyncio.to_thread(store.runs.get, run_id), datetime.now(UTC))

    await follow(store, run_id, screen, over=over)


def abandoned(row: RunRow, now: datetime) -> bool:
    """Whether nobody works on a run: it ended, was interrupted, or its owner shows no life."""
    if row.status in {"queued", "waiting"}:
        return False
    if row.owner is None or row.heartbeat is None:
        return True
    seen = datetime.fromisoformat(row.heartbeat)
    return now - seen > DEAD_AFTER
