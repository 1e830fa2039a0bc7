"""Rewrites the list of shipped tapes: `python -m sandbox.trust tasks/*/demo.tape.jsonl`."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterable
from pathlib import Path

from sandbox.gate import TRUSTED_TAPES


def tape_sha256(tape: Path) -> str:
    """The hash `is_trusted` compares, of the file's bytes."""
    with tape.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_list(tapes: Iterable[Path], target: Path = TRUSTED_TAPES) -> int:
    """One line per tape, hash and task, sorted by task; returns how many."""
    lines = sorted((tape.resolve().parent.name, tape_sha256(tape)) for tape in tapes)
    target.write_text("".join(f"{digest}  {task}\n" for task, digest in lines), encoding="utf-8")
    return len(lines)


if __name__ == "__main__":
    count = write_list(map(Path, sys.argv[1:]))
    sys.stdout.write(f"{TRUSTED_TAPES.name}: {count} tapes\n")
