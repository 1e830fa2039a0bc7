"""Making, finding and deleting runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields

from sqlalchemy import Connection, and_, bindparam, delete, insert, or_, select, tuple_

from core.errors import BadRequest, UnknownName
from core.events import Event
from store.claims import Claims, unknown_run
from store.eventrows import insert_events, stamp_run_level
from store.figures import keep_figures
from store.limits import keep_spent
from store.runrows import NewRun, RunRow
from store.tables import runs
from store.transactions import ago, now

_GET = select(runs).where(runs.c.id == bindparam("b_run"))
_INSERT = insert(runs)
_NEWEST = (runs.c.created.desc(), runs.c.id.desc())
_SHORTEST_PREFIX = 4


class Runs(Claims):
    """Everything about rows of `runs`."""

    def create(self, new: NewRun) -> RunRow:
        """Queue a run and log `run.created`; raises BadRequest when the id is taken."""
        with self._transactions.writing() as connection:
            return insert_run(connection, new)

    def get(self, run_id: str) -> RunRow:
        """The run with this id; raises UnknownName."""
        with self._transactions.reading() as connection:
            row = connection.execute(_GET, {"b_run": run_id}).one_or_none()
        if row is None:
            raise unknown_run(run_id)
        return RunRow(**row._mapping)

    def find(self, prefix: str) -> RunRow:
        """The run with this id, or the only one whose id starts so (4 characters at least).

        Raises UnknownName.
        """
        like = runs.c.id.startswith(prefix, autoescape=True)
        match = like if len(prefix) >= _SHORTEST_PREFIX else runs.c.id == prefix
        with self._transactions.reading() as connection:
            rows = connection.execute(select(runs).where(match).order_by(runs.c.id).limit(4)).all()
        exact = [row for row in rows if row.id == prefix] or rows
        if not exact:
            raise unknown_run(prefix)
        if len(exact) > 1:
            some = ", ".join(row.id for row in exact[:3])
            raise UnknownName(f"{prefix!r} could be {some} …; give more of the id.")
        return RunRow(**exact[0]._mapping)

    def list(
        self,
        *,
        status: str | None = None,
        task_id: str | None = None,
        labels: Mapping[str, str] | None = None,
        limit: int = 50,
        before: str | None = None,
    ) -> list[RunRow]:
        """Newest first; `before` is the id of the last run of the page before this one."""
        wanted = select(runs)
        if status is not None:
            wanted = wanted.where(runs.c.status == status)
        if task_id is not None:
            wanted = wanted.where(runs.c.task_id == task_id)
        for key, value in (labels or {}).items():
            wanted = wanted.where(runs.c.labels[key].as_string() == value)
        if before is not None:
            last = self.get(before)
            older = tuple_(runs.c.created, runs.c.id) < tuple_(last.created, last.id)
            wanted = wanted.where(older)
        with self._transactions.reading() as connection:
            rows = connection.execute(wanted.order_by(*_NEWEST).limit(limit))
            return [RunRow(**row._mapping) for row in rows]

    def delete(self, run_id: str, *, stale_after_s: float = 30.0) -> None:
        """Remove a run with its events, calls and steps.

        Checkpoints are the saver's (`adelete_thread`), files the workspace's. Raises UnknownName,
        or BadRequest while a live owner works on it.
        """
        free = or_(runs.c.owner.is_(None), runs.c.heartbeat < ago(stale_after_s))
        with self._transactions.writing() as connection:
            keep_figures(connection, run_id)
            keep_spent(connection, run_id)
            gone = connection.execute(delete(runs).where(and_(runs.c.id == run_id, free)))
            if gone.rowcount:
                return
            if connection.execute(_GET, {"b_run": run_id}).one_or_none() is None:
                raise unknown_run(run_id)
            raise BadRequest(
                f"Run {run_id} is still going on; `budgetml cancel {run_id}` it before deleting."
            )


def insert_run(connection: Connection, new: NewRun) -> RunRow:
    """Queue a run and log `run.created`; raises BadRequest when the id is taken."""
    row = {f.name: getattr(new, f.name) for f in fields(new)}
    row |= {"status": "queued", "created": now(), "last_seq": 1}
    event = Event("run.created", data={"task_id": new.task_id, "preset": new.preset})
    if connection.execute(_GET, {"b_run": new.id}).one_or_none() is not None:
        raise BadRequest(f"There is a run {new.id!r} already; choose another id.")
    connection.execute(_INSERT, row)
    insert_events(connection, new.id, 1, [stamp_run_level(connection, new.id, 0, event)])
    return RunRow(**connection.execute(_GET, {"b_run": new.id}).one()._mapping)
