"""The edge of work on a claimed run: whatever happens inside, the run's row says how it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from core.errors import BudgetMLError, Fenced
from core.offload import off_loop
from nodes.deps import Deps
from store.fence import Fence
from store.runs import Runs

BEAT_S = 0.5
T = TypeVar("T")


async def supervised(
    runs: Runs, fence: Fence, work: Coroutine[Any, Any, T], *, stopped: str
) -> T | None:
    """Do the work while the run is kept alive; None when the run was cancelled meanwhile.

    Args:
        stopped: why the run is interrupted when we are cancelled, and how to go on.

    Raises:
        BudgetMLError: it cannot go on for now; it is left interrupted and can be resumed.
        asyncio.CancelledError: we were stopped; the run is left interrupted.
    """
    task = asyncio.create_task(work)
    beat = asyncio.create_task(_keep_alive(runs, fence, task))
    try:
        return await task
    except asyncio.CancelledError:
        if beat.done() and not beat.cancelled() and beat.result() == "cancelling":
            await off_loop(
                runs.finish, fence, status="cancelled", end_reason="cancelled", result={}
            )
            return None
        await off_loop(runs.release, fence, reason=stopped)
        raise
    except Fenced:
        raise
    except (BudgetMLError, OSError) as error:
        await off_loop(runs.release, fence, reason=str(error))
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        await off_loop(
            runs.finish, fence, status="failed", end_reason="error", result={}, error=text
        )
        raise
    finally:
        beat.cancel()
        await asyncio.gather(beat, return_exceptions=True)


async def _keep_alive(runs: Runs, fence: Fence, work: asyncio.Task[Any]) -> str:
    """Heartbeat; stops the work when the run is cancelled or was taken over."""
    while True:
        status: str = "fenced"
        with suppress(Fenced):
            status = await off_loop(runs.beat, fence)
        if status in {"cancelling", "fenced"}:
            work.cancel()
            return status
        await asyncio.sleep(BEAT_S)


async def go_back(deps: Deps, step: int, snapshot: str | None) -> None:
    """Undo what was begun of a step and later: its events are closed, the workspace is put back.

    Args:
        snapshot: commit of the workspace to go on with; None leaves it alone.
    """
    await off_loop(deps.store.events.roll_back, deps.fence, step)
    if snapshot is not None:
        deps.paths.workspace.mkdir(parents=True, exist_ok=True)
        await off_loop(deps.history.restore, snapshot)
