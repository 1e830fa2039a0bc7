"""What a token's runs may take at once and in a day."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from core.calls import CallKey
from core.errors import BadRequest, LimitReached
from core.money import Usage
from store.callrows import CallBill, CallSpec, Granted
from store.database import Store
from store.fence import Fence
from store.queues import Submission
from store.runrows import NewRun
from store.sqlite import engine_for
from store.tokens import NewToken
from store.transactions import ago

CENT = 10**10


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "budgetml.db"


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with Store.open(database) as opened:
        yield opened


@pytest.fixture
def engine(database: Path) -> Iterator[Engine]:
    """A second way to the same file, to turn back clocks."""
    made = engine_for(database)
    yield made
    made.dispose()


def submit(store: Store, run_id: str, token: str = "ci", cap: int = CENT) -> None:
    new = NewRun(run_id, "t", "p", {}, cap_pico=cap, lifelines=0)
    store.queue.create(new, Submission(token))


def end(store: Store, run_id: str, *, cost: int = 0) -> None:
    """Let a run make one call of that cost and end."""
    fence = store.runs.claim(run_id, "me")
    assert fence is not None
    if cost:
        pay(store, fence, cost)
    store.runs.finish(fence, status="succeeded", end_reason="final", result={})


def pay(store: Store, fence: Fence, cost: int) -> None:
    spec = CallSpec(CallKey(1, 0, 1, "plan"), "m", "h", cost, False, False, {}, "b")
    granted = store.calls.reserve(fence, spec)
    assert isinstance(granted, Granted)
    bill = CallBill("settled", "ok", Usage(1, 1), cost, cost, cost, cost, 0.1)
    store.calls.settle(fence, granted.call_id, bill)


def test_a_token_has_so_many_unfinished_runs_and_no_more(store: Store) -> None:
    store.tokens.create(NewToken(name="ci", runs_at_once=2))
    store.tokens.create(NewToken(name="other", runs_at_once=1))
    submit(store, "run-a")
    submit(store, "run-b")
    submit(store, "run-o", "other")
    with pytest.raises(LimitReached, match="2 unfinished runs and has 2") as refused:
        submit(store, "run-c")
    assert refused.value.retry_after_s > 0
    assert {row.id for row in store.runs.list()} == {"run-a", "run-b", "run-o"}
    store.runs.request_cancel("run-a")
    submit(store, "run-c")


def test_an_interrupted_run_still_takes_a_place(store: Store) -> None:
    store.tokens.create(NewToken(name="ci", runs_at_once=1))
    submit(store, "run-a")
    fence = store.runs.claim("run-a", "me")
    assert fence is not None
    store.runs.release(fence, reason="test")
    with pytest.raises(LimitReached):
        submit(store, "run-b")


def test_whoever_has_no_token_has_no_limit(store: Store) -> None:
    store.tokens.create(NewToken(name="ci", runs_at_once=1, day_pico=1))
    for name in "abc":
        submit(store, f"run-{name}", "local")
    assert len(store.runs.list()) == 3


def test_an_unfinished_run_counts_with_its_cap_and_a_finished_one_with_its_cost(
    store: Store,
) -> None:
    store.tokens.create(NewToken(name="ci", day_pico=10 * CENT))
    submit(store, "run-a", cap=6 * CENT)
    with pytest.raises(LimitReached, match=r"may spend \$0.1 in 24 hours; \$0.06 is spent"):
        submit(store, "run-b", cap=5 * CENT)
    submit(store, "run-b", cap=4 * CENT)
    end(store, "run-a", cost=CENT)
    with pytest.raises(LimitReached):
        submit(store, "run-c", cap=5 * CENT + 1)
    submit(store, "run-c", cap=5 * CENT)


def test_dollars_come_back_after_a_day(store: Store, engine: Engine) -> None:
    store.tokens.create(NewToken(name="ci", day_pico=CENT))
    submit(store, "run-a")
    end(store, "run-a", cost=CENT)
    with pytest.raises(LimitReached) as refused:
        submit(store, "run-b")
    assert 86_300 < refused.value.retry_after_s <= 86_401
    with engine.begin() as connection:
        connection.execute(text("UPDATE runs SET finished = :at"), {"at": ago(86_401)})
    submit(store, "run-b")


def test_deleting_a_run_gives_no_dollars_back(store: Store, engine: Engine) -> None:
    store.tokens.create(NewToken(name="ci", day_pico=2 * CENT))
    submit(store, "run-a")
    end(store, "run-a", cost=CENT)
    store.runs.delete("run-a")
    assert not {"spent", "ci"} & {text for f in store.figures.totals() for text in f[:2]}
    submit(store, "run-b")
    with pytest.raises(LimitReached, match=r"\$0.02 is spent"):
        submit(store, "run-c", cap=1)
    with engine.begin() as connection:
        connection.execute(text("UPDATE remains SET at = :at"), {"at": ago(86_401)})
    submit(store, "run-c", cap=1)


def test_a_run_that_may_not_be_deleted_is_not_counted_twice(store: Store) -> None:
    store.tokens.create(NewToken(name="ci", day_pico=2 * CENT))
    submit(store, "run-a")
    assert store.runs.claim("run-a", "me") is not None
    with pytest.raises(BadRequest):
        store.runs.delete("run-a")
    submit(store, "run-b")


def test_a_run_of_a_command_is_counted_from_its_hand_over_on(store: Store) -> None:
    store.tokens.create(NewToken(name="ci", runs_at_once=1))
    store.runs.create(NewRun("fork", "t", "p", {}, cap_pico=1, lifelines=0))
    submit(store, "run-a")
    with pytest.raises(LimitReached):
        store.queue.hand_over("fork", Submission("ci"))
    end(store, "run-a")
    store.queue.hand_over("fork", Submission("ci"))
    with pytest.raises(LimitReached):
        submit(store, "run-b")


def test_a_repeated_request_gets_its_run_although_the_limit_is_reached(store: Store) -> None:
    store.tokens.create(NewToken(name="ci", runs_at_once=1))
    once = Submission("ci", "key", "hash")
    first, second = (NewRun(i, "t", "p", {}, cap_pico=1, lifelines=0) for i in ("a", "b"))
    store.queue.create(first, once)
    again = store.queue.create(second, once)
    assert getattr(again, "run_id", None) == "a"


def test_runs_submitted_at_once_do_not_slip_past_a_limit(store: Store) -> None:
    store.tokens.create(NewToken(name="ci", runs_at_once=3))
    ready = threading.Barrier(8)

    def hurry(name: int) -> bool:
        ready.wait()
        try:
            submit(store, f"run-{name}")
        except LimitReached:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        done = list(threads.map(hurry, range(8)))
    assert sum(done) == 3
    assert len(store.runs.list()) == 3
