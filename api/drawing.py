"""The graph of a run as Mermaid, with the nodes its events tell of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import cache

from langchain_core.runnables.graph import Graph as Drawing

from api.trace_schemas import GraphOut
from graph.budget import compiled
from graph.sources import Nobody
from store.events import Tally

_BY_CALL = {"plan": "planner", "recall": "recall"}
_BY_TYPE = {"run.prepared": "prepare", "step.finished": "observe", "run.graded": "grade"}
_LABELS = {"__start__": "start", "__end__": "end"}


def drawn(tally: Iterable[Tally]) -> GraphOut:
    """Every node with its visits; repeated attempts of a step count again."""
    visits = _visits(tally)
    graph = _graph()
    ids = {name: f"n{number}" for number, name in enumerate(graph.nodes)}
    lines = ["graph TD"]
    for name, key in ids.items():
        seen = f" ×{visits[name]}" if visits[name] else ""
        lines.append(f'    {key}["{_LABELS.get(name, name)}{seen}"]')
    for edge in graph.edges:
        arrow = "-.->" if edge.conditional else "-->"
        lines.append(f"    {ids[edge.source]} {arrow} {ids[edge.target]}")
    visited = [key for name, key in ids.items() if visits[name]]
    lines.append("    classDef visited stroke-width:3px")
    if visited:
        lines.append(f"    class {','.join(visited)} visited")
    return GraphOut(mermaid="\n".join(lines), visits={n: visits[n] for n in ids if visits[n]})


def _visits(tally: Iterable[Tally]) -> Counter[str]:
    visits: Counter[str] = Counter()
    for item in tally:
        name = _BY_CALL.get(item.purpose or "") if item.type == "call.finished" else None
        name = name or _BY_TYPE.get(item.type)
        if item.type == "escalation":
            name = item.node
        if name:
            visits[name] += item.times
        if item.type == "step.finished" and item.action:
            visits[item.action] += item.times
    return visits


@cache
def _graph() -> Drawing:
    return compiled(Nobody()).get_graph()
