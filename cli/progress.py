"""Which lines of a long preparation are worth keeping on the screen."""

from __future__ import annotations

import re
from collections.abc import Callable

from rich.console import Console
from rich.status import Status

from cli.text import clip, one_line

_INSTALLER = re.compile(
    r"(Collecting|Downloading|Using cached|Requirement|Looking in|Installing collected"
    r"|Successfully|Preparing metadata|Saved|\[notice\]|━|\d+(\.\d+)?/\d)"
)


def is_detail(line: str) -> bool:
    """Whether a package installer says it, of whose many lines only the present one matters."""
    return bool(_INSTALLER.match(line.strip()))


def narrated(console: Console, status: Status) -> Callable[[str], None]:
    """A progress function: our own lines stay, an installer's are shown one at a time."""

    def show(line: str) -> None:
        if is_detail(line):
            status.update(clip(line, console.width - 4))
        else:
            console.print(one_line(line), markup=False, soft_wrap=True)

    return show
