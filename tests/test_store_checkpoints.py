"""Checkpoints belong to whoever owns the run, and survive with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import Checkpoint, empty_checkpoint
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from core.errors import Fenced, StorageFull
from store.checkpoints import FencedSaver, open_saver
from store.database import Store
from store.fence import Fence
from store.runrows import NewRun


class Counter(TypedDict):
    count: int


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "budgetml.db") as opened:
        yield opened


@pytest.fixture
def fence(store: Store) -> Fence:
    return claimed(store, "run-a")


@pytest.fixture
async def saver(store: Store, tmp_path: Path) -> AsyncIterator[FencedSaver]:
    async with open_saver(tmp_path / "budgetml.db") as opened:
        yield opened


def claimed(store: Store, run_id: str) -> Fence:
    store.runs.create(NewRun(run_id, "t", "p", {}, cap_pico=1, lifelines=0))
    fence = store.runs.claim(run_id, "me")
    assert fence is not None
    return fence


def config(run_id: str = "run-a") -> RunnableConfig:
    return {"configurable": {"thread_id": run_id, "checkpoint_ns": ""}}


async def put(saver: FencedSaver, run_id: str = "run-a") -> Checkpoint:
    checkpoint = empty_checkpoint()
    await saver.aput(config(run_id), checkpoint, {"source": "loop", "step": 1}, {})
    return checkpoint


async def count_of(saver: FencedSaver, run_id: str = "run-a") -> int:
    return len([found async for found in saver.alist(config(run_id))])


def add(state: Counter) -> Counter:
    return {"count": state["count"] + 1}


def graph(saver: FencedSaver) -> CompiledStateGraph[Counter, None, Counter, Counter]:
    builder = StateGraph(Counter)
    builder.add_node("add", add)
    builder.add_edge(START, "add")
    builder.add_edge("add", END)
    return builder.compile(checkpointer=saver)


async def test_a_held_run_is_checkpointed_and_read_back(
    saver: FencedSaver, fence: Fence, tmp_path: Path
) -> None:
    saver.hold(fence)
    assert await graph(saver).ainvoke({"count": 1}, config(), durability="sync") == {"count": 2}
    async with open_saver(tmp_path / "budgetml.db") as other:
        state = await graph(other).aget_state(config())
    assert state.values == {"count": 2}


async def test_a_run_nobody_holds_is_refused(saver: FencedSaver, fence: Fence) -> None:
    with pytest.raises(Fenced, match="not held"):
        await put(saver)
    saver.hold(fence)
    await put(saver)
    saver.drop("run-a")
    with pytest.raises(Fenced, match="not held"):
        await put(saver)
    assert await count_of(saver) == 1


async def test_a_fenced_owner_writes_neither_checkpoints_nor_writes(
    saver: FencedSaver, store: Store, fence: Fence
) -> None:
    saver.hold(fence)
    checkpoint = await put(saver)
    at: RunnableConfig = {
        "configurable": {
            "thread_id": "run-a",
            "checkpoint_ns": "",
            "checkpoint_id": checkpoint["id"],
        }
    }
    await saver.aput_writes(at, [("__error__", "first")], "task-1")
    taken = store.runs.claim("run-a", "other", stale_after_s=-1)
    assert taken is not None
    with pytest.raises(Fenced, match="epoch 2, ours is 1"):
        await put(saver)
    with pytest.raises(Fenced):
        await saver.aput_writes(at, [("__error__", "second")], "task-2")
    found = await saver.aget_tuple(at)
    assert found is not None
    assert found.pending_writes == [("task-1", "__error__", "first")]
    assert await count_of(saver) == 1
    saver.hold(taken)
    await put(saver)
    assert await count_of(saver) == 2


class ClaimsMeanwhile(JsonPlusSerializer):
    """Somebody claims the run while the saver is busy with the checkpoint's bytes."""

    def __init__(self, store: Store) -> None:
        super().__init__()
        self._store = store

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        self._store.runs.claim("run-a", "other", stale_after_s=-1)
        return super().dumps_typed(obj)


async def test_the_fence_is_checked_after_the_last_moment_a_claim_can_come(
    saver: FencedSaver, store: Store, fence: Fence
) -> None:
    saver.hold(fence)
    saver.serde = ClaimsMeanwhile(store)
    with pytest.raises(Fenced, match="ours is 1"):
        await put(saver)
    assert await count_of(saver) == 0


async def test_ordinary_writes_are_left_to_the_checkpoint_that_follows(
    saver: FencedSaver, fence: Fence
) -> None:
    saver.hold(fence)
    at = config()
    at["configurable"]["checkpoint_id"] = (await put(saver))["id"]
    await saver.aput_writes(at, [("count", 1)], "task-1")
    found = await saver.aget_tuple(at)
    assert found is not None
    assert found.pending_writes == []


async def test_a_graph_that_loses_its_run_stops(
    saver: FencedSaver, store: Store, fence: Fence
) -> None:
    saver.hold(fence)
    store.runs.claim("run-a", "other", stale_after_s=-1)
    with pytest.raises(Fenced):
        await graph(saver).ainvoke({"count": 1}, config(), durability="sync")
    assert await count_of(saver) == 0


async def test_a_finished_run_may_still_save_its_last_state(
    saver: FencedSaver, store: Store, fence: Fence
) -> None:
    saver.hold(fence)
    store.runs.finish(fence, status="succeeded", end_reason="steps", result={})
    await put(saver)
    assert await count_of(saver) == 1


async def test_deleting_removes_the_checkpoints_of_one_run(
    saver: FencedSaver, store: Store, fence: Fence
) -> None:
    for held in (fence, claimed(store, "run-b")):
        saver.hold(held)
        await put(saver, held.run_id)
    await saver.adelete_thread("run-a")
    assert (await count_of(saver), await count_of(saver, "run-b")) == (0, 1)
    store.runs.release(fence, reason="x")
    store.runs.delete("run-a")
    with pytest.raises(Fenced, match="deleted"):
        await put(saver)


async def test_a_cancelled_or_failed_write_does_not_lock_the_store(
    saver: FencedSaver, store: Store, fence: Fence
) -> None:
    saver.hold(fence)
    for pause in range(24):
        task = asyncio.create_task(put(saver))
        await asyncio.sleep(0)
        for _ in range(pause):
            await asyncio.sleep(0.00002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.wait_for(asyncio.to_thread(store.runs.beat, fence), timeout=5)
    with pytest.raises(KeyError, match="checkpoint_id"):
        await saver.aput_writes(config(), [("__error__", "x")], "task")
    await asyncio.wait_for(asyncio.to_thread(store.runs.beat, fence), timeout=5)
    await put(saver)


async def test_runs_share_a_saver_while_the_store_writes(saver: FencedSaver, store: Store) -> None:
    fences = [claimed(store, f"run-{i}") for i in range(4)]
    for fence in fences:
        saver.hold(fence)

    async def work(fence: Fence) -> None:
        for _ in range(10):
            await put(saver, fence.run_id)
            await asyncio.to_thread(store.runs.beat, fence)

    await asyncio.gather(*(work(fence) for fence in fences))
    assert [await count_of(saver, f.run_id) for f in fences] == [10] * 4


async def test_a_full_database_is_reported_as_such(saver: FencedSaver, fence: Fence) -> None:
    saver.hold(fence)
    saver.conn.execute("PRAGMA max_page_count=1")
    at = config()
    at["configurable"]["checkpoint_id"] = "1"
    with pytest.raises(StorageFull, match="disk is full"):
        await saver.aput_writes(at, [("__error__", "x" * 200_000)], "task")
    saver.conn.execute("PRAGMA max_page_count=100000")
    await put(saver)
    assert await count_of(saver) == 1
