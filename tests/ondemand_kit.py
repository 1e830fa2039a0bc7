"""Studio's side of a thread, without its server: the graph over a saver that survives restarts."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import StateSnapshot

from bench.kit import Kit, reply
from core.config import RunOptions
from core.events import LoggedEvent
from core.state import RunInput
from graph.budget import Graph, compiled
from graph.ondemand import OnDemand
from graph.services import Services
from store.runrows import RunRow

PRESET = {"tiers": [{"model": "replay:openai:gpt-3.5-turbo"}]}
TAPE = [
    {"step": 1, "reply": reply("Write File", file_name="notes.txt", content="one")},
    {"step": 2, "reply": reply("Append File", file_name="notes.txt", content=" two")},
    {"step": 3, "reply": reply("Copy File", source="notes.txt", destination="copy.txt")},
    {"step": 4, "reply": reply("Final Answer", final_answer="done")},
]
ACTIONS = ["Write File", "Append File", "Copy File", "Final Answer"]
THREAD: RunnableConfig = {"configurable": {"thread_id": "studio"}, "recursion_limit": 500}


@dataclass
class Desk:
    """A server process: a graph over a saver that outlives it, as Studio's does."""

    made: Kit
    preset: str
    saver: InMemorySaver = field(default_factory=InMemorySaver)
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget everything that only the process knew."""
        self.graph: Graph = compiled(OnDemand(self._services), self.saver)

    def _services(self) -> Services:
        return replace(self.made.services, environ=self.environ)

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
        """The run as stored."""
        return self.made.services.store.runs.get(run_id)

    def events(self, run_id: str) -> list[LoggedEvent]:
        """Its whole log."""
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
        """Its folder."""
        return self.made.services.settings.runs_dir / run_id / "workspace"

    async def until_called(self) -> None:
        """Wait for a model to be thinking."""
        store = self.made.services.store
        for _ in range(1000):
            calls = [c for row in store.runs.list() for c in store.calls.read(row.id)]
            if any(c.status == "reserved" for c in calls):
                return
            await asyncio.sleep(0.02)
        raise AssertionError("no model was called within 20 s")

    def count(self, run_id: str, kind: str) -> int:
        """How many events of a type it has."""
        return sum(e.type == kind for e in self.events(run_id))
