"""Tokens of the service, what deleted runs leave behind, and indexes for what is counted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the tables and indexes."""
    _tokens()
    _remains()
    counted = sa.text("type = 'escalation' OR type = 'step.finished'")
    op.create_index(
        "events_counted", "events", ["type"], sqlite_where=counted, postgresql_where=counted
    )
    closed = sa.text("status != 'reserved'")
    op.create_index(
        *("calls_counted", "calls", ["simulated", "status", "outcome", "paid_pico"]),
        sqlite_where=closed,
        postgresql_where=closed,
    )


def _tokens() -> None:
    op.create_table(
        "tokens",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("created", sa.Text, nullable=False),
        sa.Column("expires", sa.Text),
        sa.Column("revoked", sa.Text),
        sa.Column("last_used", sa.Text),
        sa.Column("runs_at_once", sa.Integer),
        sa.Column("day_pico", sa.BigInteger),
    )
    living = sa.text("revoked IS NULL")
    op.create_index(
        *("tokens_by_name", "tokens", ["name"]),
        unique=True,
        sqlite_where=living,
        postgresql_where=living,
    )


def _remains() -> None:
    op.create_table(
        "remains",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
        sa.Column("metric", sa.Text, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.Column("value", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("at", sa.Text, nullable=False),
    )
