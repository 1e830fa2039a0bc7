"""Runs a stored run in this process with live progress, and ends the command as the run ended."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from cli.console import console, print_json
from cli.edge import FAILED, INTERRUPTED
from cli.follow import follow, replay_silently
from cli.narrate import Narrator
from cli.opening import opening
from cli.reporting import print_report
from cli.screen import Screen
from core.config import RunConfig
from graph.owner import new_owner
from graph.report import build_report
from graph.runner import run_agent
from graph.services import Services
from store.runrows import RunRow

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def drive(services: Services, row: RunRow, *, json: bool) -> None:
    """Start or go on with a run, follow it to its end, and print its report.

    Raises:
        typer.Exit: 130 when it was interrupted and can be resumed, 3 when it failed.
        BudgetMLError: it cannot go on for now.
    """
    shown = console(aside=json)
    opening(shown, row)
    narrator = Narrator(RunConfig.model_validate(row.config), shown.width)
    screen = Screen(shown, narrator)
    after = replay_silently(services.store, row.id, screen)
    with screen:
        finished = asyncio.run(_run(services, row.id, screen, after))
    report = build_report(services.store, row.id)
    if finished is None:
        shown.print(f"\nRun {row.id} was interrupted; go on with:\n  budgetml resume {row.id}")
        if json:
            print_json(report.summary())
        raise typer.Exit(INTERRUPTED)
    if json:
        print_json(report.summary())
    else:
        print_report(shown, report, services.settings.runs_dir)
    if finished.status in {"failed", "cancelled"}:
        raise typer.Exit(FAILED)


async def _run(services: Services, run_id: str, screen: Screen, after: int) -> RunRow | None:
    """The run's row when it has ended, None when a signal stopped it."""
    work = asyncio.create_task(run_agent(services, run_id, new_owner(), screen.note))

    async def over() -> bool:
        return work.done()

    with _stopping(work):
        await follow(services.store, run_id, screen, after=after, over=over)
        await asyncio.wait([work])
    if work.cancelled():
        return None
    error = work.exception()
    if error is not None:
        error.add_note(f"Run {run_id} is kept; see `budgetml show {run_id}`.")
        raise error
    return work.result()


@contextmanager
def _stopping(work: asyncio.Task[RunRow]) -> Iterator[None]:
    """The first signal stops the run where it can be resumed; a second one ends the process."""
    loop = asyncio.get_running_loop()

    def stop(number: int) -> None:
        loop.remove_signal_handler(number)
        work.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
