"""Runs without a runner: pauses, edits, restarts and forks leave the store sound."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ondemand_kit import ACTIONS, PRESET, TAPE, THREAD, Desk

from bench.kit import kit, write_rows
from store.fence import Fence


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
    desk: Desk,
) -> None:
    desk.environ["BUDGETML_REPLAY_DELAY_S"] = "5"
    going = asyncio.create_task(desk.run({"task_id": str(desk.made.task)}))
    await desk.until_called()
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    (row,) = desk.made.services.store.runs.list()
    assert (row.status, row.owner) == ("interrupted", None)
    desk.environ.clear()
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
