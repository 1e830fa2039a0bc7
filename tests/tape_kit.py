"""Runs of the tiny task on tapes: what the models say, what the workspace holds, how it went."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.crash import log_problems
from bench.kit import Kit, home_settings, kit, reply
from core.calls import Purpose
from core.events import LoggedEvent
from graph.owner import new_owner
from graph.runner import run_agent
from graph.services import Services
from nodes.deps import Paths
from nodes.workers import WORKERS
from store.callrows import CallRow
from store.runrows import RunRow
from store.steprows import StepRow

CHECKOUT = Path(__file__).resolve().parents[1]
CHEAP = "replay:google_genai:gemini-2.5-flash-lite"
PRESET: dict[str, Any] = {
    "tiers": [{"model": CHEAP, "tries": 1}],
    "limits": {"steps": 30, "budget_usd": "10"},
    "actions": list(WORKERS),
    "grade_live": False,
}
DONE = reply("Final Answer", final_answer="done")
LIST = reply("List Files", dir_path=".")
RUN = reply("Execute Script", script_name="train.py")
COUNTS = """\
from pathlib import Path
with open("../runs", "a") as runs:
    runs.write(".")
Path("answer.txt").write_text("2")
"""
"""A starter that leaves a trace of every time it ran where no restored workspace hides it."""


def write(name: str, content: str) -> str:
    """A reply that writes a file."""
    return reply("Write File", file_name=name, content=content)


def undo(name: str) -> str:
    """A reply that takes back the last edit of a file."""
    return reply("Undo Edit Script", script_name=name)


def said(step: int, purpose: Purpose, text: str, ordinal: int = 0) -> dict[str, Any]:
    """What a worker model said in a step."""
    return {"step": step, "try": 0, "purpose": purpose, "ordinal": ordinal, "reply": text}


def planned(*replies: str) -> list[dict[str, Any]]:
    """The planner's replies, one a step, and then the final answer."""
    return [{"step": n, "reply": text} for n, text in enumerate([*replies, DONE], start=1)]


@dataclass(frozen=True, slots=True)
class Tried:
    """A run that was created, to be driven and looked at."""

    made: Kit
    id: str

    @property
    def services(self) -> Services:
        """What the process shares between its runs."""
        return self.made.services

    @property
    def paths(self) -> Paths:
        """Where the run keeps its files."""
        return Paths(self.services.settings.runs_dir / self.id)

    @property
    def workspace(self) -> Path:
        """The agent's folder."""
        return self.paths.workspace

    @property
    def row(self) -> RunRow:
        """The run as it stands."""
        return self.services.store.runs.get(self.id)

    @property
    def steps(self) -> list[StepRow]:
        """Every step so far."""
        return self.services.store.steps.span(self.id, 1)

    @property
    def events(self) -> list[LoggedEvent]:
        """The whole log."""
        return self.services.store.events.read(self.id, limit=10_000)

    @property
    def calls(self) -> list[CallRow]:
        """The whole journal."""
        return self.services.store.calls.read(self.id)

    @property
    def paid(self) -> Counter[tuple[object, ...]]:
        """How often each call was settled."""
        settled = [c for c in self.calls if c.status == "settled"]
        return Counter((c.step, c.tier, c.try_no, c.purpose, c.ordinal) for c in settled)

    @property
    def outcome(self) -> tuple[str, str | None]:
        """Status and the reason of the end."""
        return self.row.status, self.row.end_reason

    @property
    def score(self) -> float | None:
        """What the final submission was worth."""
        score: float | None = (self.row.result or {})["grade"]["score"]
        return score

    @property
    def times_run(self) -> int:
        """How often the counting starter ran."""
        return len((self.paths.root / "runs").read_text())

    def saw(self, step: int) -> str:
        """The whole observation of a step."""
        return self.steps[step - 1].observation

    def of_type(self, kind: str) -> list[LoggedEvent]:
        """The events of one type."""
        return [e for e in self.events if e.type == kind]

    def text(self, name: str) -> str:
        """A file of the workspace."""
        return (self.workspace / name).read_text()

    async def go(self, delay_s: float = 0, owner: str = "test") -> RunRow:
        """Start or resume it; the tape answers each call after `delay_s`."""
        slow = replace(self.services, environ={"BUDGETML_REPLAY_DELAY_S": str(delay_s)})
        return await run_agent(slow, self.id, owner)

    def other_process(self, before: str = "") -> subprocess.Popen[str]:
        """A process that drives the run at 0.3 s a call, after the given line of Python."""
        home = str(self.services.settings.home)
        code = f"{before}\nfrom tape_kit import child\nchild({home!r}, {self.id!r})"
        path = f"{CHECKOUT}:{CHECKOUT / 'tests'}"
        return subprocess.Popen(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": path},
            stderr=subprocess.PIPE,
            text=True,
        )

    async def stop_when(self, holds: Callable[[], bool], delay_s: float = 0) -> None:
        """Drive it as Ctrl-C would find it: cancelled as soon as something holds."""
        work = asyncio.create_task(self.go(delay_s))
        await until(holds)
        work.cancel()
        await asyncio.wait([work])
        assert work.cancelled()


def assert_whole(tried: Tried) -> None:
    """The log has no gap and no repeat, no call was paid twice, no reservation is open."""
    assert not log_problems(tried.events)
    assert set(tried.paid.values()) == {1}
    assert tried.row.reserved_pico == 0


def child(home: str, run_id: str) -> None:
    """Drive a run of an existing home, as a process of its own."""
    opened = Services.open(home_settings(Path(home)), {"BUDGETML_REPLAY_DELAY_S": "0.3"})
    services = replace(opened, python=Path(sys.executable))
    asyncio.run(run_agent(services, run_id, new_owner()))


async def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for something to hold."""
    async with asyncio.timeout(seconds):
        while not holds():  # noqa: ASYNC110 - others write the store
            await asyncio.sleep(0.01)


@contextmanager
def on_tape(
    folder: Path,
    *replies: str,
    work: Sequence[dict[str, Any]] = (),
    files: Mapping[str, str | bytes] | None = None,
    preset: Mapping[str, Any] | None = None,
) -> Iterator[Tried]:
    """A queued run whose planner gives these replies, one a step, and then its final answer."""
    with kit(folder) as made:
        put(made.task / "env", files or {})
        rows = [*planned(*replies), *work]
        yield Tried(made, made.run({**PRESET, **(preset or {})}, rows).id)


def put(folder: Path, files: Mapping[str, str | bytes]) -> None:
    """Write files by their names relative to the folder."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
