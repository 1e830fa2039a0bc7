"""How a run starts, stops, dies, is taken over and goes on, with nothing lost and nothing twice."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from tape_kit import COUNTS, LIST, RUN, Tried, assert_whole, on_tape, until, write

from core.errors import Fenced, RunFailed
from graph.budget import compiled
from graph.sources import Nobody
from store.checkpoints import open_saver
from store.fence import Fence

THREE = [write("a.txt", "1"), RUN, write("b.txt", "2")]
CHILDREN = """\
import os, subprocess, sys, time
from pathlib import Path
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
Path("pids").write_text(f"{os.getpid()} {child.pid}")
Path("ready").touch()
time.sleep(60)
"""


def trajectory(tried: Tried) -> list[tuple[object, ...]]:
    return [(s.step, s.action, s.action_input, s.failed) for s in tried.steps]


async def test_a_run_goes_from_queued_to_its_grade(tmp_path: Path) -> None:
    with on_tape(tmp_path, *THREE, files={"train.py": COUNTS}) as tried:
        assert tried.row.status == "queued"
        row = await tried.go()
        assert (row.status, row.end_reason, row.owner) == ("succeeded", "final_answer", None)
        assert tried.score == 2.0
        assert [e.type for e in tried.events][:3] == ["run.created", "run.started", "run.prepared"]
        assert_whole(tried)


async def test_a_run_that_has_ended_is_left_alone(tmp_path: Path) -> None:
    with on_tape(tmp_path, LIST) as tried:
        first = await tried.go()
        events = len(tried.events)
        assert await tried.go() == first
        assert len(tried.events) == events


async def test_a_stopped_run_is_interrupted_and_goes_on_where_it_was(tmp_path: Path) -> None:
    with on_tape(tmp_path / "stopped", *THREE, files={"train.py": COUNTS}) as tried:
        await tried.stop_when(lambda: tried.row.step_count == 1, delay_s=0.2)
        assert (tried.row.status, tried.row.owner) == ("interrupted", None)
        reason = tried.of_type("interrupt")[-1].data["reason"]
        assert "budgetml resume" in reason
        await tried.go()
        assert_whole(tried)
        assert tried.times_run == 1
        with on_tape(tmp_path / "undisturbed", *THREE, files={"train.py": COUNTS}) as other:
            await other.go()
            assert trajectory(tried) == trajectory(other)
            assert tried.paid == other.paid


async def test_a_queued_run_is_cancelled_at_once(tmp_path: Path) -> None:
    with on_tape(tmp_path, LIST) as tried:
        assert tried.services.store.runs.request_cancel(tried.id) == "cancelled"
        await tried.go()
        assert tried.outcome == ("cancelled", "cancelled")
        assert not tried.steps
        assert tried.events[-1].type == "run.finished"


async def test_cancelling_during_a_script_leaves_no_process_of_it(tmp_path: Path) -> None:
    with on_tape(tmp_path, RUN, files={"train.py": CHILDREN}) as tried:
        work = asyncio.create_task(tried.go())
        await until((tried.workspace / "ready").exists)
        assert tried.services.store.runs.request_cancel(tried.id) == "cancelling"
        async with asyncio.timeout(10):
            await work
        assert tried.outcome == ("cancelled", "cancelled")
        for pid in tried.text("pids").split():
            with pytest.raises(ProcessLookupError):
                os.kill(int(pid), 0)


async def test_cancelling_during_a_call_costs_nothing_on_a_tape(tmp_path: Path) -> None:
    with on_tape(tmp_path, LIST) as tried:
        work = asyncio.create_task(tried.go(delay_s=30))
        await until(lambda: bool(tried.calls))
        tried.services.store.runs.request_cancel(tried.id)
        async with asyncio.timeout(10):
            await work
        assert tried.outcome == ("cancelled", "cancelled")
        assert [c.status for c in tried.calls] == ["void"]
        assert (tried.row.spent_pico, tried.row.reserved_pico) == (0, 0)


async def test_a_cancel_asked_for_while_nobody_ran_it_ends_it_when_resumed(tmp_path: Path) -> None:
    with on_tape(tmp_path, *THREE) as tried:
        runs = tried.services.store.runs
        fence = runs.claim(tried.id, "gone")
        assert fence is not None
        runs.request_cancel(tried.id)
        runs.release(fence, reason="the process ended")
        await tried.go(delay_s=5)
        assert tried.outcome == ("cancelled", "cancelled")


async def test_a_run_of_another_live_process_is_refused_with_its_owner(tmp_path: Path) -> None:
    with on_tape(tmp_path, LIST) as tried:
        tried.services.store.runs.claim(tried.id, "elsewhere:1:x")
        with pytest.raises(RunFailed, match=r"run by elsewhere:1:x; .*budgetml watch"):
            await tried.go()


async def test_a_process_that_lost_its_run_stops_writing_and_the_next_one_ends_it(
    tmp_path: Path,
) -> None:
    with on_tape(tmp_path, *THREE, *[LIST] * 3, files={"train.py": COUNTS}) as tried:
        first = asyncio.create_task(tried.go(delay_s=0.2))
        await until(lambda: tried.row.step_count == 2)
        second = tried.services.store.runs.claim(tried.id, "second", stale_after_s=0)
        assert second is not None
        events = len(tried.events)
        with pytest.raises(Fenced, match=tried.id):
            await first
        assert len(tried.events) == events
        assert tried.row.owner == "second"
        await tried.go(owner="second")
        assert tried.outcome == ("succeeded", "final_answer")
        assert tried.times_run == 1
        assert_whole(tried)


async def test_a_script_of_a_process_that_lost_its_run_is_stopped(tmp_path: Path) -> None:
    with on_tape(tmp_path, RUN, files={"train.py": CHILDREN}) as tried:
        first = asyncio.create_task(tried.go())
        await until((tried.workspace / "ready").exists)
        tried.services.store.runs.claim(tried.id, "second", stale_after_s=0)
        done, _ = await asyncio.wait({first}, timeout=10)
        assert done
        assert isinstance(first.exception(), Fenced)
        for pid in tried.text("pids").split():
            with pytest.raises(ProcessLookupError):
                os.kill(int(pid), 0)


async def test_a_graph_that_is_only_looked_at_does_not_run(tmp_path: Path) -> None:
    with on_tape(tmp_path, LIST) as tried:
        fence = tried.services.store.runs.claim(tried.id, "looker")
        assert isinstance(fence, Fence)
        async with open_saver(tried.services.settings.database) as saver:
            saver.hold(fence)
            graph = compiled(Nobody(), saver)
            with pytest.raises(RunFailed, match=r"graph\.runner"):
                await graph.ainvoke({"task_id": "tiny"}, {"configurable": {"thread_id": tried.id}})
