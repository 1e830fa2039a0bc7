"""The first schema: runs, events, calls and steps."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the tables."""
    _runs()
    _events()
    _calls()
    _steps()


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.Text, primary_key=True),
        *_columns(sa.Text, "task_id preset status created"),
        *_columns(sa.Text, "task_dir owner heartbeat started finished", nullable=True),
        *_columns(sa.Text, "parent_run end_reason error", nullable=True),
        *_numbers("epoch priority last_seq seed call_count step_count lifelines lifelines_used"),
        *_numbers("cap_pico spent_pico reserved_pico paid_pico list_pico top_pico"),
        sa.Column("parent_step", sa.Integer),
        *_columns(sa.JSON, "config labels"),
        sa.Column("result", sa.JSON),
        sa.CheckConstraint("spent_pico >= 0 AND reserved_pico >= 0", name="runs_money"),
        sa.CheckConstraint("lifelines_used BETWEEN 0 AND lifelines", name="runs_lifelines"),
    )
    op.create_index("runs_newest", "runs", ["created", "id"])
    op.create_index("runs_by_status", "runs", ["status", "created"])


def _events() -> None:
    op.create_table(
        "events",
        _run_id(),
        sa.Column("seq", sa.BigInteger, nullable=False),
        *_columns(sa.Text, "ts type node"),
        *_columns(sa.Integer, "step attempt ordinal"),
        sa.Column("tier", sa.Integer),
        sa.Column("data", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "seq"),
        sa.UniqueConstraint("run_id", "step", "attempt", "ordinal", name="events_key"),
    )


def _calls() -> None:
    key = ("run_id", "step", "tier", "try_no", "purpose", "ordinal", "attempt")
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "calls",
        sa.Column("id", number, primary_key=True),
        _run_id(),
        *_columns(sa.Integer, "step tier try_no ordinal attempt"),
        *_columns(sa.Text, "purpose model status created request_hash price_book"),
        *_columns(sa.Text, "settled_at outcome finish", nullable=True),
        *_columns(sa.Boolean, "lifeline simulated"),
        *_numbers("worst_pico cost_pico paid_pico list_pico top_pico"),
        *_numbers("input_tokens output_tokens cache_read_tokens cache_write_tokens"),
        *_numbers("reasoning_tokens"),
        sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
        sa.Column("prices", sa.JSON, nullable=False),
        *_columns(sa.Text, "detail reply", nullable=True),
        sa.UniqueConstraint(*key, name="calls_key"),
    )


def _steps() -> None:
    op.create_table(
        "steps",
        _run_id(),
        *_columns(sa.Integer, "step attempt tier"),
        *_columns(sa.Text, "status model action acted_at"),
        *_columns(sa.JSON, "action_input entries reply_flags"),
        *_columns(sa.Boolean, "failed executed final"),
        sa.Column("counted", sa.Boolean),
        sa.Column("seconds", sa.Float, nullable=False),
        *_columns(sa.Text, "artifact snapshot finished_at log_summary shown", nullable=True),
        sa.Column("observation", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("run_id", "step"),
    )


def _columns(
    kind: type[sa.types.TypeEngine[Any]], names: str, *, nullable: bool = False
) -> list[sa.Column[Any]]:
    return [sa.Column(name, kind, nullable=nullable) for name in names.split()]


def _numbers(names: str) -> list[sa.Column[int]]:
    return [
        sa.Column(name, sa.BigInteger, nullable=False, server_default="0") for name in names.split()
    ]


def _run_id() -> sa.Column[str]:
    target = sa.ForeignKey("runs.id", ondelete="CASCADE")
    return sa.Column("run_id", sa.Text, target, nullable=False)
