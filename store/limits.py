"""What a token's runs may take at once and in a day, checked where a run is handed in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, bindparam, case, func, insert, literal, select

from core.errors import LimitReached
from core.money import usd_text
from store.tables import remains, runs, submissions, tokens
from store.transactions import ago, now

SPENT = "spent"
"""The metric under which the dollars of deleted runs are kept."""
DAY = timedelta(days=1)
_SHORT_WAIT_S = 60

_LIMITS = select(tokens.c.runs_at_once, tokens.c.day_pico).where(
    tokens.c.name == bindparam("b_name"), tokens.c.revoked.is_(None)
)
_CAP = select(runs.c.cap_pico).where(runs.c.id == bindparam("b_run"))
_SO_FAR = runs.c.spent_pico + runs.c.reserved_pico
_COMMITTED = case(
    (runs.c.finished.is_not(None), runs.c.spent_pico),
    (runs.c.cap_pico < _SO_FAR, _SO_FAR),
    else_=runs.c.cap_pico,
)
_OTHERS = (
    select(
        func.count(case((runs.c.finished.is_(None), 1))).label("unfinished"),
        func.coalesce(func.sum(_COMMITTED), 0).label("committed"),
        func.min(runs.c.finished).label("oldest"),
    )
    .join(submissions, submissions.c.run_id == runs.c.id)
    .where(
        submissions.c.principal == bindparam("b_name"),
        runs.c.id != bindparam("b_run"),
        runs.c.finished.is_(None) | (runs.c.finished >= bindparam("b_since")),
    )
)
_DELETED = select(func.coalesce(func.sum(remains.c.value), 0)).where(
    remains.c.metric == SPENT,
    remains.c.label == bindparam("b_name"),
    remains.c.at >= bindparam("b_since"),
)
_KEEP = insert(remains).from_select(
    ["metric", "label", "value", "at"],
    select(
        literal(SPENT),
        submissions.c.principal,
        _SO_FAR,
        func.coalesce(runs.c.finished, bindparam("b_now")),
    )
    .join(submissions, submissions.c.run_id == runs.c.id)
    .where(runs.c.id == bindparam("b_run")),
)


def check_run(connection: Connection, principal: str, run_id: str) -> None:
    """Refuse a run just handed in, if it is one too many; the caller's transaction undoes it."""
    cap = connection.execute(_CAP, {"b_run": run_id}).scalar_one()
    check_limits(connection, principal, cap, run_id)


def check_limits(connection: Connection, principal: str, cap: int, run_id: str = "") -> None:
    """Refuse one more run of that cap (pico-dollars) if it takes its token past a limit.

    A finished run counts with what it cost, for 24 hours; an unfinished one with its whole cap.
    So no 24 hours cost more than the limit, whatever the runs do. Raises LimitReached.
    """
    bound = {"b_name": principal, "b_run": run_id, "b_since": ago(DAY.total_seconds())}
    limits = connection.execute(_LIMITS, bound).one_or_none()
    if limits is None:
        return
    others = connection.execute(_OTHERS, bound).one()
    if limits.runs_at_once is not None and others.unfinished >= limits.runs_at_once:
        raise LimitReached(
            f"Token {principal!r} may have {limits.runs_at_once} unfinished runs and has "
            f"{others.unfinished}; wait until one ends, or cancel one.",
            retry_after_s=_SHORT_WAIT_S,
        )
    if limits.day_pico is not None:
        taken = others.committed + connection.execute(_DELETED, bound).scalar_one()
        if taken + cap > limits.day_pico:
            raise _too_dear(principal, limits.day_pico, taken=taken, cap=cap, oldest=others.oldest)


def keep_spent(connection: Connection, run_id: str) -> None:
    """Remember what a run cost its token, before the run is deleted."""
    connection.execute(_KEEP, {"b_run": run_id, "b_now": now()})


def _too_dear(
    principal: str, day_pico: int, *, taken: int, cap: int, oldest: str | None
) -> LimitReached:
    wait = _SHORT_WAIT_S
    if oldest is not None:
        left = datetime.fromisoformat(oldest) + DAY - datetime.now(UTC)
        wait = max(wait, int(left.total_seconds()) + 1)
    return LimitReached(
        f"Token {principal!r} may spend ${usd_text(day_pico)} in 24 hours; "
        f"${usd_text(taken)} is spent, or set aside by unfinished runs, and this run asks for "
        f"${usd_text(cap)}. Lower its budget, or wait.",
        retry_after_s=wait,
    )
