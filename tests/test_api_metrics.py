"""Metrics: what Prometheus reads is what happened, before and after restarts and deletions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from api_kit import LIST, Api, in_process

from api.metrics import Lag, render
from core.calls import CallKey
from core.events import Event
from core.money import Usage
from store.callrows import CallBill, CallSpec, Granted, Refused
from store.database import Store
from store.eventlog import EventLog
from store.runrows import NewRun

USD = 10**12
_SAMPLE = re.compile(r'([a-z_]+)(\{[a-z_]+="(?:[^"\\\n]|\\["\\n])*"\})? (-?[0-9.]+)')


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "budgetml.db") as opened:
        yield opened


def samples(text: str) -> dict[str, Decimal]:
    """What a scrape tells; fails on anything that is not in the text format."""
    found: dict[str, Decimal] = {}
    typed: set[str] = set()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            typed.add(line.split()[2])
        elif not line.startswith("# HELP "):
            match = _SAMPLE.fullmatch(line)
            assert match, line
            assert {match[1], re.sub(r"_(bucket|sum|count)$", "", match[1])} & typed, line
            name = match[1] + (match[2] or "")
            assert name not in found
            found[name] = Decimal(match[3])
    return found


def scrape(store: Store) -> dict[str, Decimal]:
    return samples(render(store, Lag()))


def history(store: Store, run_id: str, *, simulated: bool = False) -> None:
    """A finished run: a paid call, a refused one, one lost in a crash, a step, an escalation."""
    store.runs.create(NewRun(run_id, "t", "p", {}, cap_pico=9 * USD, lifelines=1))
    fence = store.runs.claim(run_id, "me")
    assert fence is not None
    log = EventLog(store, fence)
    granted = []
    for number in (1, 2, 3):
        key = CallKey(1, 0, number, "plan")
        spec = CallSpec(key, "m", "h", USD, False, simulated, {}, "b")
        granted.append(store.calls.reserve(fence, spec))
    paid, refused, _ = granted
    assert isinstance(paid, Granted)
    assert isinstance(refused, Granted)
    half = USD // 2
    bill = CallBill("settled", "ok", Usage(1, 1), half, half, half, half, 0.1)
    store.calls.settle(fence, paid.call_id, bill)
    store.calls.void(fence, refused.call_id, Refused("transient", "busy", False))
    log.begin(1)
    log.emit(Event("escalation", data={"reason": "format"}), Event("step.finished"))
    store.runs.finish(fence, status="succeeded", end_reason="final", result={})


def test_an_empty_service_has_zeros(store: Store) -> None:
    found = scrape(store)
    assert found['budgetml_runs{status="queued"}'] == 0
    assert found["budgetml_steps_total"] == found["budgetml_queue_length"] == 0
    assert found["budgetml_event_lag_seconds_count"] == 0


def test_everything_that_happened_is_counted(store: Store) -> None:
    history(store, "run-a")
    history(store, "run-b")
    history(store, "tape", simulated=True)
    store.runs.create(NewRun("waits", "t", "p", {}, cap_pico=1, lifelines=0))
    found = scrape(store)
    assert found['budgetml_runs{status="succeeded"}'] == 3
    assert found['budgetml_runs{status="queued"}'] == 1
    assert found["budgetml_queue_length"] == 0, "nobody handed it to the service"
    assert found["budgetml_steps_total"] == 3
    assert found['budgetml_calls_total{outcome="ok"}'] == 3
    assert found['budgetml_calls_total{outcome="transient"}'] == 3
    assert found['budgetml_calls_total{outcome="lost"}'] == 2
    assert found['budgetml_calls_total{outcome="void"}'] == 1
    assert found['budgetml_dollars_total{kind="paid"}'] == 3, "a lost call costs what it reserved"
    assert found['budgetml_dollars_total{kind="simulated"}'] == Decimal("0.5")
    assert found['budgetml_escalations_total{reason="format"}'] == 3


def test_a_call_in_flight_is_not_counted_yet(store: Store) -> None:
    store.runs.create(NewRun("run-a", "t", "p", {}, cap_pico=USD, lifelines=0))
    fence = store.runs.claim("run-a", "me")
    assert fence is not None
    spec = CallSpec(CallKey(1, 0, 1, "plan"), "m", "h", 1, False, False, {}, "b")
    assert isinstance(store.calls.reserve(fence, spec), Granted)
    assert not [name for name in scrape(store) if name.startswith("budgetml_calls_total")]


def test_no_counter_falls_when_a_run_is_deleted_or_the_service_starts_again(
    tmp_path: Path,
) -> None:
    database = tmp_path / "budgetml.db"
    with Store.open(database) as store:
        history(store, "run-a")
        history(store, "run-b")
        before = scrape(store)
        store.runs.delete("run-a")
        after = scrape(store)
        assert after.pop('budgetml_runs{status="succeeded"}') == 1
        assert before.pop('budgetml_runs{status="succeeded"}') == 2
        assert after == before
    with Store.open(database) as store:
        history(store, "run-a")
        assert scrape(store)['budgetml_calls_total{outcome="ok"}'] == 3


def test_the_lag_is_a_cumulative_histogram() -> None:
    lag = Lag()
    for seconds in (0.001, 0.005, 0.3, 60.0, -1.0):
        lag.observe(seconds)
    lines = list(lag.lines())
    counts = dict(re.findall(r'_bucket\{le="([^"]+)"\} (\d+)', "\n".join(lines)))
    assert (counts["0.005"], counts["0.01"], counts["0.25"]) == ("3", "3", "3")
    assert (counts["0.5"], counts["10.0"], counts["+Inf"]) == ("4", "4", "5")
    assert lines[-2:] == [
        "budgetml_event_lag_seconds_sum 60.306000",
        "budgetml_event_lag_seconds_count 5",
    ]


async def test_prometheus_scrapes_a_service_at_work(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST, LIST) as api:
        await api.ended(await api.start())
        text, kind = await scraped(api)
        found = samples(text)
    assert kind == "text/plain; version=0.0.4; charset=utf-8"
    assert found['budgetml_runs{status="succeeded"}'] == 1
    assert found["budgetml_steps_total"] == 3
    assert found['budgetml_calls_total{outcome="ok"}'] == 3
    assert found["budgetml_event_lag_seconds_count"] > 0, "its events were followed"
    assert found["budgetml_event_lag_seconds_sum"] < 60


async def scraped(api: Api) -> tuple[str, str]:
    answer = await api.http.get("/metrics")
    assert answer.status_code == 200
    return answer.text, answer.headers["content-type"]


def test_a_label_cannot_break_the_format(store: Store) -> None:
    store.runs.create(NewRun("run-a", "t", "p", {}, cap_pico=1, lifelines=0))
    fence = store.runs.claim("run-a", "me")
    assert fence is not None
    EventLog(store, fence).emit(Event("escalation", data={"reason": 'a"b\\c\nd'}))
    assert scrape(store)['budgetml_escalations_total{reason="a\\"b\\\\c\\nd"}'] == 1
