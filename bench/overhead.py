"""What durability costs: milliseconds a step of our graph beside a bare LangGraph loop.

Both keep checkpoints in SQLite with LangGraph's saver, the same PRAGMAs and durability, in one
process, in turns, after a warm-up. Ours also keeps events, calls, steps and the workspace history.
The action is List Files. For information, the bare loop also runs on our own saver, which takes one
transaction a superstep and no thread; no bound is set on that figure.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from bench.kit import Kit, kit, reply, write_task
from bench.output import finish, table
from core.offload import own_loop
from graph.owner import new_owner
from graph.runner import run_agent
from store.checkpoints import open_saver
from store.sqlite import PRAGMAS

RATIO, GROWTH, DISK = 2.5, 1.2, 11.0
PRESET: dict[str, Any] = {
    "tiers": [{"model": "replay:google_genai:gemini-2.5-flash-lite"}],
    "cascade": {"repetition_window": 0},
    "limits": {"budget_usd": "1000"},
}


class Bare(TypedDict):
    """The state of the bare loop."""

    n: int
    names: list[str]


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of a number of steps."""

    steps: int
    ms: float
    """Milliseconds per step, mean over the run."""
    disk: int
    """Bytes in its home afterwards."""
    late: float = 1.0
    """Lower quartile of the last 25 steps over that of steps 6 to 30."""


def main() -> None:
    """Print the table and check the bounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, nargs="+", default=[30, 300, 1000])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    compare(10, 1)  # imports, templates and statement caches are not what is measured
    rows = [compare(steps, arguments.repeats) for steps in arguments.steps]
    report(rows, arguments.json)


Row = tuple[Measured, Measured, Measured]
"""Ours, the bare loop, and the bare loop on our saver."""


def compare(steps: int, repeats: int) -> Row:
    """The best runs of ours and the bare loops, made in turns: other work only ever adds time."""
    turns = repeats if steps <= 300 else max(2, repeats // 2)
    rounds = [
        (ours_once(steps), asyncio.run(bare_once(steps)), asyncio.run(bare_on_our_saver(steps)))
        for _ in range(turns)
    ]
    ours, bare, own = zip(*rounds, strict=True)
    return _best(ours), _best(bare), _best(own)


def _best(runs: Sequence[Measured]) -> Measured:
    best = min(runs, key=lambda r: r.ms)
    return replace(best, late=min(r.late for r in runs))


def ours_once(steps: int) -> Measured:
    """A whole run of our graph, timed from its first step to its last."""
    rows = [{"step": i, "reply": reply("List Files", dir_path=".")} for i in range(1, steps + 1)]
    with kit() as made:
        row = made.run(PRESET, rows, steps=steps)
        asyncio.run(run_agent(made.services, row.id, new_owner()))
        durations, total = step_times(made, row.id)
        return Measured(steps, total / steps * 1000, size(made.root / "home"), growth(durations))


def step_times(made: Kit, run_id: str) -> tuple[list[float], float]:
    """Seconds of every step, and from the first start to the last end."""
    starts = [_time(e.ts) for e in _events(made, run_id, "step.started")]
    end = _time(_events(made, run_id, "step.finished")[-1].ts)
    marks = [*starts, end]
    return [b - a for a, b in pairwise(marks)], end - starts[0]


def _events(made: Kit, run_id: str, type_: str) -> list[Any]:
    return made.services.store.events.read(run_id, limit=100_000, types=(type_,))


def _time(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def growth(durations: list[float]) -> float:
    """How much slower the last steps are than those up to step 30, by their lower quartiles."""
    if len(durations) < 60:
        return 1.0
    return _quartile(durations[-25:]) / _quartile(durations[5:30])


def _quartile(durations: list[float]) -> float:
    return statistics.quantiles(durations, n=4)[0]


async def bare_once(steps: int) -> Measured:
    """Three nodes a step, one of them listing a folder; nothing else is kept."""
    with TemporaryDirectory(prefix="bare-") as folder:
        write_task(Path(folder))
        async with AsyncSqliteSaver.from_conn_string(f"{folder}/bare.db") as saver:
            for pragma in PRAGMAS:
                await saver.conn.execute(pragma)
            seconds = await _loop(folder, steps, saver)
        return Measured(steps, seconds / steps * 1000, size(Path(folder)))


async def bare_on_our_saver(steps: int) -> Measured:
    """The same loop with the saver and the loop ownership of our runner."""
    with kit() as made, own_loop():
        row = made.run(PRESET, [])
        fence = made.services.store.runs.claim(row.id, new_owner())
        if fence is None:
            raise AssertionError("a fresh run can be claimed")
        async with open_saver(made.services.settings.database) as saver:
            saver.hold(fence)
            seconds = await _loop(str(made.task), steps, saver, row.id)
        return Measured(steps, seconds / steps * 1000, 0)


async def _loop(
    folder: str, steps: int, saver: BaseCheckpointSaver[Any], thread: str = "bare"
) -> float:
    graph = _bare_graph(folder, steps).compile(checkpointer=saver)
    began = time.perf_counter()
    await graph.ainvoke(
        {"n": 0, "names": []},
        {"configurable": {"thread_id": thread}, "recursion_limit": steps * 3 + 10},
        durability="sync",
    )
    return time.perf_counter() - began


def _bare_graph(folder: str, steps: int) -> StateGraph[Bare, None, Bare, Bare]:
    async def plan(state: Bare) -> dict[str, Any]:
        return {"n": state["n"] + 1}

    async def act(state: Bare) -> dict[str, Any]:
        return {"names": sorted(os.listdir(folder))}  # noqa: PTH208 - names only

    async def see(state: Bare) -> dict[str, Any]:
        return {"names": []}

    builder = StateGraph(Bare)
    for name, node in (("plan", plan), ("act", act), ("see", see)):
        builder.add_node(name, node)
    builder.add_edge(START, "plan")
    builder.add_edge("plan", "act")
    builder.add_edge("act", "see")
    builder.add_conditional_edges("see", lambda s: END if s["n"] >= steps else "plan")
    return builder


def size(folder: Path) -> int:
    """Bytes the files below a folder take on disk."""
    return sum(p.lstat().st_blocks * 512 for p in folder.rglob("*") if not p.is_dir())


def report(rows: list[Row], as_json: bool) -> None:
    """The table, the bounds and the verdict."""
    table(
        ["steps", "ours ms/step", "bare ms/step", "ratio", "late/early", "ours MB", "bare MB",
         "bare, our saver", "ratio to it"],
        [
            [o.steps, f"{o.ms:.2f}", f"{b.ms:.2f}", f"{o.ms / b.ms:.2f}", f"{o.late:.2f}",
             f"{o.disk / 1e6:.2f}", f"{b.disk / 1e6:.2f}", f"{s.ms:.2f}", f"{o.ms / s.ms:.2f}"]
            for o, b, s in rows
        ],
    )  # fmt: skip
    disk = {o.steps: o.disk for o, _, _ in rows}
    linear = disk[300] / disk[30] if {30, 300} <= set(disk) else 0.0
    ratio, late = max(o.ms / b.ms for o, b, _ in rows), max(o.late for o, _, _ in rows)
    finish(
        {
            "ratio_worst": round(ratio, 3),
            "late_over_early": round(late, 3),
            "disk_300_over_30": round(linear, 2),
            "rows": [
                {"steps": o.steps, "ours_ms": o.ms, "bare_ms": b.ms, "bare_on_our_saver_ms": s.ms}
                for o, b, s in rows
            ],
        },
        {
            f"at most {RATIO} times the bare loop": ratio <= RATIO,
            f"late steps at most {GROWTH} times early ones": late <= GROWTH,
            f"300 steps take at most {DISK} times the disk of 30": linear <= DISK,
        },
        as_json=as_json,
    )


if __name__ == "__main__":
    main()
