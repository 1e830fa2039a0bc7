"""`budgetml tape import`: check a tape and keep a copy of it."""

from __future__ import annotations

import shutil

from cli.console import console
from cli.home import settings
from cli.options import TapeImportArgs
from core.errors import BadRequest
from models.tape import Tape


def main(args: TapeImportArgs) -> None:
    """Copy it to `<home>/tapes`.

    Raises:
        InvalidFile: it cannot be played; names the line.
        BadRequest: another tape of that name is there.
    """
    tape = Tape.read(args.file)
    folder = settings().home / "tapes"
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / args.file.name
    if target.exists() and target.read_bytes() != args.file.read_bytes():
        raise BadRequest(f"There is another tape at {target}; rename the file and import it again.")
    if not target.exists():
        shutil.copyfile(args.file, target)
    note = f" ({tape.header.note})" if tape.header.note else ""
    shown = console()
    shown.print(f"{len(tape.rows)} calls of task {tape.header.task_id}{note}.", soft_wrap=True)
    shown.print("Play them with the preset they were recorded with, for example:")
    shown.print(f"  budgetml run {tape.header.task_id} --tape {target}", soft_wrap=True)
