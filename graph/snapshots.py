"""A run's checkpoints, newest first, read a page at a time: a long run has thousands."""

from __future__ import annotations

from collections.abc import AsyncIterator

from langchain_core.runnables import RunnableConfig
from langgraph.types import StateSnapshot

from graph.budget import Graph

PAGE = 50


async def snapshots(graph: Graph, config: RunnableConfig) -> AsyncIterator[StateSnapshot]:
    """Every checkpoint of the thread, newest first."""
    before: RunnableConfig | None = None
    while True:
        page = [s async for s in graph.aget_state_history(config, before=before, limit=PAGE)]
        for snapshot in page:
            yield snapshot
        if len(page) < PAGE:
            return
        before = page[-1].config
