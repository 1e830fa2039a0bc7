"""The tables of the database, as portable SQLAlchemy metadata."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator


class Prose(TypeDecorator[str]):
    """Text from models and programs; a lone surrogate, which no encoding takes, is written out."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """The text as valid UTF-8."""
        return None if value is None else value.encode("utf-8", "backslashreplace").decode()


metadata = MetaData()


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False)


def _number(name: str) -> Column[int]:
    return Column(name, BigInteger, nullable=False, server_default="0")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False)


def _json(name: str) -> Column[Any]:
    return Column(name, JSON, nullable=False)


def _where(condition: str) -> dict[str, Any]:
    """Makes an index a partial one."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


def _of_run(*, primary_key: bool = False) -> Column[str]:
    target = ForeignKey("runs.id", ondelete="CASCADE")
    return Column("run_id", Text, target, nullable=False, primary_key=primary_key)


runs = Table(
    "runs",
    metadata,
    Column("id", Text, primary_key=True),
    _text("task_id"),
    Column("task_dir", Text),
    _text("preset"),
    _text("status"),
    _number("epoch"),
    Column("owner", Text),
    Column("heartbeat", Text),
    _number("priority"),
    _number("last_seq"),
    _number("cap_pico"),
    _number("spent_pico"),
    _number("reserved_pico"),
    _number("paid_pico"),
    _number("list_pico"),
    _number("top_pico"),
    _number("lifelines"),
    _number("lifelines_used"),
    _number("call_count"),
    _number("step_count"),
    _number("seed"),
    _text("created"),
    Column("started", Text),
    Column("finished", Text),
    Column("parent_run", Text),
    Column("parent_step", Integer),
    Column("end_reason", Text),
    Column("error", Prose),
    _json("config"),
    _json("labels"),
    Column("result", JSON),
    CheckConstraint("spent_pico >= 0 AND reserved_pico >= 0", name="runs_money"),
    CheckConstraint("lifelines_used BETWEEN 0 AND lifelines", name="runs_lifelines"),
    Index("runs_newest", "created", "id"),
    Index("runs_by_status", "status", "created"),
)

events = Table(
    "events",
    metadata,
    _of_run(primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    _text("ts"),
    _text("type"),
    Column("step", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("ordinal", Integer, nullable=False),
    Column("tier", Integer),
    _text("node"),
    _json("data"),
    UniqueConstraint("run_id", "step", "attempt", "ordinal", name="events_key"),
)
Index(
    "events_counted",
    events.c.type,
    **_where("type = 'escalation' OR type = 'step.finished'"),
)

calls = Table(
    "calls",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _of_run(),
    Column("step", Integer, nullable=False),
    Column("tier", Integer, nullable=False),
    Column("try_no", Integer, nullable=False),
    _text("purpose"),
    Column("ordinal", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    _text("model"),
    _text("status"),
    _flag("lifeline"),
    _flag("simulated"),
    _number("worst_pico"),
    _number("cost_pico"),
    _number("paid_pico"),
    _number("list_pico"),
    _number("top_pico"),
    _number("input_tokens"),
    _number("output_tokens"),
    _number("cache_read_tokens"),
    _number("cache_write_tokens"),
    _number("reasoning_tokens"),
    Column("seconds", Float, nullable=False, server_default="0"),
    _text("created"),
    Column("settled_at", Text),
    Column("outcome", Text),
    Column("finish", Text),
    _text("request_hash"),
    _text("price_book"),
    _json("prices"),
    Column("detail", Prose),
    Column("reply", Prose),
    UniqueConstraint(
        *("run_id", "step", "tier", "try_no", "purpose", "ordinal", "attempt"), name="calls_key"
    ),
    Index(
        *("calls_counted", "simulated", "status", "outcome", "paid_pico"),
        **_where("status != 'reserved'"),
    ),
)

submissions = Table(
    "submissions",
    metadata,
    _of_run(primary_key=True),
    _text("principal"),
    Column("idempotency_key", Text),
    Column("body_hash", Text),
    _text("created"),
    UniqueConstraint("principal", "idempotency_key", name="submissions_key"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Text, primary_key=True),
    _text("name"),
    _text("hash"),
    _text("scope"),
    _text("created"),
    Column("expires", Text),
    Column("revoked", Text),
    Column("last_used", Text),
    Column("runs_at_once", Integer),
    Column("day_pico", BigInteger),
)
Index("tokens_by_name", tokens.c.name, unique=True, **_where("revoked IS NULL"))

remains = Table(
    "remains",
    metadata,
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    _text("metric"),
    _text("label"),
    _number("value"),
    _text("at"),
)
"""What deleted runs leave behind: their share of every total."""

steps = Table(
    "steps",
    metadata,
    _of_run(primary_key=True),
    Column("step", Integer, primary_key=True, autoincrement=False),
    Column("attempt", Integer, nullable=False),
    _text("status"),
    Column("tier", Integer, nullable=False),
    _text("model"),
    _text("action"),
    _json("action_input"),
    _json("entries"),
    _json("reply_flags"),
    _flag("failed"),
    _flag("executed"),
    _flag("final"),
    Column("counted", Boolean),
    Column("artifact", Text),
    Column("snapshot", Text),
    Column("seconds", Float, nullable=False),
    _text("acted_at"),
    Column("finished_at", Text),
    Column("log_summary", Prose),
    Column("shown", Prose),
    Column("observation", Prose, nullable=False),
)
