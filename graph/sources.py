"""Who runs a node in its run's surroundings: the runner's one run, or nobody."""

from __future__ import annotations

from langgraph.runtime import Runtime

from core.config import RunOptions
from core.errors import RunFailed
from core.state import RunState
from graph.budget import Node, Update
from nodes.deps import Deps


class OneRun:
    """The runner's source: one run, whose `Deps` are there already."""

    def __init__(self, deps: Deps) -> None:
        self._deps = deps

    async def run(self, node: Node, state: RunState, runtime: Runtime[RunOptions]) -> Update:
        """The node's update."""
        return await node(state, self._deps)


class Nobody:
    """The source of a graph that is only drawn, or whose state is only read."""

    async def run(self, node: Node, state: RunState, runtime: Runtime[RunOptions]) -> Update:
        """Never done.

        Raises:
            RunFailed: always.
        """
        raise RunFailed("This graph was compiled to be looked at; run it with graph.runner.")
