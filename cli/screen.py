"""The terminal during a run: lines that stay, and on a terminal a status that does not."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.spinner import Spinner
from rich.text import Text

from cli.layout import Layout
from cli.narrate import Narrator
from cli.progress import is_detail
from cli.text import dollars, duration
from core.events import LoggedEvent


class Screen:
    """Prints what a narrator tells; below it, on a terminal, what goes on right now."""

    def __init__(self, console: Console, narrator: Narrator) -> None:
        self._console = console
        self._narrator = narrator
        self._began = time.monotonic()
        self._spinner = Spinner("dots", style="cyan")
        self._live = Live(
            get_renderable=self._status,
            console=console,
            transient=True,
            refresh_per_second=8,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def show(self, event: LoggedEvent) -> None:
        """Print an event's lines; a script's output stays in the status on a terminal."""
        lines = self._narrator.tell(event)
        if "text" in event.data and self._console.is_terminal:
            return
        for line in lines:
            self._console.print(line, soft_wrap=True)

    def absorb(self, event: LoggedEvent) -> None:
        """Take note of an event without printing it."""
        self._narrator.tell(event)
        self._narrator.headed = False

    def note(self, text: str) -> None:
        """A line about preparations, such as building the interpreter of scripts."""
        self._narrator.standing.start("preparing")
        if is_detail(text):
            self._narrator.standing.said([text])
            return
        self._console.print(Layout(self._console.width).note("·", text, "dim"), soft_wrap=True)

    def _status(self) -> Group:
        standing, now = self._narrator.standing, time.monotonic()
        step = f"step {standing.step} · " if standing.step else ""
        self._spinner.update(
            text=Text(
                f"{step}{standing.doing} {duration(now - standing.since)}  "
                f"(run {duration(now - self._began)}, {dollars(standing.spent_pico)})",
                style="dim",
            )
        )
        layout = Layout(self._console.width)
        return Group(*(layout.output(line) for line in standing.tail), self._spinner)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._live.stop()
