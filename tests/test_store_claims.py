"""Who works on a run: claimed, taken over, cancelled, released, finished."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.calls import CallKey
from core.errors import Fenced
from core.events import Event
from store.callrows import CallSpec, Granted
from store.database import Store
from store.eventlog import EventLog
from store.fence import Fence
from store.runrows import NewRun
from store.transactions import now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "budgetml.db") as opened:
        yield opened


def queue(store: Store) -> None:
    store.runs.create(NewRun("run-a", "t", "p", {}, cap_pico=100, lifelines=2))


def claimed(store: Store) -> Fence:
    queue(store)
    fence = store.runs.claim("run-a", "me")
    assert fence is not None
    return fence


def reserve(store: Store, fence: Fence, *, simulated: bool = False) -> None:
    key = CallKey(1, 0, 1, "plan")
    spec = CallSpec(key, "m", "hash", 30, True, simulated, {}, "book")
    assert isinstance(store.calls.reserve(fence, spec), Granted)


def types(store: Store) -> list[str]:
    return [e.type for e in store.events.read("run-a")]


def test_a_live_owner_keeps_the_run_and_a_silent_one_loses_it(store: Store) -> None:
    fence = claimed(store)
    assert store.runs.claim("run-a", "other") is None
    taken = store.runs.claim("run-a", "other", stale_after_s=-1)
    assert taken == Fence("run-a", fence.epoch + 1)
    assert store.runs.get("run-a").owner == "other"
    with pytest.raises(Fenced, match="epoch 2, ours is 1"):
        store.runs.beat(fence)
    assert store.runs.beat(taken) == "running"
    assert types(store) == ["run.created", "run.started", "run.resumed"]


def test_the_same_owner_may_claim_again_and_fences_its_former_self(store: Store) -> None:
    fence = claimed(store)
    assert store.runs.claim("run-a", "me") == Fence("run-a", 2)
    with pytest.raises(Fenced):
        EventLog(store, fence).emit(Event("log"))


def test_of_many_claims_at_once_one_wins(store: Store) -> None:
    queue(store)
    won: list[Fence] = []
    barrier = threading.Barrier(8)

    def claim(owner: str) -> None:
        barrier.wait()
        fence = store.runs.claim("run-a", owner)
        if fence is not None:
            won.append(fence)

    threads = [threading.Thread(target=claim, args=(f"o{i}",)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert won == [Fence("run-a", 1)]


def test_a_takeover_charges_open_calls_as_lost_and_keeps_their_lifelines(store: Store) -> None:
    reserve(store, claimed(store))
    store.runs.claim("run-a", "me")
    row, call = store.runs.get("run-a"), store.calls.read("run-a")[0]
    assert (row.spent_pico, row.reserved_pico, row.lifelines_used, row.call_count) == (30, 0, 1, 1)
    assert (row.paid_pico, row.list_pico, row.top_pico) == (30, 30, 30)
    assert (call.status, call.cost_pico, call.paid_pico, call.lifeline) == ("lost", 30, 30, True)
    assert store.events.read("run-a")[-1].data == {"lost": 1, "void": 0}


def test_a_takeover_makes_open_simulated_calls_void(store: Store) -> None:
    reserve(store, claimed(store), simulated=True)
    store.runs.claim("run-a", "me")
    row, call = store.runs.get("run-a"), store.calls.read("run-a")[0]
    assert (row.spent_pico, row.reserved_pico, row.lifelines_used, row.call_count) == (0, 0, 0, 0)
    assert (call.status, call.cost_pico, call.lifeline) == ("void", 0, False)
    assert store.events.read("run-a")[-1].data == {"lost": 0, "void": 1}


def test_a_beat_renews_the_heartbeat(store: Store) -> None:
    fence, before = claimed(store), now()
    store.runs.beat(fence)
    heartbeat = store.runs.get("run-a").heartbeat
    assert heartbeat is not None
    assert heartbeat >= before


def test_cancelling_a_queued_run_ends_it(store: Store) -> None:
    queue(store)
    assert store.runs.request_cancel("run-a") == "cancelled"
    row = store.runs.get("run-a")
    assert (row.end_reason, row.finished is not None) == ("cancelled", True)
    assert types(store) == ["run.created", "run.finished"]
    assert store.runs.claim("run-a", "me") is None


def test_cancelling_a_running_run_tells_its_owner(store: Store) -> None:
    fence = claimed(store)
    assert store.runs.request_cancel("run-a") == "cancelling"
    assert store.runs.beat(fence) == "cancelling"
    store.runs.finish(fence, status="cancelled", end_reason="cancelled", result={})
    assert store.runs.request_cancel("run-a") == "cancelled"
    assert types(store).count("run.finished") == 1


def test_a_cancel_outlives_release_and_takeover(store: Store) -> None:
    fence = claimed(store)
    store.runs.request_cancel("run-a")
    store.runs.release(fence, reason="shutdown")
    again = store.runs.claim("run-a", "other")
    assert again is not None
    assert store.runs.beat(again) == "cancelling"


def test_cancelling_a_run_whose_owner_is_gone_ends_it(store: Store) -> None:
    fence = claimed(store)
    reserve(store, fence)
    assert store.runs.request_cancel("run-a", stale_after_s=-1) == "cancelled"
    row = store.runs.get("run-a")
    assert (row.spent_pico, row.reserved_pico) == (30, 0)
    with pytest.raises(Fenced, match="is cancelled"):
        store.events.append(fence, [])


def test_a_released_run_takes_no_writes_until_it_is_claimed_again(store: Store) -> None:
    fence = claimed(store)
    store.runs.release(fence, reason="shutdown")
    row = store.runs.get("run-a")
    assert (row.status, row.owner) == ("interrupted", None)
    assert store.events.read("run-a")[-1].data == {"reason": "shutdown"}
    with pytest.raises(Fenced, match="claim it again"):
        store.runs.release(fence, reason="twice")
    assert store.runs.claim("run-a", "other") == Fence("run-a", 2)


def test_finishing_is_the_last_event_and_happens_once(store: Store) -> None:
    fence = claimed(store)
    reserve(store, fence)
    for status in ("succeeded", "failed"):
        store.runs.finish(fence, status=status, end_reason="steps", result={"solved": True})
    row = store.runs.get("run-a")
    assert (row.status, row.end_reason, row.result) == ("succeeded", "steps", {"solved": True})
    assert (row.owner, row.spent_pico, row.reserved_pico) == (None, 30, 0)
    assert types(store)[-1] == "run.finished"
    assert types(store).count("run.finished") == 1
    with pytest.raises(Fenced, match="is succeeded"):
        EventLog(store, fence).emit(Event("log"))
    assert store.runs.beat(fence) == "succeeded"


def test_a_fenced_worker_cannot_finish_a_run_it_lost(store: Store) -> None:
    fence = claimed(store)
    taken = store.runs.claim("run-a", "me")
    assert taken is not None
    with pytest.raises(Fenced):
        store.runs.finish(fence, status="failed", end_reason="error", result={})
    store.runs.finish(taken, status="succeeded", end_reason="steps", result={})
    with pytest.raises(Fenced):
        store.runs.finish(fence, status="failed", end_reason="error", result={})
    assert store.runs.get("run-a").status == "succeeded"
