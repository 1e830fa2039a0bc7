"""Best whole-process seconds of the submission beside the starter's, on inputs nobody has seen.

The best of several runs counts, because other work on the machine only ever adds time.

On every input the submission runs first, so that the starter's output does not exist yet; each run
has a fresh folder that is deleted after it, and whatever it leaves running is killed before the
next one starts.
"""

from __future__ import annotations

import secrets
import shutil
import statistics
import sys
import tempfile
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
from grade_helper import InvalidSubmission, main, require_file
from programs import Program, guard, read_program, run_program

TIMED_SHAPE = (32, 64, 64, 3, 8)
"""Images, height, width, channels, filters."""
CHECK_SHAPES = ((3, 17, 22, 3, 5), (2, 12, 9, 1, 4))
PROGRAM_S = 60.0
TOTAL_S = 120.0
MIN_PAIRS, MAX_PAIRS = 3, 7
STABLE = 0.05
"""Median absolute deviation over median at which timing stops."""
RTOL, ATOL = 1e-6, 1e-9

Arrays = dict[str, np.ndarray]


def make_input(shape: tuple[int, ...]) -> Arrays:
    """A random input; the seed is drawn anew each time, so nothing can be computed in advance."""
    count, height, width, channels, filters = shape
    rng = np.random.default_rng(secrets.randbits(64))
    return {
        "images": rng.normal(size=(count, height, width, channels)),
        "kernels": rng.normal(size=(3, 3, channels, filters)),
        "bias": rng.normal(size=filters),
    }


def run(program: Program, arrays: Arrays) -> tuple[float, np.ndarray]:
    """Seconds and output of one run in a fresh folder."""
    folder = Path(tempfile.mkdtemp(dir=Path.cwd()))
    try:
        program.write(folder)
        np.savez(folder / "input.npz", **arrays)
        seconds = run_program(folder, program.name, PROGRAM_S)
        return seconds, read_output(folder / "output.npy", program.name)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_output(file: Path, whose: str) -> np.ndarray:
    """The float64 array in a .npy file, without unpickling anything."""
    require_file(file)
    try:
        mapped = np.load(file, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError, SyntaxError) as e:
        raise InvalidSubmission(f"{whose}: output.npy is not a plain array file: {e}") from e
    if not isinstance(mapped, np.ndarray) or mapped.dtype != np.float64:
        raise InvalidSubmission(f"{whose}: output.npy must hold one float64 array")
    return np.array(mapped)


def compare(given: np.ndarray, wanted: np.ndarray) -> None:
    """Raise InvalidSubmission unless both agree within the tolerance."""
    if given.shape != wanted.shape:
        raise InvalidSubmission(f"wrong results: shape {given.shape} instead of {wanted.shape}")
    if not np.allclose(given, wanted, rtol=RTOL, atol=ATOL):
        worst = float(np.max(np.abs(given - wanted)))
        raise InvalidSubmission(f"wrong results: they differ from the starter's by up to {worst}")


def pair(submission: Program, starter: Program, shape: tuple[int, ...]) -> tuple[float, float]:
    """Seconds of both on one new input, after comparing their outputs."""
    arrays = make_input(shape)
    ours, given = run(submission, arrays)
    theirs, wanted = run(starter, arrays)
    compare(given, wanted)
    return ours, theirs


def enough(pairs: list[tuple[float, float]], deadline: float) -> bool:
    """Whether the times are stable, or the time is up."""
    if len(pairs) >= MAX_PAIRS or time.monotonic() > deadline:
        return True
    return len(pairs) >= MIN_PAIRS and all(
        spread(side) < STABLE for side in zip(*pairs, strict=True)
    )


def spread(seconds: tuple[float, ...]) -> float:
    """Median absolute deviation as a share of the median."""
    middle = statistics.median(seconds)
    return statistics.median(abs(s - middle) for s in seconds) / middle


def score(args: Namespace) -> dict[str, Any]:
    """The score of train.py, with the starter's time as its baseline."""
    guard()
    submission = read_program("submission", args.submission)
    starter = read_program("starter", args.starter)
    deadline = time.monotonic() + TOTAL_S
    for shape in CHECK_SHAPES:
        pair(submission, starter, shape)
    pairs: list[tuple[float, float]] = []
    while not pairs or not enough(pairs, deadline):
        pairs.append(pair(submission, starter, TIMED_SHAPE))
    ours, theirs = ([round(s, 4) for s in side] for side in zip(*pairs, strict=True))
    return {
        "score": min(ours),
        "baseline": min(theirs),
        "details": {
            "submission_seconds": ours,
            "starter_seconds": theirs,
            "inputs_compared": len(pairs) + len(CHECK_SHAPES),
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
    }


if __name__ == "__main__":
    main(score)
