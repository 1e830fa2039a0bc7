"""Where a command writes: answers on stdout, or everything but the JSON on stderr."""

from __future__ import annotations

import json
import os
import sys
from typing import Any

from rich.console import Console

PLAIN_WIDTH = 100


def console(*, aside: bool = False) -> Console:
    """A console for people; `aside` keeps stdout free for JSON.

    A pipe or file gets lines of 100 columns (or $COLUMNS), whatever the terminal is.
    """
    stream = sys.stderr if aside else sys.stdout
    width = None
    if not stream.isatty():
        columns = os.environ.get("COLUMNS", "")
        width = int(columns) if columns.isdigit() and int(columns) else PLAIN_WIDTH
    return Console(stderr=aside, width=width, markup=False, highlight=False, emoji=False)


def print_json(value: Any) -> None:
    """One JSON value, and nothing else, on stdout."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, default=str) + "\n")
    sys.stdout.flush()
