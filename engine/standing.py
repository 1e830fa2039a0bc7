"""Tells whether anybody still works on an unfinished run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Protocol

from graph.owner import is_gone

DEAD_AFTER = timedelta(seconds=30)


class Owned(Protocol):
    """A run's row, or what is known of it."""

    @property
    def owner(self) -> str | None:
        """The process that works on it."""
        ...

    @property
    def heartbeat(self) -> str | None:
        """When that process last showed life."""
        ...


def is_abandoned(row: Owned) -> bool:
    """Nobody owns it, or its owner has ended or shown no life for half a minute."""
    if row.owner is None or row.heartbeat is None:
        return True
    seen = datetime.fromisoformat(row.heartbeat)
    return is_gone(row.owner) or datetime.now(UTC) - seen > DEAD_AFTER
