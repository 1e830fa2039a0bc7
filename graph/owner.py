"""Names processes as owners of runs, and tells when one of this machine has died."""

from __future__ import annotations

import os
import socket
import uuid

from store.fence import Fence
from store.runs import Runs


def new_owner() -> str:
    """Names this process as the owner of runs."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"


def claim(runs: Runs, run_id: str, owner: str) -> Fence | None:
    """Take a run over: at once from a process of this machine that is gone, else when it is stale.

    None when the run has ended or has another live owner. Raises UnknownName.
    """
    held_by = runs.get(run_id).owner
    gone = held_by if held_by is not None and is_gone(held_by) else None
    return runs.claim(run_id, owner, gone=gone)


def is_gone(owner: str) -> bool:
    """Whether this owner was a process of this machine that has ended."""
    host, _, rest = owner.partition(":")
    pid = rest.partition(":")[0]
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
