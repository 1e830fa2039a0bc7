"""Which run the current thread or task works on, for whoever writes a log line there."""

from __future__ import annotations

from contextvars import ContextVar

RUN_ID: ContextVar[str | None] = ContextVar("run_id", default=None)
"""Set once by each run's thread and for each request about a run."""
