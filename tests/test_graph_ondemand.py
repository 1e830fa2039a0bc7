"""Runs without a runner: pauses, edits, restarts and forks leave the store sound."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import StateSnapshot

from bench.kit import Kit, kit, reply, write_rows
from core.config import RunOptions
from core.events import LoggedEvent
from core.state import RunInput
from graph.budget import Graph, compiled
from graph.ondemand import OnDemand
from store.fence import Fence
from store.runrows import RunRow

PRESET = {"tiers": [{"model": "replay:openai:gpt-3.5-turbo"}]}
TAPE = [
    {"step": 1, "reply": reply("Write File", file_name="notes.txt", content="one")},
    {"step": 2, "reply": reply("Append File", file_name="notes.txt", content=" two")},
    {"step": 3, "reply": reply("Copy File", source="notes.txt", destination="copy.txt")},
    {"step": 4, "reply": reply("Final Answer", final_answer="done")},
]
ACTIONS = ["Write File", "Append File", "Copy File", "Final Answer"]


@dataclass
class Desk:
    """A server process: a graph over a saver that outlives it, as Studio's does."""

    made: Kit
    preset: str
    saver: InMemorySaver = field(default_factory=InMemorySaver)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything that only the process knew."""
        self.graph: Graph = compiled(OnDemand(lambda: self.made.services), self.saver)

    async def run(
        self, given: dict[str, Any] | None, at: RunnableConfig | None = None, **more: Any
    ) -> dict[str, Any]:
        """One request to run the thread."""
        options = RunOptions(preset=self.preset)
        start = cast("RunInput | None", given)
        done = await self.graph.ainvoke(start, at or THREAD, context=options, version="v2", **more)
        return {**done.value}

    async def paused_before(self, action: str) -> str:
        """A run that stands before one of its actions; its id."""
        values = await self.run({"task_id": str(self.made.task)}, interrupt_before=[action])
        assert "run_id" in values, values
        return str(values["run_id"])

    async def checkpoint(self, step: int, node: str) -> StateSnapshot:
        """Where the node of that step was about to run."""
        async for found in self.graph.aget_state_history(THREAD):
            if found.values.get("step") == step and found.next == (node,):
                return found
        raise AssertionError(f"{node} never stood ready in step {step}")

    def row(self, run_id: str) -> RunRow:
        return self.made.services.store.runs.get(run_id)

    def events(self, run_id: str) -> list[LoggedEvent]:
        return self.made.services.store.events.read(run_id, limit=5000)

    def whole(self, run_id: str) -> None:
        """The run ended well: every action once and in order, the files right, no event lost."""
        row, events = self.row(run_id), self.events(run_id)
        assert (row.status, row.end_reason, row.step_count) == ("succeeded", "final_answer", 4)
        steps = self.made.services.store.steps.span(run_id, 1)
        assert [s.action for s in steps] == ACTIONS
        assert [e.seq for e in events] == list(range(1, row.last_seq + 1))
        assert events[-1].type == "run.finished"
        assert (self.workspace(run_id) / "copy.txt").read_text() == "one two"

    def workspace(self, run_id: str) -> Path:
        return self.made.services.settings.runs_dir / run_id / "workspace"

    async def until_called(self) -> None:
        """Wait for a model to be thinking."""
        store = self.made.services.store
        for _ in range(500):
            if any(c.status == "reserved" for r in store.runs.list() for c in store.calls.read(r.id)):
                return
            await asyncio.sleep(0.02)
        raise AssertionError("no model was called in 10 s")

    def count(self, run_id: str, kind: str) -> int:
        return sum(e.type == kind for e in self.events(run_id))


THREAD: RunnableConfig = {"configurable": {"thread_id": "studio"}, "recursion_limit": 500}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with kit(tmp_path) as made:
        write_rows(tmp_path / "run.tape.jsonl", TAPE)
        actions = ["List Files", *ACTIONS]
        preset = {**PRESET, "actions": actions, "tape": str(tmp_path / "run.tape.jsonl")}
        (tmp_path / "run.yaml").write_text(json.dumps(preset))
        yield Desk(made, str(tmp_path / "run.yaml"))


async def test_a_run_needs_nothing_but_its_task(desk: Desk) -> None:
    values = await desk.run({"task_id": str(desk.made.task)})
    desk.whole(values["run_id"])
    assert desk.row(values["run_id"]).epoch == 1


async def test_a_breakpoint_is_passed_as_if_it_was_not_there(desk: Desk) -> None:
    run_id = await desk.paused_before("Append File")
    await desk.run(None)
    desk.whole(run_id)
    assert (desk.row(run_id).epoch, desk.count(run_id, "step.rolled_back")) == (1, 0)


async def test_an_edited_state_goes_on_as_the_same_run_with_its_step_begun_anew(desk: Desk) -> None:
    run_id = await desk.paused_before("Append File")
    (desk.workspace(run_id) / "notes.txt").write_text("scribbled on")
    await desk.graph.aupdate_state(THREAD, {"feedback": "edited"}, as_node="planner")
    await desk.run(None)
    desk.whole(run_id)
    assert desk.row(run_id).epoch == 2
    assert [e.step for e in desk.events(run_id) if e.type == "step.rolled_back"] == [2]


async def test_after_a_restart_the_workspace_is_what_the_state_says(desk: Desk) -> None:
    run_id = await desk.paused_before("Append File")
    desk.made.services.store.runs.release(Fence(run_id, 1), reason="the server stopped")
    (desk.workspace(run_id) / "notes.txt").write_text("half an action")
    desk.restart()
    await desk.run(None)
    desk.whole(run_id)
    assert desk.count(run_id, "run.resumed") == 1


async def test_a_run_stopped_in_studio_is_interrupted_and_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUDGETML_REPLAY_DELAY_S", "1")
    going = asyncio.create_task(desk.run({"task_id": str(desk.made.task)}))
    await desk.until_called()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    (row,) = desk.made.services.store.runs.list()
    assert (row.status, row.owner) == ("interrupted", None)
    await desk.run(None)
    desk.whole(row.id)


async def test_a_run_of_another_live_process_is_left_alone(desk: Desk) -> None:
    run_id = await desk.paused_before("Append File")
    desk.restart()
    with pytest.raises(RuntimeError, match=f"RunFailed: Run {run_id} is being run by"):
        await desk.run(None)
    assert (desk.row(run_id).epoch, desk.row(run_id).status) == (1, "running")


async def test_a_state_that_was_left_behind_becomes_a_run_of_its_own(desk: Desk) -> None:
    first = (await desk.run({"task_id": str(desk.made.task)}))["run_id"]
    before = desk.row(first), desk.events(first)
    old = await desk.checkpoint(3, "planner")
    values = await desk.run(None, {**THREAD, **old.config})
    fork = desk.row(values["run_id"])
    assert (fork.parent_run, fork.parent_step) == (first, 2)
    desk.whole(fork.id)
    assert (desk.row(first), desk.events(first)) == before
    assert [c.step for c in desk.made.services.store.calls.read(fork.id)] == [3, 4]


async def test_an_edited_copy_of_an_old_state_has_its_edit(desk: Desk) -> None:
    first = (await desk.run({"task_id": str(desk.made.task)}))["run_id"]
    old = await desk.checkpoint(3, "Copy File")
    turn = {**old.values["turn"], "action": "List Files", "input": {"dir_path": "."}}
    edited = await desk.graph.aupdate_state(old.config, {"turn": turn}, as_node="planner")
    values = await desk.run(None, {**THREAD, **edited})
    steps = desk.made.services.store.steps.span(values["run_id"], 1)
    assert values["run_id"] != first
    assert [s.action for s in steps] == [*ACTIONS[:2], "List Files", "Final Answer"]


async def test_a_fork_between_an_action_and_its_observation_is_refused(desk: Desk) -> None:
    await desk.run({"task_id": str(desk.made.task)})
    old = await desk.checkpoint(2, "observe")
    with pytest.raises(RuntimeError, match="Fork from before the action, or after the step"):
        await desk.run(None, {**THREAD, **old.config})
    assert len(desk.made.services.store.runs.list()) == 1


async def test_a_finished_run_asks_for_a_new_thread(desk: Desk) -> None:
    run_id = (await desk.run({"task_id": str(desk.made.task)}))["run_id"]
    before = desk.row(run_id)
    with pytest.raises(RuntimeError, match=f"Run {run_id} has begun.*start a new thread"):
        await desk.run({"task_id": str(desk.made.task)})
    old = await desk.checkpoint(5, "grade")
    with pytest.raises(RuntimeError, match=r"has ended \(succeeded\); start a new thread"):
        await desk.run(None, {**THREAD, **old.config})
    assert desk.row(run_id) == before


async def test_a_cancel_between_two_nodes_is_seen(desk: Desk) -> None:
    run_id = await desk.paused_before("Append File")
    assert desk.made.services.store.runs.request_cancel(run_id) == "cancelling"
    with pytest.raises(RuntimeError, match=f"Run {run_id} was cancelled"):
        await desk.run(None)
    assert desk.row(run_id).status == "cancelled"
    assert desk.events(run_id)[-1].type == "run.finished"


@pytest.mark.parametrize(
    ("given", "preset", "text"),
    [
        ({"task_id": "vectorisation"}, "demo", "UnknownName: .*vectorization"),
        ({"task_id": "vectorization"}, "dmeo", 'UnknownName: There is no preset "dmeo".*demo'),
        ({"task_id": "house-price"}, "demo", "DataMissing: .*budgetml prepare house-price"),
        ({"task_id": ""}, "demo", "BadRequest: The input has no task_id"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_stored(
    desk: Desk, given: dict[str, Any], preset: str, text: str
) -> None:
    desk.preset = preset
    with pytest.raises(RuntimeError, match=text):
        await desk.run(given)
    assert desk.made.services.store.runs.list() == []


async def test_a_run_that_was_deleted_is_missed(desk: Desk) -> None:
    run_id = await desk.paused_before("Append File")
    desk.made.services.store.runs.release(Fence(run_id, 1), reason="stopped")
    desk.made.services.store.runs.delete(run_id)
    desk.restart()
    with pytest.raises(RuntimeError, match=f"UnknownName: There is no run '{run_id}'"):
        await desk.run(None)
