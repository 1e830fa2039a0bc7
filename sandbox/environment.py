"""The environment variables a program gets: made from nothing, so that no secret can be in them."""

from __future__ import annotations

import os
from pathlib import Path

from sandbox.base import Program

MARK = "BUDGETML_PROGRAM"
"""Names the private folder, unique per program: descendants are recognised by it."""


def environment(program: Program, private: Path) -> dict[str, str]:
    """What scientific programs need, and what the program asks for itself."""
    cores = str(usable_cores())
    return {
        "PATH": f"{Path(program.argv[0]).parent}:/usr/bin:/bin",
        "HOME": str(private),
        "TMPDIR": str(private),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONNOUSERSITE": "1",
        "MPLBACKEND": "Agg",
        "OMP_NUM_THREADS": cores,
        "OPENBLAS_NUM_THREADS": cores,
        "OMP_WAIT_POLICY": "PASSIVE",  # spinning threads crawl where cores are shared
        MARK: private.name,
        **program.env,
    }


def usable_cores() -> int:
    """Fewer than the machine has where the service is confined to some of them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
