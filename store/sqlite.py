"""The one place that knows SQLite: its PRAGMAs, its locking and its errors."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from core.errors import StorageFull

PRAGMAS = (
    "PRAGMA busy_timeout=10000",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=NORMAL",
    "PRAGMA foreign_keys=ON",
)
"""Run on every connection; waiting comes first, because switching to WAL may have to wait."""

_PRIMARY = 0xFF
_NO_ROOM = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_READONLY: "it is read-only",
    sqlite3.SQLITE_IOERR: "reading or writing it failed",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened or created",
    sqlite3.SQLITE_BUSY: "another process has kept it locked",
}


def engine_for(database: Path) -> Engine:
    """An engine whose transactions take the write lock at once when asked to by an option.

    `engine.execution_options(sqlite_begin="BEGIN IMMEDIATE")` gives the writing kind: a deferred
    transaction that reads first and writes later fails without waiting when another one wrote.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(database)),
        connect_args={"isolation_level": None},  # the driver must not begin on its own
        pool_size=8,
        max_overflow=24,
    )
    event.listen(engine, "connect", _configure)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "handle_error", _translate)
    return engine


def storage_error(error: BaseException | None) -> StorageFull | None:
    """The error a person can act on, or None when this is not about the disk."""
    code = getattr(error, "sqlite_errorcode", None)
    why = _NO_ROOM.get(code & _PRIMARY) if isinstance(code, int) else None
    if why is None:
        return None
    return StorageFull(
        f"The database took no more ({why}: {error}). Free space, make its folder writable "
        "(BUDGETML_HOME moves it) or stop what locks it, then resume the run; nothing already "
        "stored is lost."
    )


def _configure(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for pragma in PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    how = connection.get_execution_options().get("sqlite_begin", "BEGIN")
    try:
        connection.connection.cursor().execute(how)  # a statement of SQLAlchemy's costs more
    except sqlite3.Error as error:
        full = storage_error(error)
        if full is None:
            raise
        raise full from error


def _translate(context: ExceptionContext) -> None:
    full = storage_error(context.original_exception)
    if full is not None:
        raise full from context.original_exception
