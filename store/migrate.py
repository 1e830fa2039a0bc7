"""Brings an older or empty database to the schema this version uses."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from core.errors import ConfigurationError

HEAD = "0003"
"""The newest file in migrations/versions; a test compares the two."""


def to_head(engine: Engine) -> None:
    """Migrate if the recorded version is not HEAD; all of it in one transaction, or nothing.

    Alembic takes long to import, so a database that is up to date never needs it.
    """
    with engine.connect() as connection:
        if _version(connection) == HEAD:
            return
    with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
        _upgrade(connection)


def _version(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: Connection) -> None:
    from alembic import command  # noqa: PLC0415 - only when there is something to migrate
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, HEAD)
    except CommandError as error:
        raise ConfigurationError(
            f"The database has a schema this version does not know ({error}); update the program, "
            "or set BUDGETML_HOME to another folder."
        ) from error
