"""`budgetml tape export`: the recorded calls of a run as a file that may be shared."""

from __future__ import annotations

from pathlib import Path

from cli.console import console
from cli.opened import find_run, opened_store
from cli.options import TapeExportArgs
from cli.show import calls_of
from core.errors import BadRequest
from models.export import write_tape
from models.tape import TapeHeader


def main(args: TapeExportArgs) -> None:
    """Write it, without keys and home paths; BadRequest when the run made no call."""
    with opened_store() as store:
        row = find_run(store, args.run)
        calls = calls_of(store, row.id)
    if not calls:
        raise BadRequest(f"Run {row.id} has made no call, so there is nothing to record.")
    path = args.output or Path(f"{row.id}.tape.jsonl")
    origin = "played from a tape" if calls[0].simulated else "recorded from models"
    note = f"{origin} in run {row.id} with preset {row.preset}"
    count = write_tape(path, TapeHeader(tape=1, task_id=row.task_id, note=note), calls)
    console().print(f"{count} calls written to {path}; play them with:", soft_wrap=True)
    console().print(
        f"  budgetml run {row.task_id} --preset {row.preset} --tape {path}", soft_wrap=True
    )
