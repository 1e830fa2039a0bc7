"""The `budget` graph: a task folder becomes a solution (BudgetMLAgent §3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from functools import partial
from typing import Any, Protocol

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from core.config import RunOptions
from core.state import RunInput, RunState
from graph import routes
from nodes.act import act
from nodes.deps import Deps
from nodes.escalate import escalate
from nodes.expert import expert
from nodes.grade import grade
from nodes.observe import observe
from nodes.planner import planner
from nodes.prepare import prepare
from nodes.recall import recall
from nodes.workers import WORKERS

Update = dict[str, Any]
Node = Callable[[RunState, Deps], Awaitable[Update]]
Graph = CompiledStateGraph[RunState, RunOptions, RunInput, RunState]


class DepsSource(Protocol):
    """Gives every node of a run the same surroundings."""

    async def deps(self, state: RunState, options: RunOptions | None) -> Deps:
        """The run's `Deps`; made, with its row and workspace, when nobody has (Studio)."""
        ...


def build(source: DepsSource) -> StateGraph[RunState, RunOptions, RunInput, RunState]:
    """The graph, not yet compiled; each action of the registry is a node of its own."""
    builder = StateGraph(RunState, context_schema=RunOptions, input_schema=RunInput)
    steps: dict[str, Node] = {
        "prepare": prepare,
        "recall": recall,
        "planner": planner,
        "escalate": escalate,
        "expert": expert,
        "observe": observe,
        "grade": grade,
    }
    actions: dict[str, Node] = {name: partial(act, worker) for name, worker in WORKERS.items()}
    for name, node in {**steps, **actions}.items():
        builder.add_node(name, _bound(node, source), metadata={"kind": _kind(name)})

    to_action: dict[Hashable, str] = {name: name for name in (*actions, "observe")}
    to_planner: dict[Hashable, str] = {name: name for name in ("planner", "escalate", "expert")}
    builder.add_edge(START, "prepare")
    builder.add_conditional_edges("prepare", routes.after_prepare)
    builder.add_edge("recall", "planner")
    builder.add_conditional_edges("planner", routes.after_planner, to_planner | to_action)
    builder.add_edge("escalate", "planner")
    builder.add_conditional_edges("expert", routes.after_expert, to_action)
    for name in actions:
        builder.add_edge(name, "observe")
    builder.add_conditional_edges("observe", routes.after_observe)
    builder.add_edge("grade", END)
    return builder


def compiled(source: DepsSource, checkpointer: BaseCheckpointSaver[Any] | None = None) -> Graph:
    """The graph ready to run."""
    return build(source).compile(checkpointer=checkpointer, name="budget")


def _bound(node: Node, source: DepsSource) -> Callable[..., Awaitable[Update]]:
    """The node as LangGraph calls it; only what changed is written, for each write is stored."""

    async def run(state: RunState, runtime: Runtime[RunOptions]) -> Update:
        update = await node(state, await source.deps(state, runtime.context))
        before: Mapping[str, object] = state
        return {k: v for k, v in update.items() if k not in before or before[k] != v}

    return run


def _kind(name: str) -> str:
    return WORKERS[name].spec.kind if name in WORKERS else "control"
