"""Who works on a run, and how that begins and ends: each change is one transaction."""

from __future__ import annotations

from typing import Any, Literal

from sqlalchemy import ColumnElement, Connection, bindparam, case, func, or_, select, update

from core.errors import UnknownName
from core.events import Event
from store.eventrows import insert_events, stamp_run_level
from store.fence import TERMINAL, Fence, attempt, fenced, fenced_error
from store.opencalls import close_open_calls
from store.runrows import Status
from store.tables import runs
from store.transactions import Transactions, ago, now

_ID = runs.c.id == bindparam("b_run")
_UNFINISHED = runs.c.finished.is_(None)
_UNOWNED: ColumnElement[bool] = or_(runs.c.owner.is_(None), runs.c.heartbeat < bindparam("b_stale"))
_ROOM = runs.c.last_seq + 1
_CLAIM = (
    update(runs)
    .where(
        _ID,
        _UNFINISHED,
        or_(_UNOWNED, runs.c.owner.in_((bindparam("b_owner"), bindparam("b_gone")))),
    )
    .values(
        epoch=runs.c.epoch + 1,
        status=case((runs.c.status == "cancelling", "cancelling"), else_="running"),
        owner=bindparam("b_owner"),
        heartbeat=bindparam("b_now"),
        started=func.coalesce(runs.c.started, bindparam("b_now")),
        last_seq=_ROOM,
    )
    .returning(runs.c.epoch, runs.c.last_seq)
)
_BEAT = (
    update(runs)
    .where(_ID, runs.c.epoch == bindparam("b_epoch"))
    .values(heartbeat=bindparam("b_now"))
    .returning(runs.c.status)
)
_CANCEL_NOW = (
    update(runs)
    .where(_ID, _UNFINISHED, _UNOWNED)
    .values(
        status="cancelled",
        end_reason="cancelled",
        owner=None,
        finished=bindparam("b_now"),
        last_seq=_ROOM,
    )
    .returning(runs.c.epoch, runs.c.last_seq)
)
_CANCEL_SOON = update(runs).where(_ID, _UNFINISHED).values(status="cancelling")
_RELEASE = fenced(
    update(runs).values(
        status=case((runs.c.status == "cancelling", "cancelling"), else_=bindparam("b_left")),
        owner=None,
    )
)
_END = ("status", "end_reason", "result", "error")
_FINISH = fenced(
    update(runs).values(
        **{name: bindparam(f"b_{name}", type_=runs.c[name].type) for name in _END},
        owner=None,
        finished=bindparam("b_now"),
    )
)
_STATE = select(runs.c.status, runs.c.epoch).where(_ID)


class Claims:
    """The life of a run between `queued` and its end; `Runs` adds making and finding them."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def claim(
        self, run_id: str, owner: str, *, stale_after_s: float = 30.0, gone: str | None = None
    ) -> Fence | None:
        """Take a run over from nobody, from ourselves, or from an owner without a heartbeat.

        `gone` names an owner known to be dead, whose heartbeat need not grow stale. None when the
        run has ended or another live owner holds it. Calls a dead owner left open are charged as
        lost (void if simulated). A cancel that was asked for stays asked for.
        Raises UnknownName.
        """
        bound = {"b_run": run_id, "b_owner": owner, "b_stale": ago(stale_after_s), "b_now": now()}
        bound["b_gone"] = gone or owner
        with self._transactions.writing() as connection:
            row = connection.execute(_CLAIM, bound).one_or_none()
            if row is None:
                _state(connection, run_id)
                return None
            closed = close_open_calls(connection, run_id)
            first = row.epoch == 1
            event = Event("run.started" if first else "run.resumed", data=closed._asdict())
            _log(connection, run_id, row.epoch, last_seq=row.last_seq, event=event)
        return Fence(run_id, row.epoch)

    def beat(self, fence: Fence) -> Status:
        """Show that the owner lives; `cancelling` tells it to stop. Raises Fenced."""
        bound = {"b_run": fence.run_id, "b_epoch": fence.epoch, "b_now": now()}
        with self._transactions.writing() as connection:
            status: Status | None = connection.execute(_BEAT, bound).scalar_one_or_none()
            if status is None:
                raise fenced_error(connection, fence)
        return status

    def request_cancel(self, run_id: str, *, stale_after_s: float = 30.0) -> Status:
        """Cancel at once what nobody works on; ask a live owner to stop; returns the status.

        A run that has ended stays as it is. Raises UnknownName.
        """
        bound = {"b_run": run_id, "b_stale": ago(stale_after_s), "b_now": now()}
        with self._transactions.writing() as connection:
            row = connection.execute(_CANCEL_NOW, bound).one_or_none()
            if row is None:
                connection.execute(_CANCEL_SOON, {"b_run": run_id})
            else:
                close_open_calls(connection, run_id)
                event = _finished("cancelled", "cancelled", None)
                _log(connection, run_id, row.epoch, last_seq=row.last_seq, event=event)
            return _state(connection, run_id)[0]

    def release(self, fence: Fence, *, reason: str, requeue: bool = False) -> None:
        """Leave an unfinished run resumable, as `interrupted`; a cancel asked for stays.

        `requeue` leaves it `queued` instead, for an engine to go on with by itself.

        Raises Fenced.
        """
        event = Event("interrupt", data={"reason": reason})
        with self._transactions.writing() as connection:
            stamped = stamp_run_level(connection, fence.run_id, fence.epoch, event)
            left = {"b_left": "queued" if requeue else "interrupted"}
            row = attempt(connection, fence, statement=_RELEASE, values=left, events=[stamped])
            if row is None:
                raise fenced_error(connection, fence)

    def finish(
        self,
        fence: Fence,
        *,
        status: Literal["succeeded", "failed", "cancelled"],
        end_reason: str,
        result: dict[str, Any],
        error: str | None = None,
    ) -> None:
        """End the run; `run.finished` becomes its last event.

        Calls still open are charged as lost. Ending it again with the same fence changes
        nothing. Raises Fenced.
        """
        values: dict[str, Any] = {"b_status": status, "b_end_reason": end_reason}
        values |= {"b_result": result, "b_error": error, "b_now": now()}
        event = _finished(status, end_reason, error)
        with self._transactions.writing() as connection:
            stamped = stamp_run_level(connection, fence.run_id, fence.epoch, event)
            row = attempt(connection, fence, statement=_FINISH, values=values, events=[stamped])
            if row is not None:
                close_open_calls(connection, fence.run_id)
            elif not _has_ended(connection, fence):
                raise fenced_error(connection, fence)


def _finished(status: Status, end_reason: str, error: str | None) -> Event:
    data = {"status": status, "end_reason": end_reason, "error": error}
    return Event("run.finished", data=data)


def _log(connection: Connection, run_id: str, epoch: int, *, last_seq: int, event: Event) -> None:
    stamped = stamp_run_level(connection, run_id, epoch, event)
    insert_events(connection, run_id, last_seq, [stamped])


def _state(connection: Connection, run_id: str) -> tuple[Status, int]:
    row = connection.execute(_STATE, {"b_run": run_id}).one_or_none()
    if row is None:
        raise unknown_run(run_id)
    return row.status, row.epoch


def _has_ended(connection: Connection, fence: Fence) -> bool:
    row = connection.execute(_STATE, {"b_run": fence.run_id}).one_or_none()
    return row is not None and row.epoch == fence.epoch and row.status in TERMINAL


def unknown_run(run_id: str) -> UnknownName:
    """The error for a run id nobody has."""
    return UnknownName(f"There is no run {run_id!r}; `budgetml runs` lists them.")
