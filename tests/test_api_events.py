"""The event log over HTTP: every event once and in order, for any number of followers."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from pathlib import Path

import pytest
from api_kit import LIST, Api, events_of, in_process

from api.feed import Feed
from api.tail import KEPT, Frame, Tail
from core.events import Event
from store.eventlog import EventLog
from store.fence import Fence

SSE = {"Accept": "text/event-stream"}


async def stream(api: Api, run_id: str, after: int | None = None) -> list[int]:
    """The sequence numbers a follower gets until the stream ends."""
    headers = SSE if after is None else {**SSE, "Last-Event-ID": str(after)}
    answer = await api.http.get(f"/runs/{run_id}/events", headers=headers)
    assert answer.headers["content-type"].startswith("text/event-stream")
    return [event["seq"] for event in events_of(answer.text)]


async def test_many_followers_of_a_live_run_each_get_everything_once(tmp_path: Path) -> None:
    async with in_process(tmp_path, *([LIST] * 5), delay_s=0.05) as api:
        run_id = await api.start()
        found = await asyncio.gather(*(stream(api, run_id) for _ in range(20)))
        last = (await api.get(f"/runs/{run_id}"))["last_seq"]
        assert found == [list(range(1, last + 1))] * 20


async def test_a_follower_that_comes_back_goes_on_where_it_was(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await api.start()
        everything = await stream(api, run_id)
        assert await stream(api, run_id, 5) == everything[5:]
        answer = await api.http.get(f"/runs/{run_id}/events", params={"after": 7}, headers=SSE)
        assert [event["seq"] for event in events_of(answer.text)] == everything[7:]


async def test_who_has_everything_is_told_not_to_come_back(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await api.start()
        last = (await stream(api, run_id))[-1]
        headers = {**SSE, "Last-Event-ID": str(last)}
        answer = await api.http.get(f"/runs/{run_id}/events", headers=headers)
        assert (answer.status_code, answer.content) == (204, b"")


async def test_the_same_log_comes_page_by_page(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await api.start()
        everything = await stream(api, run_id)
        seen: list[int] = []
        while True:
            after = seen[-1] if seen else 0
            page = await api.get(f"/runs/{run_id}/events", after=after, limit=4)
            assert page["finished"] is True
            if not page["items"]:
                break
            assert len(page["items"]) <= 4
            seen += [event["seq"] for event in page["items"]]
        assert seen == everything


@pytest.mark.parametrize("name", ["x", "-1", "1.5", "999"])
async def test_a_place_in_the_log_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await api.start()
        await stream(api, run_id)
        for request in ({"headers": {**SSE, "Last-Event-ID": name}}, {"params": {"after": name}}):
            status, _ = await api.refused("GET", f"/runs/{run_id}/events", **request)
            assert status == 422


async def test_what_a_model_wrote_cannot_break_the_stream(tmp_path: Path) -> None:
    async with in_process(tmp_path, *([LIST] * 30), delay_s=0.2) as api:
        run_id = await api.start()
        store = api.made.services.store
        while (row := store.runs.get(run_id)).status != "running":  # noqa: ASYNC110 - a thread
            await asyncio.sleep(0.01)
        text = "a\n\nevent: run.finished\ndata: {}\n\n\ud800 \0"
        log = EventLog(store, Fence(run_id, row.epoch))
        seq = log.emit(Event("log", data={"text": text, "loss": float("nan")}))
        await api.http.post(f"/runs/{run_id}/cancel")
        answer = await api.http.get(f"/runs/{run_id}/events", headers=SSE)
        event = events_of(answer.text)[seq - 1]
        assert (event["type"], event["data"]["loss"]) == ("log", None)
        assert event["data"]["text"].startswith("a\n\nevent: run.finished")
        page = await api.get(f"/runs/{run_id}/events", after=seq - 1, limit=1)
        assert page["items"][0]["data"]["text"].endswith("\\ud800 \0")


async def test_deleting_a_run_ends_its_streams(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        store = api.made.services.store
        feed: Feed = api.app.state.parts.feed
        made = api.made.run({"tiers": [{"model": "replay:openai:gpt-5.4"}]}, [])
        follower = asyncio.create_task(drained(feed, made.id))
        await asyncio.sleep(0.05)
        store.runs.delete(made.id)
        assert await asyncio.wait_for(follower, 5) == [1]


async def drained(feed: Feed, run_id: str) -> list[int]:
    """What a follower from the start gets."""
    async with aclosing(feed.follow(run_id, 0, 1)) as batches:
        return [frame.seq async for frames in batches for frame in frames]


async def test_a_slow_follower_costs_one_page_and_misses_nothing(tmp_path: Path) -> None:
    """More happens while it reads one page than is kept in memory."""
    async with in_process(tmp_path, LIST) as api:
        store, feed = api.made.services.store, api.app.state.parts.feed
        made = api.made.run({"tiers": [{"model": "replay:openai:gpt-5.4"}]}, [])
        fence = store.runs.claim(made.id, "test")
        assert fence is not None
        log = EventLog(store, fence)
        batches = feed.follow(made.id, 0, 2)
        seen = [frame.seq for frame in await anext(batches)]
        for _ in range(2):
            log.emit(*(Event("log") for _ in range(2 * KEPT)))
            await asyncio.sleep(0.1)
        while len(seen) < 2 + 4 * KEPT:
            seen += [frame.seq for frame in await asyncio.wait_for(anext(batches), 5)]
        await batches.aclose()
        assert seen == list(range(1, 3 + 4 * KEPT))


def frames(first: int, last: int) -> list[Frame]:
    """Frames without content."""
    return [Frame(seq, False, b"") for seq in range(first, last + 1)]


async def test_a_tail_keeps_a_bounded_number_of_events() -> None:
    tail = Tail(10)
    tail.add(frames(11, 10 + 3 * KEPT))
    assert tail.since(10) is None, "the log has to be asked"
    kept = tail.since(10 + 2 * KEPT)
    assert kept is not None
    assert [kept[0].seq, kept[-1].seq, len(kept)] == [11 + 2 * KEPT, 10 + 3 * KEPT, KEPT]
    assert tail.since(10 + 3 * KEPT) == []
    tail.skip_to(5000)
    assert tail.since(4999) is None
    assert tail.since(5000) == []


async def test_an_event_is_one_json_object_on_one_line(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await api.start()
        answer = await api.http.get(f"/runs/{run_id}/events", headers=SSE)
        assert answer.text.startswith("retry: 1000\n\n")
        block = answer.text.split("\n\n")[1].splitlines()
        assert [line.split(":")[0] for line in block] == ["event", "data", "id"]
        keys = ["seq", "ts", "run_id", "type", "step", "attempt", "tier", "node", "data"]
        assert list(json.loads(block[1].removeprefix("data: "))) == keys
