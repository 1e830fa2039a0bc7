"""LangGraph checkpoints in the store's file, written only while the run is ours."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from threading import local
from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import (
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
)
from langgraph.checkpoint.sqlite import SqliteSaver

from core.errors import Fenced
from core.offload import off_loop
from store.fence import Fence
from store.sqlite import PRAGMAS, storage_error

_EPOCH = "SELECT epoch FROM runs WHERE id = ?"


class FencedSaver(SqliteSaver):
    """Refuses to write a thread (a run) that is not held, or that somebody else has claimed.

    The check and LangGraph's own insert share one transaction. Each asynchronous method is at
    most one hop to a thread; LangGraph's own asynchronous saver takes one per statement.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._held: dict[str, Fence] = {}
        self._writing = local()

    def hold(self, fence: Fence) -> None:
        """Allow writes to the run of this fence."""
        self._held[fence.run_id] = fence

    def drop(self, run_id: str) -> None:
        """Allow no more writes to the run."""
        self._held.pop(run_id, None)

    @contextmanager
    def cursor(self, transaction: bool = True) -> Iterator[sqlite3.Cursor]:
        """A cursor; in a transaction only after the fence of the run being written was checked."""
        with self.lock, _translated(), closing(self.conn.cursor()) as cursor:
            self.setup()
            if not transaction:
                yield cursor
                return
            cursor.execute("BEGIN IMMEDIATE")
            try:
                self._check(cursor)
                yield cursor
                self.conn.commit()
            finally:
                if self.conn.in_transaction:
                    self.conn.rollback()

    def put(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Save a checkpoint; raises Fenced or StorageFull and then writes nothing."""
        with self._of(config):
            return super().put(config, checkpoint, metadata, new_versions)

    def put_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Save a task's writes; raises Fenced or StorageFull and then writes nothing.

        Ordinary writes stand in the checkpoint that follows at once and are not saved twice: a run
        resumes at a whole step, never in the middle of a superstep. Interrupts and errors are kept.
        """
        if not any(channel.startswith("__") for channel, _ in writes):
            return
        with self._of(config):
            super().put_writes(config, writes, task_id, task_path)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """The checkpoint the configuration names, or the newest."""
        return await off_loop(self.get_tuple, config)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """Checkpoints, newest first; all are read before the first is given out."""

        def read() -> list[CheckpointTuple]:
            return list(self.list(config, filter=filter, before=before, limit=limit))

        for found in await off_loop(read):
            yield found

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Like `put`."""
        return await off_loop(self.put, config, checkpoint, metadata, new_versions)

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Like `put_writes`."""
        await off_loop(self.put_writes, config, writes, task_id, task_path)

    async def adelete_thread(self, thread_id: str) -> None:
        """Remove all checkpoints of a run."""
        await off_loop(self.delete_thread, thread_id)

    @contextmanager
    def _of(self, config: RunnableConfig) -> Iterator[None]:
        self._writing.run_id = str(config["configurable"]["thread_id"])
        try:
            yield
        finally:
            self._writing.run_id = None

    def _check(self, cursor: sqlite3.Cursor) -> None:
        run_id: str | None = getattr(self._writing, "run_id", None)
        if run_id is None:
            return  # deleting a thread: whoever deletes a run has checked its owner
        fence = self._held.get(run_id)
        if fence is None:
            raise Fenced(f"Run {run_id} is not held here; claim it and hold its fence first.")
        row = cursor.execute(_EPOCH, (run_id,)).fetchone()
        if row is None:
            raise Fenced(f"Run {run_id} was deleted; stop working on it.")
        if row[0] != fence.epoch:
            raise Fenced(
                f"Run {run_id} was claimed by another process (epoch {row[0]}, ours is "
                f"{fence.epoch}); stop working on it, its new owner goes on."
            )


@asynccontextmanager
async def open_saver(database: Path) -> AsyncIterator[FencedSaver]:
    """A saver on a connection of its own; the file must have been opened by `Store` before."""
    saver = await off_loop(_opened, database)
    try:
        yield saver
    finally:
        await off_loop(saver.conn.close)


def _opened(database: Path) -> FencedSaver:
    with _translated():
        connection = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        for pragma in PRAGMAS:
            connection.execute(pragma)
        saver = FencedSaver(connection)
        saver.setup()
        return saver


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        full = storage_error(error)
        if full is None:
            raise
        raise full from error
