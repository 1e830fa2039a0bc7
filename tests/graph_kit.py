"""Plays whole runs of the real graph with scripted models behind a loopback server."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from state_kit import PAPER

from bench.dialects import Answer
from bench.kit import home_settings, reply, write_task
from bench.loopback import Loopback, Request
from core.config import ModelConfig, RunConfig, RunOptions
from core.events import LoggedEvent
from graph.report import build_report
from graph.runner import run_agent
from graph.services import Services
from graph.start import create_run
from store.callrows import CallRow
from store.runrows import RunRow
from store.steprows import StepRow

BASE = "openai:gpt-3.5-turbo"
TOP = "openai:gpt-4-0125-preview"
LIST_FILES = reply("List Files", dir_path=".")
EXECUTE = reply("Execute Script", script_name="train.py")
DONE = reply("Final Answer", final_answer="done")
HELP_ME = reply("Request Help from a Planning Expert", request="what now?")
MALFORMED = "I would rather talk about the weather."
WRITES_ANSWER = "from pathlib import Path\nPath('answer.txt').write_text('2')\n"

Role = Literal["base", "top", "expert", "work"]
Line = str | Answer


@dataclass
class Cast:
    """What each model says, in turn; a base planner with nothing left to say ends the run."""

    base: Sequence[Line] = ()
    top: Sequence[Line] = ()
    expert: Sequence[Line] = ()
    work: Sequence[Line] = ()
    on_request: Callable[[Request], None] = lambda _: None
    seen: dict[Role, list[Request]] = field(default_factory=lambda: defaultdict(list))
    """Every request, by who was meant."""

    def __call__(self, request: Request) -> Answer:
        """The answer to one request."""
        self.on_request(request)
        role = role_of(request)
        number = len(self.seen[role])
        self.seen[role].append(request)
        lines: Sequence[Line] = getattr(self, role)
        if number < len(lines):
            line = lines[number]
            return Answer(line) if isinstance(line, str) else line
        fallback = {"base": DONE, "work": "A summary."}.get(role)
        return Answer(fallback) if fallback else Answer(status=404, error_text="nothing to say")

    def prompts(self, role: Role) -> list[str]:
        """The prompts sent to one of them, profile included."""
        return [request.prompt for request in self.seen[role]]


def role_of(request: Request) -> Role:
    """Who a request is meant for."""
    if "# Form of every reply" not in request.prompt:
        return "work"
    if "You are asked for help" in request.prompt:
        return "expert"
    return "top" if request.model == TOP.split(":")[1] else "base"


@dataclass(frozen=True, slots=True)
class Played:
    """A run that has ended, as the store tells it."""

    row: RunRow
    calls: list[CallRow]
    steps: list[StepRow]
    events: list[LoggedEvent]
    summary: dict[str, Any]
    workspace: Path
    server: Loopback

    @property
    def keys(self) -> list[tuple[int, int, int]]:
        """Step, tier and try of every planner call."""
        return [(c.step, c.tier, c.try_no) for c in self.calls if c.purpose == "plan"]

    @property
    def actions(self) -> list[str]:
        """The executed actions in order."""
        return [s.action for s in self.steps if s.executed]

    def of_type(self, kind: str) -> list[LoggedEvent]:
        """The events of one type."""
        return [e for e in self.events if e.type == kind]


def wired(config: RunConfig, server: Loopback) -> RunConfig:
    """The configuration with its models served by the loopback server."""
    url = server.base_url("openai")

    def served(part: ModelConfig, model: str) -> ModelConfig:
        return part.model_copy(update={"model": model, "base_url": url})

    names = [BASE] + [TOP] * (len(config.tiers) - 1)
    changes: dict[str, Any] = {
        "tiers": tuple(served(t, n) for t, n in zip(config.tiers, names, strict=True)),
        "expert": config.expert and served(config.expert, TOP),
        "worker": config.worker and served(config.worker, config.worker.model),
    }
    return config.model_copy(update=changes)


async def play(
    folder: Path, cast: Cast, config: RunConfig = PAPER, *, starter: str = WRITES_ANSWER
) -> Played:
    """Run the tiny task to its end with the real graph, store, clients and grader."""
    write_task(folder / "tiny", starter)
    opened = Services.open(home_settings(folder / "home"), {"OPENAI_API_KEY": "test"})
    services = Services(
        opened.settings, opened.store, opened.book, opened.environ, python=Path(sys.executable)
    )
    with Loopback(cast) as server:
        try:
            row = started(services, folder, wired(config, server))
            await run_agent(services, row.id, "test")
            return _played(services, row.id, server)
        finally:
            services.close()


def started(services: Services, folder: Path, config: RunConfig) -> RunRow:
    """A queued run of the tiny task."""
    preset = folder / "played.yaml"
    preset.write_text(json.dumps(config.model_dump(mode="json", exclude={"preset"})))
    return create_run(services, str(folder / "tiny"), RunOptions(preset=str(preset)))


def _played(services: Services, run_id: str, server: Loopback) -> Played:
    store = services.store
    return Played(
        row=store.runs.get(run_id),
        calls=store.calls.read(run_id),
        steps=store.steps.span(run_id, 1),
        events=store.events.read(run_id, limit=5000),
        summary=build_report(store, run_id).summary(),
        workspace=services.settings.runs_dir / run_id / "workspace",
        server=server,
    )
