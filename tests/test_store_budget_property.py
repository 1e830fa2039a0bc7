"""No order of outcomes, crashes and parallel runs passes the cap or the lifelines.

Two thousand random schedules are checked after every operation against a model in plain Python;
two hundred more let threads share one run.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from core.calls import CallKey
from core.errors import Fenced
from core.money import Usage
from store.callrows import CallBill, CallSpec, Denied, Granted, Refused
from store.database import Store
from store.fence import Fence
from store.runrows import NewRun

SCHEDULES = 2000
AT_ONCE = 5
"""Schedules that run interleaved in one database."""
OPERATIONS = 12
THREADED = 200
USAGE = Usage(10, 5)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "budgetml.db") as opened:
        yield opened


@dataclass
class Schedule:
    """One run, what its owner holds open, and what its row must say."""

    store: Store
    rng: random.Random
    fence: Fence
    cap: int
    lifelines: int
    zombie: Fence | None = None
    open: dict[int, CallSpec] = field(default_factory=dict)
    spent: int = 0
    used: int = 0
    calls: int = 0
    denials: int = 0

    @property
    def reserved(self) -> int:
        return sum(spec.worst_pico for spec in self.open.values())

    def operate(self) -> None:
        """One random operation, and the comparison of row and model."""
        if self.open and self.rng.random() < 0.6:
            self.rng.choice((self.settle, self.settle, self.void, self.crash, self.haunt))()
        else:
            self.reserve()
        self.check()

    def reserve(self) -> None:
        wanted = random_spec(self.rng, self.cap)
        answer = self.store.calls.reserve(self.fence, wanted)
        affordable = self.spent + self.reserved + wanted.worst_pico <= self.cap
        available = self.used + wanted.lifeline <= self.lifelines
        assert isinstance(answer, Granted) == (affordable and available)
        if isinstance(answer, Denied):
            self.denials += 1
            assert answer.left_pico == self.cap - self.spent - self.reserved
            assert answer.reason == ("over_budget" if available else "no_lifeline")
            return
        self.open[answer.call_id] = wanted
        self.used += wanted.lifeline
        self.calls += 1

    def settle(self) -> None:
        call_id, spec = self.take()
        bill = random_bill(self.rng, spec.worst_pico)
        self.store.calls.settle(self.fence, call_id, bill)
        self.spent += bill.cost_pico

    def void(self) -> None:
        call_id, spec = self.take()
        back = self.rng.random() < 0.5
        self.store.calls.void(
            self.fence, call_id, Refused(outcome="transient", detail="", give_back_lifeline=back)
        )
        self.used -= spec.lifeline and back
        self.calls -= 1

    def crash(self) -> None:
        """The owner dies with calls in flight; somebody takes the run over."""
        self.zombie = self.fence
        fence = self.store.runs.claim(self.fence.run_id, "next", stale_after_s=-1)
        assert fence is not None
        self.fence = fence
        for spec in self.open.values():
            self.spent += 0 if spec.simulated else spec.worst_pico
            self.used -= spec.lifeline and spec.simulated
            self.calls -= spec.simulated
        self.open.clear()

    def haunt(self) -> None:
        """The dead owner wakes up and goes on as if nothing had happened."""
        if self.zombie is None:
            return
        call_id = self.rng.choice(list(self.open))
        with pytest.raises(Fenced):
            self.store.calls.settle(self.zombie, call_id, random_bill(self.rng, 1))
        with pytest.raises(Fenced):
            self.store.calls.reserve(self.zombie, random_spec(self.rng, self.cap))

    def take(self) -> tuple[int, CallSpec]:
        call_id = self.rng.choice(list(self.open))
        return call_id, self.open.pop(call_id)

    def check(self) -> None:
        row = self.store.runs.get(self.fence.run_id)
        assert (row.spent_pico, row.reserved_pico) == (self.spent, self.reserved)
        assert (row.lifelines_used, row.call_count) == (self.used, self.calls)
        assert row.spent_pico + row.reserved_pico <= self.cap
        assert row.lifelines_used <= self.lifelines


def random_spec(rng: random.Random, cap: int) -> CallSpec:
    key = CallKey(rng.randint(1, 3), rng.randint(0, 2), 1, "plan")
    return CallSpec(
        key,
        model="m",
        request_hash="h",
        worst_pico=rng.randint(0, cap // 2),
        lifeline=rng.random() < 0.4,
        simulated=rng.random() < 0.3,
        prices={},
        price_book="b",
    )


def random_bill(rng: random.Random, worst: int) -> CallBill:
    cost = rng.randint(0, worst)
    return CallBill(
        rng.choice(("settled", "estimated")),
        rng.choice(("ok", "malformed", "truncated", "empty")),
        USAGE,
        cost_pico=cost,
        paid_pico=cost,
        list_pico=cost + rng.randint(0, 9),
        top_pico=worst,
        seconds=0.1,
    )


def start(store: Store, run_id: str, rng: random.Random) -> Schedule:
    cap, lifelines = rng.randint(1, 1000), rng.randint(0, 4)
    store.runs.create(NewRun(run_id, "t", "p", {}, cap_pico=cap, lifelines=lifelines))
    fence = store.runs.claim(run_id, "first")
    assert fence is not None
    return Schedule(store, rng, fence, cap, lifelines)


def check_sums(store: Store, run_id: str) -> None:
    """The run's counters are the sums of its calls."""
    row, calls, bill = store.runs.get(run_id), store.calls.read(run_id), store.calls.bill(run_id)
    assert row.reserved_pico == sum(c.worst_pico for c in calls if c.status == "reserved")
    assert row.spent_pico == sum(c.cost_pico for c in calls) == sum(b.cost_pico for b in bill)
    assert row.paid_pico == sum(c.paid_pico for c in calls) == sum(b.paid_pico for b in bill)
    assert row.list_pico == sum(c.list_pico for c in calls) == sum(b.list_pico for b in bill)
    assert row.top_pico == sum(c.top_pico for c in calls) == sum(b.top_pico for b in bill)
    assert row.lifelines_used == sum(c.lifeline for c in calls) == sum(b.lifelines for b in bill)
    assert row.call_count == sum(c.status != "void" for c in calls)
    assert len(calls) == len({(*c.key, c.attempt) for c in calls}) == sum(b.calls for b in bill)


def test_two_thousand_schedules_agree_with_the_model(store: Store) -> None:
    rng = random.Random(2411_07464)
    done = denials = 0
    for group in range(0, SCHEDULES, AT_ONCE):
        running = [start(store, f"run-{group + i}", rng) for i in range(AT_ONCE)]
        for _ in range(OPERATIONS * AT_ONCE):
            rng.choice(running).operate()
        for schedule in running:
            check_sums(store, schedule.fence.run_id)
            schedule.crash()
            schedule.check()
            check_sums(store, schedule.fence.run_id)
            done += 1
            denials += schedule.denials
    assert done == SCHEDULES
    assert denials > SCHEDULES  # the limits were reached, not only approached


def branch(store: Store, fence: Fence, cap: int, seed: int) -> Callable[[], None]:
    """A parallel branch of a run: reserves and closes calls until it is denied or fenced."""
    rng = random.Random(seed)

    def work() -> None:
        try:
            for _ in range(6):
                spec = random_spec(rng, cap)
                answer = store.calls.reserve(fence, spec)
                if isinstance(answer, Granted) and rng.random() < 0.8:
                    bill = random_bill(rng, spec.worst_pico)
                    store.calls.settle(fence, answer.call_id, bill)
        except Fenced:
            return

    return work


def takeover(store: Store, run_id: str) -> Callable[[], None]:
    """A claim from elsewhere while the branches work."""

    def work() -> None:
        store.runs.claim(run_id, "x", stale_after_s=-1)

    return work


def test_threads_that_share_a_run_share_its_limits(store: Store) -> None:
    rng = random.Random(7)
    for i in range(THREADED):
        schedule = start(store, f"run-{i}", rng)
        fence = schedule.fence
        works = [branch(store, fence, schedule.cap, seed=3 * i + n) for n in range(3)]
        works.append(takeover(store, fence.run_id))
        threads = [threading.Thread(target=work) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        row = store.runs.get(fence.run_id)
        assert row.spent_pico + row.reserved_pico <= schedule.cap
        assert row.lifelines_used <= schedule.lifelines
        check_sums(store, fence.run_id)
