"""The graph as it is drawn: the names a user knows, the ways there are, and nothing astray."""

from __future__ import annotations

import pytest
from langchain_core.runnables.graph import Graph as Drawing

from bench.docs import PAGES
from core.actions import HELP
from core.config import TABLE_1
from graph.budget import compiled
from graph.sources import Nobody
from nodes.workers import WORKERS

CONTROL = {"prepare", "recall", "planner", "escalate", "expert", "observe", "grade"}
ENDS = {"__start__", "__end__"}
ALWAYS = {
    ("__start__", "prepare"),
    ("recall", "planner"),
    ("escalate", "planner"),
    ("grade", "__end__"),
}
CHOSEN = {
    ("prepare", "recall"),
    ("prepare", "planner"),
    ("planner", "planner"),
    ("planner", "escalate"),
    ("planner", "expert"),
    ("planner", "observe"),
    ("expert", "observe"),
    ("observe", "recall"),
    ("observe", "planner"),
    ("observe", "grade"),
}


@pytest.fixture(scope="module")
def drawing() -> Drawing:
    return compiled(Nobody()).get_graph()


def reached(edges: set[tuple[str, str]], start: str) -> set[str]:
    found, todo = {start}, [start]
    while todo:
        here = todo.pop()
        new = {target for source, target in edges if source == here} - found
        found |= new
        todo += new
    return found


def test_every_action_is_a_node_and_every_other_node_has_a_name_of_the_paper(
    drawing: Drawing,
) -> None:
    assert set(drawing.nodes) == CONTROL | ENDS | set(WORKERS)
    assert set(TABLE_1) <= set(WORKERS)
    assert HELP not in drawing.nodes  # asking for help leads to the expert


def test_the_edges_are_the_ones_of_the_design(drawing: Drawing) -> None:
    always = {(e.source, e.target) for e in drawing.edges if not e.conditional}
    chosen = {(e.source, e.target) for e in drawing.edges if e.conditional}
    actions = {(by, name) for by in ("planner", "expert") for name in WORKERS}
    assert always == ALWAYS | {(name, "observe") for name in WORKERS}
    assert chosen == CHOSEN | actions


def test_every_node_can_be_reached_and_leads_to_the_end(drawing: Drawing) -> None:
    edges = {(e.source, e.target) for e in drawing.edges}
    backwards = {(target, source) for source, target in edges}
    assert reached(edges, "__start__") == set(drawing.nodes)
    assert reached(backwards, "__end__") == set(drawing.nodes)


def test_the_page_draws_each_node_and_edge_once(drawing: Drawing) -> None:
    lines = [line.strip() for line in PAGES["graph.md"]().splitlines()]
    labels = [line.split('["')[1].removesuffix('"]') for line in lines if '["' in line]
    assert sorted(labels) == sorted(drawing.nodes)
    ids = [line.split('["')[0] for line in lines if '["' in line]
    assert len(set(ids)) == len(ids)
    arrows = [line for line in lines if "-->" in line or "-.->" in line]
    targets = [target for line in arrows for target in line.split("> ", 1)[1].split(" & ")]
    assert len(targets) == len(drawing.edges)
    assert set(targets) <= set(ids)


def test_langgraphs_own_drawing_has_every_name(drawing: Drawing) -> None:
    text = drawing.draw_mermaid()
    assert [name for name in drawing.nodes if name not in text] == []
