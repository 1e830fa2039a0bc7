"""The `budgetml` command as a separate process, on a home folder and a tape of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[1]
STARTER = "from cli.main import main; main()"
CONSENT = {"BUDGETML_SANDBOX": "none", "BUDGETML_ALLOW_UNSANDBOXED_CODE": "i-understand"}
TASK = """
id: tiny
title: A task that is graded at once
summary: Does nothing, so that tests of the command take no time.
metric: {name: error, unit: points, direction: lower}
submission: [train.py]
baseline: {note: a fixed figure}
"""
GRADE = """print('{"score": 2.0, "baseline": 2.1, "reason": "", "details": {}}')\n"""
LOOK = ("List Files", {"dir_path": "."})
DONE = ("Final Answer", {"final_answer": "it is done"})


@dataclass(frozen=True, slots=True)
class Budgetml:
    """Starts commands; the programs of our own tapes may run without isolation."""

    home: Path
    extra: dict[str, str] = field(default_factory=dict)

    def start(self, *args: str, delay_s: float = 0.0) -> subprocess.Popen[str]:
        """The process, with pipes; the tape answers each call after `delay_s`."""
        ours = {"COLUMNS", "LINES"}  # xdist sets them for its workers
        ours |= {name for name in os.environ if name.startswith("BUDGETML_")}
        env = {k: v for k, v in os.environ.items() if k not in ours}
        env |= {"BUDGETML_HOME": str(self.home), "BUDGETML_REPLAY_DELAY_S": str(delay_s)}
        return subprocess.Popen(
            [sys.executable, "-c", STARTER, *args],
            cwd=CHECKOUT,
            env=env | CONSENT | self.extra,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *args: str, delay_s: float = 0.0) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        process = self.start(*args, delay_s=delay_s)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(args, process.returncode, out, err)

    def json(self, *args: str) -> Any:
        """What a command that must succeed prints with --json."""
        done = self(*args, "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def reply(action: str, given: dict[str, Any]) -> str:
    """A planner's reply in the six entries."""
    prose = "Reflection: r\nResearch Plan and Status: p\nFact Check: f\nThought: t\n"
    return f"{prose}Action: {action}\nAction Input: {json.dumps(given)}"


def write_tape(path: Path, replies: dict[tuple[int, int, int], str]) -> Path:
    """A tape of planner replies by (step, tier, try)."""
    rows: list[dict[str, Any]] = [{"tape": 1, "task_id": "tiny", "note": "for a test"}]
    rows += [
        {"step": s, "tier": t, "try": n, "purpose": "plan", "reply": text, "finish": "stop"}
        for (s, t, n), text in replies.items()
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def write_task(root: Path) -> Path:
    """A task folder whose grader measures nothing and calls everything 5 % better."""
    folder = root / "tiny"
    (folder / "env").mkdir(parents=True)
    (folder / "env" / "train.py").write_text("print('hello')\n" * 9, encoding="utf-8")
    (folder / "task.yaml").write_text(TASK, encoding="utf-8")
    (folder / "brief.md").write_text("Do nothing.\n", encoding="utf-8")
    (folder / "grade.py").write_text(GRADE, encoding="utf-8")
    return folder
