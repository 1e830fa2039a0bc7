"""Kills a run with SIGKILL at random moments, resumes it, and compares it with an undisturbed one.

Trajectory, files, settled bill and the last attempt of every step must be the same, and the event
log must have no gap and no repeat (rulings 2 and 4 of the design).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.kit import Kit, kit, reply
from bench.output import finish, table
from core.events import LoggedEvent
from graph.owner import new_owner
from graph.runner import run_agent
from nodes.deps import Paths
from nodes.texts import without_times
from store.callrows import CallRow

STEPS_A_KILL = 7
"""Long enough that one run outlives all kills."""
DELAY_S = 0.02
STARTER = """\
import pathlib
path = pathlib.Path("count.txt")
count = int(path.read_text()) + 1 if path.exists() else 1
path.write_text(str(count))
pathlib.Path("answer.txt").write_text(str(1 + count))
print("count", count)
"""
PRESET: dict[str, Any] = {
    "tiers": [
        {"model": "replay:google_genai:gemini-2.5-flash-lite", "tries": 2},
        {"model": "replay:openai:gpt-5.4", "tries": 1, "metered": True},
    ],
    "expert": {"model": "replay:openai:gpt-5.4"},
    "limits": {"budget_usd": "100"},
    "actions": ["List Files", "Write File", "Copy File", "Execute Script", "Final Answer"],
    "grade_live": False,
}


def main() -> None:
    """Run both, kill one, compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    seed = arguments.seed if arguments.seed is not None else random.SystemRandom().randrange(10**6)
    os.environ["BUDGETML_REPLAY_DELAY_S"] = str(DELAY_S)
    with TemporaryDirectory(prefix="crash-") as folder:
        steps = max(30, STEPS_A_KILL * arguments.kills)
        plain = Trial(Path(folder, "undisturbed"), steps)
        plain.play_to_the_end()
        totals = defaultdict(int, {"kills": 0, "runs": 0})
        problems: list[str] = []
        while totals["kills"] < arguments.kills:
            trial = Trial(Path(folder, f"killed-{totals['runs']}"), steps)
            rng = random.Random(f"{seed}-{totals['runs']}")
            totals["kills"] += trial.play_with_kills(rng, arguments.kills - totals["kills"])
            totals["runs"] += 1
            problems += [f"run {totals['runs']}: {p}" for p in compare(plain, trial)]
            totals["rolled_back"] += sum(e.type == "step.rolled_back" for e in trial.events())
            totals["void"] += sum(c.status == "void" for c in trial.calls())
    report(dict(totals), problems, seed, arguments.json)


def tape(steps: int) -> Iterator[dict[str, Any]]:
    """Every kind of step in turn: list, write, run, fail the format, escalate, ask for help."""
    for step in range(1, steps):
        kind = step % 6
        if kind == 1:
            yield {"step": step, "reply": reply("List Files", dir_path=".")}
        elif kind == 2:
            yield {
                "step": step,
                "reply": reply("Write File", file_name=f"notes/{step}.txt", content="x" * step),
            }
        elif kind in {3, 0}:
            yield {"step": step, "reply": reply("Execute Script", script_name="train.py")}
        elif kind == 4:
            yield {"step": step, "reply": "no format at all"}
            yield {"step": step, "try": 2, "reply": "nor here"}
            copy = reply("Copy File", source="count.txt", destination=f"copy-{step}.txt")
            yield {"step": step, "tier": 1, "reply": copy}
        else:
            ask = reply("Request Help from a Planning Expert", request="what next?")
            yield {"step": step, "reply": ask}
            help_ = reply("Write File", file_name="expert.txt", content=f"step {step}")
            yield {"step": step, "tier": 1, "purpose": "expert", "reply": help_}
    yield {"step": steps, "reply": reply("Final Answer", final_answer="done")}


class Trial:
    """One run in a home of its own; the database is open only while it is looked at."""

    def __init__(self, root: Path, steps: int) -> None:
        root.mkdir()
        self.root = root
        with self._open() as made:
            (made.task / "env" / "train.py").write_text(STARTER)
            self.run_id = made.run(PRESET, tape(steps), steps=steps, lifelines=steps).id

    @contextmanager
    def _open(self) -> Iterator[Kit]:
        with kit(self.root) as made:
            (made.task / "env" / "train.py").write_text(STARTER)
            yield made

    def play_to_the_end(self) -> None:
        """In this process, undisturbed."""
        with self._open() as made:
            asyncio.run(run_agent(made.services, self.run_id, new_owner()))

    def play_with_kills(self, rng: random.Random, most: int) -> int:
        """Kill a child process at random moments until the run has ended; returns the kills."""
        kills = 0
        while not self.finished():
            child = os.fork()
            if child == 0:
                self._child()
            if kills < most:
                self._wait(rng)
                os.kill(child, signal.SIGKILL)
            _, status = os.waitpid(child, 0)
            kills += os.WIFSIGNALED(status)
        return kills

    def _wait(self, rng: random.Random) -> None:
        """To a random moment: mostly while steps run, sometimes while the child still opens."""
        if rng.random() < 0.8:
            self._wait_for_a_step()
        time.sleep(rng.uniform(0.0, 0.25))

    def _wait_for_a_step(self) -> None:
        with self._open() as made:
            store = made.services.store
            before, give_up = store.runs.get(self.run_id).step_count, time.monotonic() + 10
            row = store.runs.get(self.run_id)
            while row.step_count == before and row.finished is None and time.monotonic() < give_up:
                time.sleep(0.005)
                row = store.runs.get(self.run_id)

    def _child(self) -> None:
        code = 1
        try:
            self.play_to_the_end()
            code = 0
        finally:
            os._exit(code)

    def finished(self) -> bool:
        """Whether the run has a terminal status."""
        with self._open() as made:
            return made.services.store.runs.get(self.run_id).finished is not None

    def events(self) -> list[LoggedEvent]:
        """The whole log."""
        with self._open() as made:
            return made.services.store.events.read(self.run_id, limit=100_000)

    def calls(self) -> list[CallRow]:
        """The whole journal."""
        with self._open() as made:
            return made.services.store.calls.read(self.run_id, limit=100_000)

    def trajectory(self) -> list[tuple[Any, ...]]:
        """Steps without what may differ between two runs: times and ids."""
        with self._open() as made:
            found = made.services.store.steps.span(self.run_id, 1)
            return [
                (s.step, s.tier, s.action, s.action_input, s.failed, without_times(s.observation))
                for s in found
            ]

    def outcome(self) -> tuple[Any, ...]:
        """Status, score and spending."""
        with self._open() as made:
            row = made.services.store.runs.get(self.run_id)
            grade = (row.result or {}).get("grade", {})
            spent = (row.spent_pico, row.reserved_pico, row.lifelines_used)
            return row.status, row.end_reason, grade.get("score"), spent

    def files(self) -> dict[str, str]:
        """The workspace at the end."""
        root = Paths(self.root / "home" / "runs" / self.run_id).workspace
        return {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}


def compare(plain: Trial, killed: Trial) -> list[str]:
    """What differs from the undisturbed run; empty when nothing does."""
    pairs = {
        "trajectory": (plain.trajectory(), killed.trajectory()),
        "files": (plain.files(), killed.files()),
        "settled bill": (_settled(plain.calls()), _settled(killed.calls())),
        "outcome": (plain.outcome(), killed.outcome()),
        "last attempts": (_last_attempts(plain.events()), _last_attempts(killed.events())),
    }
    problems = [f"{name} differs" for name, (a, b) in pairs.items() if a != b]
    return problems + log_problems(killed.events())


def _settled(calls: list[CallRow]) -> list[tuple[Any, ...]]:
    return [
        (c.step, c.tier, c.try_no, c.purpose, c.ordinal, c.input_tokens, c.output_tokens,
         c.paid_pico, c.list_pico, c.lifeline)
        for c in calls if c.status == "settled"
    ]  # fmt: skip


def _last_attempts(events: list[LoggedEvent]) -> dict[int, list[str]]:
    """Types of the events of each step's last attempt.

    A call that was paid in an earlier attempt is replayed: it is finished again, but not started.
    """
    ignored = {"log", "call.started", "cost", "lifeline"}
    attempts: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for event in events:
        if event.step is not None and event.type not in ignored:
            attempts[event.step][event.attempt].append(event.type)
    return {step: tries[max(tries)] for step, tries in attempts.items()}


def log_problems(events: list[LoggedEvent]) -> list[str]:
    """Gaps, repeats, attempts without a roll-back between them, and events after the end."""
    problems = []
    if [e.seq for e in events] != list(range(1, len(events) + 1)):
        problems.append("seq has a gap")
    if [e.type for e in events].count("run.finished") != 1 or events[-1].type != "run.finished":
        problems.append("run.finished is not the one last event")
    by_step: dict[int, list[LoggedEvent]] = defaultdict(list)
    for event in events:
        if event.step is not None:
            by_step[event.step].append(event)
    for step, found in by_step.items():
        problems += _step_problems(step, found)
    return problems


def _step_problems(step: int, events: list[LoggedEvent]) -> list[str]:
    problems = []
    attempts = [e.attempt for e in events]
    if attempts != sorted(attempts) or set(attempts) != set(range(1, max(attempts) + 1)):
        problems.append(f"step {step}: attempts {attempts} are not in order")
    for attempt in set(attempts):
        types = [e.type for e in events if e.attempt == attempt]
        last = attempt == max(attempts)
        if (types[-1] == "step.rolled_back") == last or types.count("step.rolled_back") > 1:
            problems.append(f"step {step}, attempt {attempt}: ends with {types[-1]}")
        for once in ("step.started", "step.finished"):
            if types.count(once) > 1:
                problems.append(f"step {step}, attempt {attempt}: {once} twice")
    return problems


def report(totals: dict[str, int], problems: list[str], seed: int, as_json: bool) -> None:
    """The figures and the verdict."""
    table(["figure", "value"], [["seed", seed], *totals.items()])
    for problem in problems[:20]:
        table(["problem"], [[problem]])
    finish(
        {**totals, "seed": seed, "problems": problems[:20]},
        {"every killed run equals the undisturbed one, and its log is whole": not problems},
        as_json=as_json,
    )


if __name__ == "__main__":
    main()
