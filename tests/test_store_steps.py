"""The trajectory: actions are kept before they are summarised, steps are finished once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.errors import Fenced, UnknownName
from core.events import Event
from store.database import Store
from store.eventlog import EventLog
from store.fence import Fence
from store.runrows import NewRun
from store.steprows import ActedStep


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


def acted(step: int, **changes: Any) -> ActedStep:
    fields: dict[str, Any] = {"attempt": 1, "tier": 2, "model": "m", "action": "List Files"}
    fields |= {"action_input": {"dir_path": "."}, "observation": "seen", "failed": False}
    fields |= {"executed": True, "final": False, "seconds": 0.5}
    return ActedStep(step, **fields | changes)


def finish(store: Store, fence: Fence, step: int, **changes: Any) -> None:
    fields: dict[str, Any] = {"shown": "short", "log_summary": "did it", "counted": True}
    store.steps.finish(fence, step, **fields | changes)


def do(store: Store, fence: Fence, *steps: int) -> None:
    for step in steps:
        store.steps.save_action(fence, acted(step))
        finish(store, fence, step)


def test_a_saved_action_comes_back_whole(store: Store, fence: Fence) -> None:
    long = "ü" * 100_000
    step = acted(
        1,
        observation=long,
        entries={"Thought": "t"},
        reply_flags=["flagged"],
        artifact="1.txt",
        snapshot="abc",
    )
    store.steps.save_action(fence, step)
    row = store.steps.acted("run-a", 1)
    assert row is not None
    assert all(getattr(row, name) == getattr(step, name) for name in ActedStep.__slots__)
    assert (row.run_id, row.status, row.finished_at) == ("run-a", "acted", None)
    assert (row.shown, row.counted) == (None, None)
    assert store.runs.get("run-a").step_count == 0
    assert store.steps.acted("run-a", 2) is None


def test_finishing_completes_the_row_and_moves_the_count(store: Store, fence: Fence) -> None:
    do(store, fence, 1)
    store.steps.save_action(fence, acted(2))
    finish(store, fence, 2, counted=False, log_summary=None)
    row = store.steps.acted("run-a", 2)
    assert row is not None
    assert (row.status, row.shown, row.log_summary) == ("finished", "short", None)
    assert (row.counted, row.observation, row.finished_at is not None) == (False, "seen", True)
    assert store.runs.get("run-a").step_count == 2


def test_a_step_done_again_replaces_the_former(store: Store, fence: Fence) -> None:
    do(store, fence, 1)
    store.steps.save_action(fence, acted(1, attempt=2, observation="again"))
    (row,) = store.steps.span("run-a", 1)
    assert (row.attempt, row.status, row.observation) == (2, "acted", "again")
    assert (row.shown, row.log_summary, row.finished_at) == (None, None, None)


def test_a_step_nobody_saved_cannot_be_finished(store: Store, fence: Fence) -> None:
    with pytest.raises(UnknownName, match="Step 4 of run run-a"):
        finish(store, fence, 4)
    assert store.runs.get("run-a").step_count == 0


def test_a_span_is_ordered_and_closed(store: Store, fence: Fence) -> None:
    do(store, fence, 3, 1, 2, 4)
    assert [s.step for s in store.steps.span("run-a", 2)] == [2, 3, 4]
    assert [s.step for s in store.steps.span("run-a", 1, 2)] == [1, 2]


def test_events_are_written_with_the_step_or_not_at_all(store: Store, fence: Fence) -> None:
    log = EventLog(store, fence)
    log.begin(1)
    store.steps.save_action(fence, acted(1), events=log.stamp(Event("artifact")))
    finish(store, fence, 1, events=log.stamp(Event("step.finished")))
    with pytest.raises(UnknownName):
        finish(store, fence, 2, events=log.stamp(Event("step.finished")))
    events = store.events.read("run-a", after=2)
    assert [e.type for e in events] == ["artifact", "step.finished"]


def test_a_fenced_worker_saves_no_step(store: Store, fence: Fence) -> None:
    do(store, fence, 1)
    store.steps.save_action(fence, acted(2))
    store.runs.claim("run-a", "me")
    before = store.steps.span("run-a", 1)
    with pytest.raises(Fenced):
        store.steps.save_action(fence, acted(1, observation="late"))
    with pytest.raises(Fenced):
        finish(store, fence, 2)
    assert store.steps.span("run-a", 1) == before
    assert store.runs.get("run-a").step_count == 1


def test_a_fork_gets_the_finished_steps_and_leaves_the_source(store: Store, fence: Fence) -> None:
    do(store, fence, 1, 2, 3)
    source = store.steps.span("run-a", 1)
    target = claimed(store, "run-b")
    store.steps.fork("run-a", "run-b", 2)
    copied = store.steps.span("run-b", 1)
    assert [(s.run_id, s.step, s.shown) for s in copied] == [
        ("run-b", 1, "short"),
        ("run-b", 2, "short"),
    ]
    assert store.runs.get("run-b").step_count == 2
    store.steps.save_action(target, acted(2, observation="its own"))
    assert store.steps.span("run-a", 1) == source


def test_a_fork_beyond_what_was_finished_copies_nothing(store: Store, fence: Fence) -> None:
    do(store, fence, 1)
    store.steps.save_action(fence, acted(2))
    claimed(store, "run-b")
    with pytest.raises(UnknownName, match="Step 2 of run run-a"):
        store.steps.fork("run-a", "run-b", 2)
    with pytest.raises(UnknownName, match="no run run-c"):
        store.steps.fork("run-a", "run-c", 1)
    assert store.steps.span("run-b", 1) == []
    assert store.runs.get("run-b").step_count == 0
