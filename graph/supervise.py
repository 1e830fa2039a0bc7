"""The edge of work on a claimed run: whatever happens inside, the run's row says how it stands."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from core.errors import BudgetMLError, Fenced
from core.offload import off_loop
from graph.heartbeat import Heartbeat
from nodes.deps import Deps
from store.fence import Fence
from store.runs import Runs

T = TypeVar("T")


async def supervised(
    runs: Runs, fence: Fence, work: Coroutine[Any, Any, T], *, stopped: str, requeue: bool = False
) -> T | None:
    """Do the work while the run is kept alive; None when the run was cancelled meanwhile.

    Args:
        stopped: the reason stored when we are cancelled, with how to go on.
        requeue: leave the run queued then, not interrupted.

    Raises:
        BudgetMLError: it cannot go on for now; it is left interrupted and can be resumed.
        asyncio.CancelledError: we were stopped; the run is left interrupted.
    """
    task = asyncio.create_task(work)
    with Heartbeat(runs, fence, task) as beat:
        try:
            return await task
        except asyncio.CancelledError:
            if beat.cancelled:
                await cancel(runs, fence)
                return None
            await off_loop(runs.release, fence, reason=stopped, requeue=requeue)
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


async def cancel(runs: Runs, fence: Fence) -> None:
    """End the run because somebody asked for it."""
    await off_loop(runs.finish, fence, status="cancelled", end_reason="cancelled", result={})


async def go_back(deps: Deps, step: int, snapshot: str | None) -> None:
    """Undo what was begun of a step and after it: events are closed, the workspace is put back.

    Args:
        snapshot: commit of the workspace to go on with; None leaves it as it is.
    """
    await off_loop(deps.store.events.roll_back, deps.fence, step)
    if snapshot is not None:
        await off_loop(deps.paths.workspace.mkdir, parents=True, exist_ok=True)
        await off_loop(deps.history.restore, snapshot)
