"""The `budget` graph: a task folder becomes a solution (BudgetMLAgent §3)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Hashable, Mapping
from functools import partial
from typing import Any, NamedTuple, Protocol

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
Node = Callable[[RunState, Deps], Coroutine[Any, Any, Update]]
Graph = CompiledStateGraph[RunState, RunOptions, RunInput, RunState]


class Forms(NamedTuple):
    """What starts a run, as Studio shows it."""

    input: type[Any]
    options: type[RunOptions]


FORMS = Forms(RunInput, RunOptions)


class Source(Protocol):
    """Runs nodes in the surroundings of their run."""

    async def run(self, node: Node, state: RunState, runtime: Runtime[RunOptions]) -> Update:
        """The node's update; the run's row, claim and workspace are there or made (Studio)."""
        ...


def build(
    source: Source, forms: Forms = FORMS
) -> StateGraph[RunState, RunOptions, RunInput, RunState]:
    """The graph, not yet compiled; each action of the registry is a node of its own."""
    builder = StateGraph(RunState, context_schema=forms.options, input_schema=forms.input)
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


def compiled(
    source: Source,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    forms: Forms = FORMS,
) -> Graph:
    """The graph ready to run."""
    return build(source, forms).compile(checkpointer=checkpointer, name="budget")


def _bound(node: Node, source: Source) -> Callable[..., Awaitable[Update]]:
    """The node as LangGraph calls it; only what changed is written, for each write is stored."""

    async def run(state: RunState, runtime: Runtime[RunOptions]) -> Update:
        update = await source.run(node, state, runtime)
        before: Mapping[str, object] = state
        return {k: v for k, v in update.items() if k not in before or before[k] != v}

    return run


def _kind(name: str) -> str:
    return WORKERS[name].spec.kind if name in WORKERS else "control"
