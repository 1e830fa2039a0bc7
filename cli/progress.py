"""Which lines of a long preparation are worth keeping on the screen."""

from __future__ import annotations

import re
from collections.abc import Callable

from rich.console import Console
from rich.status import Status
from rich.text import Text

from cli.text import clip, one_line

Progress = Callable[[str], None]
_INSTALLER = re.compile(
    r"Collecting|Downloading|Processing|Using cached|Requirement|Looking in|Installing collected"
    r"|Successfully|Preparing metadata|Saved|WARNING: |\[notice\]|━|\d+(\.\d+)?/\d"
)


def is_detail(line: str) -> bool:
    """Whether a package installer says it, of whose many lines only the present one matters."""
    return _INSTALLER.match(line.strip()) is not None


def narrated(console: Console, status: Status) -> Progress:
    """A progress function: our own lines stay, an installer's are shown one at a time."""

    def show(line: str) -> None:
        if is_detail(line):
            status.update(Text(clip(line, console.width - 4), "dim"))
        else:
            console.print(Text(one_line(line)), soft_wrap=True)

    return show
