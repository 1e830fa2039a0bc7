"""How every measurement reports: a table for people, one JSON object for machines, an exit code."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table


def table(head: Sequence[str], rows: Sequence[Sequence[object]], title: str = "") -> None:
    """Print a table on stdout."""
    shown = Table(*head, title=title or None, title_justify="left")
    for row in rows:
        shown.add_row(*(str(cell) for cell in row))
    Console(width=120 if not sys.stdout.isatty() else None).print(shown)


def finish(figures: dict[str, Any], bounds: dict[str, bool], *, as_json: bool) -> None:
    """Say which bounds hold; with `as_json` the last line is one object; exit 1 when one does not.

    Raises:
        SystemExit: with 1 when a bound does not hold.
    """
    for text, holds in bounds.items():
        sys.stdout.write(f"{'holds ' if holds else 'FAILS '} {text}\n")
    ok = all(bounds.values())
    if as_json:
        sys.stdout.write(json.dumps({"ok": ok, **figures}) + "\n")
    if not ok:
        raise SystemExit(1)
