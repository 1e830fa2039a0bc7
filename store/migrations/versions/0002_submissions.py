"""Which runs were handed to the service, by whom, and under which idempotency key."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    run = sa.ForeignKey("runs.id", ondelete="CASCADE")
    op.create_table(
        "submissions",
        sa.Column("run_id", sa.Text, run, primary_key=True, nullable=False),
        sa.Column("principal", sa.Text, nullable=False),
        sa.Column("idempotency_key", sa.Text),
        sa.Column("body_hash", sa.Text),
        sa.Column("created", sa.Text, nullable=False),
        sa.UniqueConstraint("principal", "idempotency_key", name="submissions_key"),
    )
