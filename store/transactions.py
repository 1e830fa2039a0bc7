"""Short transactions: any number of readers, one writer at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, Engine


class Transactions:
    """What the query classes share; safe to use from any thread."""

    def __init__(self, engine: Engine) -> None:
        self._readers = engine
        self._writers = engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")
        # SQLite's own waiting sleeps and is unfair; in one process a lock queues writers better.
        self._turn = threading.Lock()
        self.listeners: tuple[Callable[[], None], ...] = ()
        """Called by the writing thread after each commit; must be quick and not raise."""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view of the database."""
        with self._readers.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Committed as a whole, or not at all when the block raises."""
        with self._turn, self._writers.begin() as connection:
            yield connection
        for tell in self.listeners:
            tell()


def now() -> str:
    """UTC in ISO 8601 with microseconds, always of the same width, so that text order is time."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def ago(seconds: float) -> str:
    """The time that many seconds before now."""
    then = datetime.now(UTC) - timedelta(seconds=seconds)
    return then.isoformat(timespec="microseconds")
