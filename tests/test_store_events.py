"""The event log: gapless, never doubled, closed and reopened when a step is done again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError

from core.errors import Fenced
from core.events import RUN_LEVEL, Event
from store.database import Store
from store.eventlog import EventLog
from store.fence import Fence
from store.runrows import NewRun

LOG = Event("log", node="n", tier=1, data={"x": [1.5, None, "ü"]})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "budgetml.db") as opened:
        yield opened


@pytest.fixture
def fence(store: Store) -> Fence:
    return claimed(store, "run-a")


def claimed(store: Store, run_id: str) -> Fence:
    store.runs.create(NewRun(run_id, "t", "p", {}, cap_pico=1, lifelines=0))
    fence = store.runs.claim(run_id, "me")
    assert fence is not None
    return fence


def keys(log: EventLog, *events: Event) -> list[tuple[int, int, int]]:
    return [(s.step, s.attempt, s.ordinal) for s in log.stamp(*events)]


def test_an_event_comes_back_as_it_was_written(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    log.begin(1)
    seq = log.emit(LOG, Event("metric"))
    first, second = store.events.read("run-a", after=seq - 2)
    assert (first.seq, first.type, first.step, first.attempt) == (seq - 1, "log", 1, 1)
    assert (first.tier, first.node, first.data) == (1, "n", {"x": [1.5, None, "ü"]})
    assert (second.seq, second.tier, second.data) == (seq, None, {})
    assert first.ts == second.ts
    assert first.ts.endswith("+00:00")


def test_reading_is_paged_and_filtered(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    log.emit(*[Event("log"), Event("metric")] * 3)
    assert [e.seq for e in store.events.read("run-a", after=2, limit=3)] == [3, 4, 5]
    assert [e.seq for e in store.events.read("run-a", types=["metric"])] == [4, 6, 8]
    assert store.events.read("run-a", after=8) == []


def test_steps_and_run_level_count_their_ordinals_apart(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    assert keys(log, LOG) == [(RUN_LEVEL, 1, 1)]  # 0 is run.started
    log.begin(1)
    assert keys(log, LOG, LOG) == [(1, 1, 0), (1, 1, 1)]
    log.begin(RUN_LEVEL)
    assert keys(log, LOG) == [(RUN_LEVEL, 1, 2)]
    log.begin(2)
    assert keys(log, LOG) == [(2, 1, 0)]
    assert (log.step, log.attempt) == (2, 1)


def test_going_on_with_a_step_continues_behind_what_waits_unwritten(
    store: Store, fence: Fence
) -> None:
    log = EventLog(store, fence)
    log.begin(1)
    waiting = log.stamp(LOG)
    log.begin(1)
    log.emit(LOG)
    store.events.append(fence, waiting)
    assert keys(log, LOG) == [(1, 1, 2)]


def test_keys_of_events_that_were_not_written_can_be_taken_back(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    log.begin(1)
    denied = log.stamp(LOG, LOG)
    log.take_back(denied)
    assert keys(log, LOG) == [(1, 1, 0)]
    log.take_back(denied)  # too late: a key was given out since
    log.take_back([])
    assert keys(log, LOG) == [(1, 1, 1)]


def test_a_resumed_log_continues_an_attempt_or_opens_the_next(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    log.begin(3)
    log.emit(LOG, LOG)
    again = store.runs.claim("run-a", "me")
    assert again is not None
    resumed = EventLog(store, again)
    assert resumed.attempt == 2  # the claim's epoch, at run level
    resumed.begin(3)
    assert keys(resumed, LOG) == [(3, 1, 2)]
    store.events.roll_back(again, 3)
    resumed.begin(3)
    assert keys(resumed, LOG) == [(3, 2, 0)]


def test_roll_back_closes_this_and_later_steps_once(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    for step in (1, 2, 3):
        log.begin(step)
        log.emit(LOG)
    seq = store.runs.get("run-a").last_seq
    for _ in range(2):
        store.events.roll_back(fence, 2)
    closed = store.events.read("run-a", after=seq)
    assert [(e.step, e.attempt, e.type, e.data) for e in closed] == [
        (2, 1, "step.rolled_back", {"attempt": 1}),
        (3, 1, "step.rolled_back", {"attempt": 1}),
    ]
    log.begin(2)
    log.emit(LOG)
    store.events.roll_back(fence, 0)
    last = store.events.read("run-a", after=seq + 3)
    assert [(e.step, e.attempt, e.data["attempt"]) for e in last] == [(1, 1, 1), (2, 2, 2)]


def test_roll_back_leaves_run_level_events_alone(store: Store, fence: Fence) -> None:
    EventLog(store, fence).emit(LOG)
    store.events.roll_back(fence, RUN_LEVEL)
    assert store.events.read("run-a", types=["step.rolled_back"]) == []


def test_a_fenced_writer_writes_nothing(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    log.begin(1)
    log.emit(LOG)
    assert store.runs.claim("run-a", "me") is not None
    before = store.events.read("run-a")
    with pytest.raises(Fenced):
        log.emit(LOG)
    with pytest.raises(Fenced):
        store.events.roll_back(fence, 1)
    assert store.events.read("run-a") == before


def test_an_event_cannot_be_written_twice(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    log.begin(1)
    first, second = log.stamp(LOG, LOG)
    store.events.append(fence, [second])
    with pytest.raises(IntegrityError):
        store.events.append(fence, [first, second])
    assert store.runs.get("run-a").last_seq == 3
    assert store.events.append(fence, [first]) == 4


def test_eight_threads_leave_no_gap_and_no_double(store: Store, fence: Fence) -> None:
    other = claimed(store, "run-b")
    logs = [EventLog(store, fence) for _ in range(7)]
    for step, log in enumerate(logs):
        log.begin(step)
    logs.append(EventLog(store, other))
    barrier = threading.Barrier(8)

    def write(log: EventLog) -> None:
        barrier.wait()
        for size in (1, 2, 3) * 10:
            log.emit(*[LOG] * size)

    threads = [threading.Thread(target=write, args=(log,)) for log in logs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for run_id, count in (("run-a", 7 * 60), ("run-b", 60)):
        written = store.events.read(run_id, limit=10_000)
        assert [e.seq for e in written] == list(range(1, count + 3))
        assert store.runs.get(run_id).last_seq == count + 2


def test_a_takeover_between_two_threads_splits_the_log_cleanly(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    log.begin(1)
    written: list[int] = []
    stopped: list[str] = []
    going = threading.Event()

    def old_owner() -> None:
        try:
            while True:
                written.append(log.emit(LOG))
                going.set()
        except Fenced as error:
            stopped.append(error.code)

    thread = threading.Thread(target=old_owner)
    thread.start()
    going.wait()
    store.runs.claim("run-a", "other", stale_after_s=-1)
    thread.join(timeout=10)
    events = store.events.read("run-a", limit=100_000)
    assert stopped == ["fenced"]
    assert [e.seq for e in events if e.type == "log"] == written
    assert events[-1].type == "run.resumed"


def test_who_stamps_first_writes_first(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    other = threading.Thread(target=log.emit, args=[Event("log", data={"who": "other"})])
    with log.turn:
        stamped = log.stamp(Event("log", data={"who": "first"}))
        other.start()
        other.join(0.2)  # it has to wait
        store.events.append(fence, stamped)
    other.join()
    assert [e.data["who"] for e in store.events.read("run-a", types=["log"])] == ["first", "other"]
