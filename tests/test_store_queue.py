"""Submissions: one run per key, handed over once, and given back without an owner."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store.database import Store
from store.queues import Original, Submission
from store.runrows import NewRun, RunRow

KEYED = Submission("me", "key", "hash")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """An empty one."""
    with Store.open(tmp_path / "runs.db") as opened:
        yield opened


def new(run_id: str, priority: int = 0) -> NewRun:
    """A run to be queued."""
    return NewRun(run_id, "tiny", "demo", {}, 10**12, 5, priority=priority)


def test_a_key_is_taken_by_the_first_of_many_at_once(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda n: store.queue.create(new(f"r{n}"), KEYED), range(8)))
    rows = [found for found in made if isinstance(found, RunRow)]
    assert len(rows) == 1
    assert made.count(Original(rows[0].id, "hash")) == 7
    assert store.queue.original("me", "key") == Original(rows[0].id, "hash")
    assert [row.id for row in store.runs.list()] == [rows[0].id]


def test_a_run_without_a_key_meets_no_other(store: Store) -> None:
    for run_id in ("a", "b"):
        assert isinstance(store.queue.create(new(run_id), Submission("me")), RunRow)
    assert store.queue.length() == 2


def test_only_submitted_runs_wait(store: Store) -> None:
    store.runs.create(new("mine"))
    store.queue.create(new("low"), Submission("me"))
    store.queue.create(new("high", 1), Submission("me"))
    assert [row.id for row in store.queue.open_runs()] == ["high", "low"]
    assert store.queue.length() == 2
    store.queue.hand_over("mine", Submission("me"))
    assert [row.id for row in store.queue.open_runs()] == ["high", "mine", "low"]


def test_a_run_handed_over_again_keeps_its_submitter(store: Store) -> None:
    store.queue.create(new("a"), KEYED)
    store.queue.hand_over("a", Submission("you", "other", "x"))
    assert store.queue.original("you", "other") is None
    assert store.queue.original("me", "key") == Original("a", "hash")


@pytest.mark.parametrize(("requeue", "status"), [(True, "queued"), (False, "interrupted")])
def test_a_released_run_waits_for_an_engine_or_a_person(
    store: Store, requeue: bool, status: str
) -> None:
    store.queue.create(new("a"), KEYED)
    fence = store.runs.claim("a", "us")
    assert fence is not None
    assert store.queue.length() == 0
    store.runs.release(fence, reason="stopped", requeue=requeue)
    row = store.runs.get("a")
    assert (row.status, row.owner) == (status, None)
    assert [r.id for r in store.queue.open_runs()] == (["a"] if requeue else [])


def test_a_wish_to_cancel_survives_requeueing(store: Store) -> None:
    store.queue.create(new("a"), KEYED)
    fence = store.runs.claim("a", "us")
    assert fence is not None
    store.runs.request_cancel("a")
    store.runs.release(fence, reason="stopped", requeue=True)
    assert store.runs.get("a").status == "cancelling"
    assert [row.status for row in store.queue.open_runs()] == ["cancelling"]


def test_whoever_listens_hears_of_every_commit_until_it_stops(store: Store) -> None:
    heard = list[int]()
    with store.telling(lambda: heard.append(store.queue.length())):
        store.queue.create(new("a"), Submission("me"))
        store.queue.create(new("b"), Submission("me"))
    store.queue.create(new("c"), Submission("me"))
    assert heard == [1, 2], "it hears after the commit, not before"
