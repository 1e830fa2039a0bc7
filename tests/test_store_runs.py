"""Making, finding, listing and deleting runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from core.calls import CallKey
from core.errors import BadRequest, Fenced, UnknownName
from store.callrows import CallSpec
from store.database import Store
from store.runrows import NewRun


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "budgetml.db") as opened:
        yield opened


def new_run(run_id: str, **changes: Any) -> NewRun:
    fields = {"task_id": "t", "preset": "p", "config": {"seed": 1}, "cap_pico": 100}
    return NewRun(id=run_id, lifelines=2, **{**fields, **changes})


def test_a_created_run_is_queued_and_comes_back_whole(store: Store) -> None:
    new = new_run("run-a", labels={"who": "ü"}, task_dir="d", priority=3, seed=7, parent_step=2)
    row = store.runs.create(new)
    assert row == store.runs.get("run-a")
    assert (row.status, row.epoch, row.owner, row.finished) == ("queued", 0, None, None)
    assert (row.config, row.labels, row.task_dir) == ({"seed": 1}, {"who": "ü"}, "d")
    assert (row.priority, row.seed, row.parent_step, row.cap_pico) == (3, 7, 2, 100)
    first = store.events.read("run-a")[0]
    assert (first.seq, first.type, first.step) == (1, "run.created", None)


def test_an_id_can_be_used_once(store: Store) -> None:
    store.runs.create(new_run("run-a"))
    with pytest.raises(BadRequest, match="choose another id"):
        store.runs.create(new_run("run-a"))
    assert [e.type for e in store.events.read("run-a")] == ["run.created"]


def test_an_unknown_run_is_named_in_the_error(store: Store) -> None:
    for look_up in (store.runs.get, store.runs.find, store.runs.delete, store.runs.request_cancel):
        with pytest.raises(UnknownName, match=r"'nobody'.*budgetml runs"):
            look_up("nobody")
    with pytest.raises(UnknownName):
        store.runs.claim("nobody", "me")


def test_a_run_is_found_by_a_prefix_that_only_it_has(store: Store) -> None:
    for run_id in ("abcd1", "abcd2", "abcd", "a_cd9"):
        store.runs.create(new_run(run_id))
    assert store.runs.find("abcd2").id == "abcd2"
    assert store.runs.find("abcd").id == "abcd"
    assert store.runs.find("a_cd").id == "a_cd9"
    store.runs.delete("abcd")
    with pytest.raises(UnknownName, match="abcd1, abcd2"):
        store.runs.find("abcd")
    with pytest.raises(UnknownName):
        store.runs.find("a_c")


def test_runs_are_listed_newest_first_and_page_by_page(store: Store) -> None:
    for i in range(5):
        store.runs.create(new_run(f"run-{i}", task_id="odd" if i % 2 else "even"))
    assert [r.id for r in store.runs.list(limit=2)] == ["run-4", "run-3"]
    assert [r.id for r in store.runs.list(limit=2, before="run-3")] == ["run-2", "run-1"]
    assert [r.id for r in store.runs.list(task_id="odd")] == ["run-3", "run-1"]
    store.runs.claim("run-0", "me")
    assert [r.id for r in store.runs.list(status="running")] == ["run-0"]


def test_deleting_takes_everything_of_the_run_but_not_under_its_owner(store: Store) -> None:
    store.runs.create(new_run("run-a"))
    fence = store.runs.claim("run-a", "me")
    assert fence is not None
    spec = CallSpec(CallKey(1, 0, 1, "plan"), "m", "h", 1, False, False, {}, "b")
    store.calls.reserve(fence, spec)
    with pytest.raises(BadRequest, match="cancel"):
        store.runs.delete("run-a")
    store.runs.release(fence, reason="x")
    store.runs.delete("run-a")
    assert store.events.read("run-a") == []
    assert store.calls.read("run-a") == []
    with pytest.raises(Fenced, match="deleted"):
        store.events.append(fence, [])
