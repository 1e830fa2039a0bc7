"""LangGraph checkpoints in the store's file, written only while the run is ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from core.errors import Fenced
from store.fence import Fence
from store.sqlite import PRAGMAS, storage_error

_EPOCH = "SELECT epoch FROM runs WHERE id = ?"


class FencedSaver(AsyncSqliteSaver):
    """Refuses to write a thread (a run) that is not held, or that somebody else has claimed.

    The check and LangGraph's own insert share one transaction, begun here and committed there.
    """

    def __init__(self, connection: aiosqlite.Connection) -> None:
        super().__init__(connection)
        self._held: dict[str, Fence] = {}
        # Not the inherited lock, which the inherited writers take: whatever may commit waits here.
        self._writing = asyncio.Lock()

    def hold(self, fence: Fence) -> None:
        """Allow writes to the run of this fence."""
        self._held[fence.run_id] = fence

    def drop(self, run_id: str) -> None:
        """Allow no more writes to the run."""
        self._held.pop(run_id, None)

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint; raises Fenced or StorageFull and then writes nothing."""
        async with self._fenced(config):
            return await super().aput(config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Save a task's writes; raises Fenced or StorageFull and then writes nothing."""
        async with self._fenced(config):
            await super().aput_writes(config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove all checkpoints of a run."""
        await self.setup()
        async with self._writing:
            with _translated():
                await super().adelete_thread(thread_id)

    @asynccontextmanager
    async def _fenced(self, config: RunnableConfig) -> AsyncIterator[None]:
        run_id = str(config["configurable"]["thread_id"])
        await self.setup()
        async with self._writing:
            with _translated():
                try:
                    await self.conn.execute("BEGIN IMMEDIATE")
                    await self._check(run_id)
                    yield
                except BaseException:
                    # Also when cancelled: a transaction left open would lock everybody out.
                    await self.conn.rollback()
                    raise

    async def _check(self, run_id: str) -> None:
        fence = self._held.get(run_id)
        if fence is None:
            raise Fenced(f"Run {run_id} is not held here; claim it and hold its fence first.")
        rows = list(await self.conn.execute_fetchall(_EPOCH, (run_id,)))
        if not rows:
            raise Fenced(f"Run {run_id} was deleted; stop working on it.")
        if rows[0][0] != fence.epoch:
            raise Fenced(
                f"Run {run_id} was claimed by another process (epoch {rows[0][0]}, ours is "
                f"{fence.epoch}); stop working on it, its new owner goes on."
            )


@asynccontextmanager
async def open_saver(database: Path) -> AsyncIterator[FencedSaver]:
    """A saver on a connection of its own; the file must have been opened by `Store` before."""
    async with aiosqlite.connect(database) as connection:
        for pragma in PRAGMAS:
            await connection.execute(pragma)
        saver = FencedSaver(connection)
        with _translated():
            await saver.setup()
        yield saver


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except aiosqlite.Error as error:
        full = storage_error(error)
        if full is None:
            raise
        raise full from error
