"""Opens the database and hands out what can be asked of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from core.errors import StorageFull
from store.calls import Calls
from store.events import Events
from store.figures import Figures
from store.migrate import to_head
from store.queues import Queue
from store.runs import Runs
from store.sqlite import engine_for
from store.steps import Steps
from store.tokens import Tokens
from store.transactions import Transactions


class Store:
    """Runs, events, calls and steps; every method is one short transaction, in any thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._transactions = transactions = Transactions(engine)
        self.runs = Runs(transactions)
        self.events = Events(transactions)
        self.calls = Calls(transactions)
        self.steps = Steps(transactions)
        self.queue = Queue(transactions)
        self.tokens = Tokens(transactions)
        self.figures = Figures(transactions)

    @classmethod
    def open(cls, database: Path) -> Self:
        """Open the file, made and migrated when needed.

        Raises StorageFull when it cannot be written, ConfigurationError when a newer version of
        this program wrote it.
        """
        _make_folder(database.parent)
        engine = engine_for(database)
        to_head(engine)
        return cls(engine)

    @contextmanager
    def telling(self, listener: Callable[[], None]) -> Iterator[None]:
        """Call the listener, in the writing thread, after everything this process commits."""
        self._transactions.listeners += (listener,)
        try:
            yield
        finally:
            kept = (known for known in self._transactions.listeners if known is not listener)
            self._transactions.listeners = tuple(kept)

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageFull(
            f"The folder {folder} cannot be made ({error.strerror}); "
            "make it writable or set BUDGETML_HOME to another one."
        ) from error
