"""Plays each demo tape twice: as a replay, and through the real Gemini and OpenAI clients.

The clients talk to a server on this machine that answers from the same tape with its token counts:
what is said is simulated both times; clients, HTTP, metering, programs and grading are real.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal, TypeVar

from bench.kit import home_settings
from bench.loopback import Loopback
from bench.output import finish, table
from bench.wire_pair import Pair, Played
from core.config import ModelConfig, RunOptions
from core.errors import BudgetMLError
from core.presets import load_preset
from core.settings import Settings
from graph.owner import new_owner
from graph.report import build_report
from graph.runner import run_agent
from graph.services import Services, silent
from graph.start import create_run
from models.prices import PriceBook
from models.spec import priced_as
from models.tape import Tape
from sandbox.gate import choose
from tasks.prepare import prepare
from tasks.prepared import Prepared
from tasks.spec import Task

TASKS: Final = ("vectorization", "house-price", "spaceship-titanic")
BESIDE: Final = Path(__file__).resolve().parents[2] / "shared" / "data"
NOTICE: Final = (
    "Simulated: every word of the models comes from the tapes shipped with the tasks, and no\n"
    "provider is reached or paid. The programs on those tapes really run, without a sandbox: this\n"
    "measurement gives that consent itself, for its own temporary home only.\n"
)
M = TypeVar("M", bound=ModelConfig)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, compare, print; 0 when every bound holds, 1 when one fails, else the error's code."""
    parser = argparse.ArgumentParser(prog="python -m bench.wire", description=__doc__)
    parser.add_argument("--task", nargs="+", default=TASKS, help="by default all three")
    parser.add_argument("--data", type=Path, help="folder with TASK/train.csv; else a sample")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args(arguments)
    sys.stdout.write(NOTICE)
    try:
        with at_home(Settings().envs_dir) as services:
            pairs = [play_both(services, name, options.data) for name in options.task]
    except BudgetMLError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    report(pairs, options.json)
    return 0


@contextmanager
def at_home(envs: Path) -> Iterator[Services]:
    """A temporary home that uses these interpreters of scripts, or builds its own."""
    with TemporaryDirectory(prefix="wire-") as folder:
        settings = home_settings(Path(folder))
        if envs.is_dir():
            settings.envs_dir.symlink_to(envs.resolve())
        services = Services.open(settings, {})
        try:
            yield services
        finally:
            services.close()


def play_both(services: Services, name: str, data: Path | None) -> Pair:
    """Prepare a task, play its demo tape, and play that again through the clients."""
    task = services.task(name)
    prepared = asyncio.run(_prepared(services, task, data))
    on_tape = play(services, name, "demo")
    tape = Tape.read(task.root / "demo.tape.jsonl")
    used = {c.key: tape.rows[c.key] for c in on_tape.calls if c.key in tape.rows}
    with Loopback.from_tape(replace(tape, rows=used)) as server:
        preset = _without_tape(services.settings.home / "wire.yaml")
        on_wire = play(replace(services, environ=_environ(server)), name, preset)
    asked = [f"{r.dialect}:{r.model}" for r in server.requests]
    return Pair(task, prepared, on_tape, on_wire, asked, billed(server, services.book))


async def _prepared(services: Services, task: Task, given: Path | None) -> Prepared:
    source: Path | Literal["sample"] = (given or BESIDE) / task.id
    if given is None and not (BESIDE / task.id).is_dir():
        source = "sample"
    return await prepare(
        task,
        data_dir=services.settings.data_dir,
        source=source,
        interpreter=await services.interpreter(task),
        sandbox=choose(services.settings, trusted=True),  # the task's own scripts
        progress=silent,
    )


def play(services: Services, name: str, preset: str) -> Played:
    """Run a task to its end."""
    run_id = create_run(services, name, RunOptions(preset=preset)).id
    asyncio.run(run_agent(services, run_id, new_owner()))
    store = services.store
    return Played(
        build_report(store, run_id), store.steps.span(run_id, 1), store.calls.read(run_id)
    )


def _without_tape(path: Path) -> str:
    """Write the preset of the demo with the models themselves in place of their replays."""

    def real(part: M) -> M:
        return part.model_copy(update={"model": priced_as(part.model)})

    demo = load_preset("demo")
    changes = {"tiers": tuple(map(real, demo.tiers)), "expert": demo.expert and real(demo.expert)}
    changed = demo.model_copy(update={**changes, "tape": None, "description": "The demo, wired."})
    path.write_text(changed.model_dump_json(exclude={"preset"}))
    return str(path)


def _environ(server: Loopback) -> dict[str, str]:
    """Keys that are none, and addresses on this machine."""
    return {
        "GOOGLE_API_KEY": "loopback",
        "OPENAI_API_KEY": "loopback",
        "BUDGETML_GOOGLE_GENAI_BASE_URL": server.base_url("google_genai"),
        "BUDGETML_OPENAI_BASE_URL": server.base_url("openai"),
    }


def billed(server: Loopback, book: PriceBook) -> Decimal:
    """USD for the tokens a server reported, worked out without the meter's arithmetic."""
    total = Decimal(0)
    for dialect, model in {(r.dialect, r.model) for r in server.requests}:
        tokens, prices = server.tokens_by_model[model], book.prices(f"{dialect}:{model}")
        cached = prices.input if prices.cache_read is None else prices.cache_read
        total += (tokens.input - tokens.cached) * prices.input + tokens.cached * cached
        total += tokens.output * prices.output
    return total / 10**6


def report(pairs: Sequence[Pair], as_json: bool) -> None:
    """The table, the bounds and the verdict; raises SystemExit(1) when a bound does not hold."""
    tasks = [pair.figures() for pair in pairs]
    head, *names = tasks[0]
    cells = [[name, *(one[name] for one in tasks)] for name in names]
    table(["simulated words", *(one[head] for one in tasks)], cells)
    verdicts = [pair.bounds() for pair in pairs]
    bounds = {name: all(v[name] for v in verdicts) for name in verdicts[0]}
    finish({"simulated": True, "tasks": tasks}, bounds, as_json=as_json)


def _reach_this_machine_directly() -> None:
    """A proxy of the user's must not carry requests to our own server."""
    others = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = f"{others},127.0.0.1" if others else "127.0.0.1"


if __name__ == "__main__":
    _reach_this_machine_directly()
    sys.exit(main())
