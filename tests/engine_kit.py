"""Runs of the tiny task given to a local engine."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.kit import Kit, kit, reply
from engine.local import Bounds, LocalEngine
from graph.services import Services
from store.queues import Submission
from store.runrows import NewRun, RunRow

PRESET: dict[str, Any] = {
    "tiers": [{"model": "replay:google_genai:gemini-2.5-flash-lite", "tries": 1}],
    "limits": {"steps": 30, "budget_usd": "10"},
    "actions": ["List Files", "Write File", "Execute Script", "Final Answer"],
    "grade_live": False,
}
LIST = reply("List Files", dir_path=".")
DONE = reply("Final Answer", final_answer="done")
QUICK = Bounds(slots=2, max_queued=10, look_s=0.05)


class Shop:
    """A home, its runs and the engines that work on them."""

    def __init__(self, made: Kit, delay_s: float) -> None:
        self.store = made.services.store
        self._made = made
        environ = {"BUDGETML_REPLAY_DELAY_S": str(delay_s)}
        self.services: Services = replace(made.services, environ=environ)

    def run(self, *replies: str, submitted: bool = True, priority: int = 0) -> str:
        """A queued run on a tape of these replies."""
        rows = [{"step": n, "reply": text} for n, text in enumerate([*replies, DONE], start=1)]
        template = self._made.run(PRESET, rows)
        self.store.runs.delete(template.id)
        names = NewRun.__dataclass_fields__
        new = NewRun(**{name: getattr(template, name) for name in names})
        row = self.store.runs.create(replace(new, priority=priority))
        if submitted:
            self.store.queue.hand_over(row.id, Submission("test"))
        return row.id

    def row(self, run_id: str) -> RunRow:
        """How a run stands."""
        return self.store.runs.get(run_id)

    def status(self, run_id: str) -> str:
        """Its status."""
        return self.row(run_id).status

    def types(self, run_id: str) -> list[str]:
        """The types of its events."""
        return [event.type for event in self.store.events.read(run_id, limit=5000)]

    @contextmanager
    def engine(self, bounds: Bounds = QUICK) -> Iterator[LocalEngine]:
        """A started engine, stopped in order at the end."""
        engine = LocalEngine(self.services, bounds)
        engine.start()
        try:
            yield engine
        finally:
            assert engine.stop(10)


@contextmanager
def shop(folder: Path, delay_s: float = 0) -> Iterator[Shop]:
    """An empty one."""
    with kit(folder) as made:
        yield Shop(made, delay_s)


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something that other threads do."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def dead_owner() -> str:
    """The name of an owner whose process has ended."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return f"{socket.gethostname()}:{ended.pid}:0"
