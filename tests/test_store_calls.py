"""The bill and the tape: what a call reserves, what it costs, and what a resumed run reuses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.calls import CallKey
from core.errors import Fenced, UnknownName
from core.events import Event
from core.money import Usage
from store.callrows import CallBill, CallRow, CallSpec, Denied, Granted, Refused, Totals
from store.database import Store
from store.eventlog import EventLog
from store.fence import Fence
from store.runrows import NewRun

KEY = CallKey(1, 0, 1, "plan")
USAGE = Usage(100, 20, cache_read_tokens=40, cache_write_tokens=5, reasoning_tokens=7)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "budgetml.db") as opened:
        yield opened


@pytest.fixture
def fence(store: Store) -> Fence:
    store.runs.create(NewRun("run-a", "t", "p", {}, cap_pico=100, lifelines=2))
    fence = store.runs.claim("run-a", "me")
    assert fence is not None
    return fence


def spec(worst: int = 30, *, key: CallKey = KEY, **changes: Any) -> CallSpec:
    fields: dict[str, Any] = {"model": "m", "lifeline": False, "simulated": False}
    fields |= {"prices": {"input": "0.1"}}
    return CallSpec(key, worst_pico=worst, request_hash="h", price_book="b", **fields | changes)


def bill(cost: int = 12, **changes: Any) -> CallBill:
    fields: dict[str, Any] = {"status": "settled", "outcome": "ok", "usage": USAGE, "reply": "yes"}
    amounts = {"cost_pico": cost, "paid_pico": cost, "list_pico": 2 * cost, "top_pico": 9 * cost}
    return CallBill(seconds=1.5, **fields | amounts | changes)


def granted(answer: Granted | Denied) -> Granted:
    assert isinstance(answer, Granted)
    return answer


def only_call(store: Store) -> CallRow:
    (row,) = store.calls.read("run-a")
    return row


def test_a_reservation_sets_the_worst_case_and_a_lifeline_aside(store: Store, fence: Fence) -> None:
    answer = granted(store.calls.reserve(fence, spec(lifeline=True)))
    run, call = store.runs.get("run-a"), only_call(store)
    assert (answer.attempt, answer.lifelines_left) == (1, 1)
    assert (run.reserved_pico, run.spent_pico, run.lifelines_used, run.call_count) == (30, 0, 1, 1)
    assert (call.id, call.key) == (answer.call_id, KEY)
    assert (call.status, call.worst_pico) == ("reserved", 30)
    assert (call.lifeline, call.prices, call.cost_pico) == (True, {"input": "0.1"}, 0)
    assert (call.reply, call.outcome, call.settled_at) == (None, None, None)


def test_settling_books_what_it_cost_in_every_bill(store: Store, fence: Fence) -> None:
    call_id = granted(store.calls.reserve(fence, spec())).call_id
    totals = store.calls.settle(fence, call_id, bill(12, finish="stop", detail="d"))
    run, call = store.runs.get("run-a"), only_call(store)
    assert totals == Totals(
        spent_pico=12, reserved_pico=0, cap_pico=100, lifelines_left=2, lifelines_used=0
    )
    assert (run.spent_pico, run.paid_pico, run.list_pico, run.top_pico) == (12, 12, 24, 108)
    assert (call.status, call.outcome, call.reply, call.finish) == ("settled", "ok", "yes", "stop")
    assert (call.cost_pico, call.paid_pico, call.list_pico, call.top_pico) == (12, 12, 24, 108)
    assert (call.usage, call.seconds, call.detail) == (USAGE, 1.5, "d")
    assert call.settled_at is not None


def test_the_cap_counts_reservations_and_is_reached_exactly(store: Store, fence: Fence) -> None:
    first = granted(store.calls.reserve(fence, spec(60)))
    assert store.calls.reserve(fence, spec(41)) == Denied("over_budget", 40, 2)
    granted(store.calls.reserve(fence, spec(40)))
    assert store.calls.reserve(fence, spec(1)) == Denied("over_budget", 0, 2)
    store.calls.settle(fence, first.call_id, bill(10))
    assert granted(store.calls.reserve(fence, spec(50))).attempt == 3


def test_lifelines_run_out_for_metered_calls_only(store: Store, fence: Fence) -> None:
    left = [granted(store.calls.reserve(fence, spec(1, lifeline=True))) for _ in range(2)]
    assert [answer.lifelines_left for answer in left] == [1, 0]
    assert store.calls.reserve(fence, spec(1, lifeline=True)) == Denied("no_lifeline", 98, 0)
    assert store.calls.reserve(fence, spec(1000, lifeline=True)).__class__ is Denied
    granted(store.calls.reserve(fence, spec(1)))


def test_a_denied_call_writes_nothing(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    before = store.runs.get("run-a")
    store.calls.reserve(fence, spec(101), events=log.stamp(Event("call.started")))
    assert store.runs.get("run-a") == before
    assert store.calls.read("run-a") == []
    assert store.events.read("run-a", types=["call.started"]) == []


def test_a_void_call_costs_nothing_and_may_give_its_lifeline_back(
    store: Store, fence: Fence
) -> None:
    ids = [granted(store.calls.reserve(fence, spec(lifeline=True))).call_id for _ in range(2)]
    kept = store.calls.void(
        fence, ids[0], Refused(outcome="transient", detail="429", give_back_lifeline=False)
    )
    back = store.calls.void(
        fence, ids[1], Refused(outcome="transient", detail="", give_back_lifeline=True)
    )
    assert (kept.lifelines_left, back.lifelines_left) == (0, 1)
    assert (back.spent_pico, back.reserved_pico) == (0, 0)
    first, second = store.calls.read("run-a")
    assert (first.status, first.outcome, first.detail) == ("void", "transient", "429")
    assert first.lifeline
    assert (second.lifeline, store.runs.get("run-a").call_count) == (False, 0)


def test_giving_back_what_was_not_taken_gives_nothing(store: Store, fence: Fence) -> None:
    granted(store.calls.reserve(fence, spec(lifeline=True)))
    plain = granted(store.calls.reserve(fence, spec())).call_id
    totals = store.calls.void(
        fence, plain, Refused(outcome="permanent", detail="", give_back_lifeline=True)
    )
    assert totals.lifelines_left == 1


def test_a_call_is_closed_once(store: Store, fence: Fence) -> None:
    call_id = granted(store.calls.reserve(fence, spec())).call_id
    store.calls.settle(fence, call_id, bill())
    before = store.runs.get("run-a")
    with pytest.raises(UnknownName, match="exactly once"):
        store.calls.settle(fence, call_id, bill())
    with pytest.raises(UnknownName, match="exactly once"):
        store.calls.void(fence, call_id, Refused(outcome="", detail="", give_back_lifeline=True))
    assert store.runs.get("run-a") == before


def test_a_call_of_another_run_cannot_be_closed(store: Store, fence: Fence) -> None:
    call_id = granted(store.calls.reserve(fence, spec())).call_id
    store.runs.create(NewRun("run-b", "t", "p", {}, cap_pico=100, lifelines=2))
    other = store.runs.claim("run-b", "me")
    assert other is not None
    with pytest.raises(UnknownName):
        store.calls.settle(other, call_id, bill())
    assert only_call(store).status == "reserved"
    assert store.runs.get("run-b").spent_pico == 0


def test_a_provider_that_overcharges_is_booked_and_then_stopped(store: Store, fence: Fence) -> None:
    call_id = granted(store.calls.reserve(fence, spec(90))).call_id
    assert store.calls.settle(fence, call_id, bill(130)).spent_pico == 130
    assert store.calls.reserve(fence, spec(0)) == Denied("over_budget", -30, 2)


def test_the_newest_paid_reply_is_replayed_and_no_other(store: Store, fence: Fence) -> None:
    def paid(reply: str, status: str, key: CallKey = KEY) -> None:
        call = granted(store.calls.reserve(fence, spec(1, key=key)))
        store.calls.settle(fence, call.call_id, bill(1, reply=reply, status=status))

    assert store.calls.settled("run-a", KEY) is None
    paid("old", "settled")
    paid("new", "estimated")
    paid("other try", "settled", KEY._replace(try_no=2))
    refused = granted(store.calls.reserve(fence, spec(1)))
    store.calls.void(
        fence, refused.call_id, Refused(outcome="transient", detail="", give_back_lifeline=False)
    )
    granted(store.calls.reserve(fence, spec(1)))
    found = store.calls.settled("run-a", KEY)
    assert found is not None
    assert (found.reply, found.attempt, found.status) == ("new", 2, "estimated")
    assert found.usage.estimated
    assert store.calls.settled("run-b", KEY) is None


def test_the_bill_groups_calls_and_keeps_lost_ones_apart(store: Store, fence: Fence) -> None:
    for ordinal in range(2):
        key = KEY._replace(ordinal=ordinal)
        call = granted(store.calls.reserve(fence, spec(10, key=key)))
        store.calls.settle(fence, call.call_id, bill(4))
    granted(store.calls.reserve(fence, spec(10, key=CallKey(1, 2, 1, "expert"), lifeline=True)))
    store.runs.claim("run-a", "me")
    settled, lost = store.calls.bill("run-a")
    assert (settled.tier, settled.purpose, settled.status) == (0, "plan", "settled")
    assert (settled.calls, settled.cost_pico, settled.list_pico) == (2, 8, 16)
    assert settled.input_tokens == 200
    assert (settled.reasoning_tokens, settled.lifelines, settled.seconds) == (14, 0, 3.0)
    assert (lost.tier, lost.status, lost.cost_pico, lost.lifelines) == (2, "lost", 10, 1)


def test_reading_is_paged_in_order(store: Store, fence: Fence) -> None:
    ids = [granted(store.calls.reserve(fence, spec(1))).call_id for _ in range(5)]
    assert [c.id for c in store.calls.read("run-a", limit=2)] == ids[:2]
    assert [c.attempt for c in store.calls.read("run-a", after_id=ids[1])] == [3, 4, 5]


def test_events_are_written_with_the_call(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    log.begin(1)
    started = log.stamp(Event("call.started"))
    call_id = granted(store.calls.reserve(fence, spec(), events=started)).call_id
    finished = log.stamp(Event("call.finished"), Event("cost"))
    store.calls.settle(fence, call_id, bill(), events=finished)
    events = store.events.read("run-a", after=2)
    assert [e.type for e in events] == ["call.started", "call.finished", "cost"]
    assert [e.seq for e in events] == [3, 4, 5]


def test_a_fenced_worker_can_neither_reserve_nor_settle_nor_void(
    store: Store, fence: Fence
) -> None:
    call_id = granted(store.calls.reserve(fence, spec())).call_id
    store.runs.claim("run-a", "me")
    before = store.runs.get("run-a")
    with pytest.raises(Fenced):
        store.calls.reserve(fence, spec())
    with pytest.raises(Fenced):
        store.calls.reserve(fence, spec(1000))
    with pytest.raises(Fenced):
        store.calls.settle(fence, call_id, bill())
    with pytest.raises(Fenced):
        store.calls.void(fence, call_id, Refused(outcome="", detail="", give_back_lifeline=True))
    assert store.runs.get("run-a") == before
    assert only_call(store).status == "lost"


def test_a_reply_no_encoding_takes_is_kept_readable(store: Store, fence: Fence) -> None:
    call_id = granted(store.calls.reserve(fence, spec())).call_id
    store.calls.settle(fence, call_id, bill(reply="a\ud800b\x00ü"))
    assert only_call(store).reply == "a\\ud800b\x00ü"
