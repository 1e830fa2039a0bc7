"""The exported graphs under the real `langgraph dev`: its API is what Studio talks to."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from studio_kit import Studio, studio

from bench.kit import reply, write_rows, write_task
from core.presets import preset_names
from core.settings import Settings
from graph.report import build_report
from graph.services import Services
from nodes.workers import WORKERS

DEMO = {"preset": "demo"}
VECTORIZATION = {"task_id": "vectorization"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, script_python: Path) -> Iterator[Studio]:
    if find_spec("langgraph_api") is None:
        reason = "langgraph dev is not installed; make install brings the extra `studio`"
        if os.environ.get("CI") == "true" or os.environ.get("BUDGETML_REQUIRE_STUDIO"):
            pytest.fail(reason)
        pytest.skip(reason)
    with studio(tmp_path_factory.mktemp("studio"), script_python) as started:
        yield started
        assert "BlockingError" not in started.log.read_text()


@pytest.fixture
def services(server: Studio) -> Iterator[Services]:
    opened = Services.open(Settings(home=server.home), {})
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def assistant(server: Studio) -> str:
    (found,) = server.post("/assistants/search", {"graph_id": "budget"})
    return str(found["assistant_id"])


def test_the_forms_say_what_can_be_chosen(server: Studio, assistant: str) -> None:
    schemas = server.get(f"/assistants/{assistant}/schemas")
    task = schemas["input_schema"]
    assert (list(task["properties"]), task["required"]) == (["task_id"], ["task_id"])
    assert "vectorization" in task["properties"]["task_id"]["examples"]
    options = schemas["context_schema"]["properties"]
    assert options["preset"]["enum"] == preset_names()
    assert options["preset"]["default"] == "default"
    assert all("title" in field for field in options.values())
    assert options["steps"]["anyOf"][0] == {"type": "integer", "minimum": 1, "maximum": 10000}
    assert options["budget_usd"]["description"] == "hard cap in dollars"
    assert "lifelines_left" in schemas["state_schema"]["properties"]


def test_the_drawing_has_the_names_a_user_knows(server: Studio, assistant: str) -> None:
    drawn = server.get(f"/assistants/{assistant}/graph")
    names = {node["id"] for node in drawn["nodes"]}
    assert set(WORKERS) | {"planner", "escalate", "expert", "grade"} <= names
    chosen = {(e["source"], e["target"]) for e in drawn["edges"] if e.get("conditional")}
    wanted = {("planner", "escalate"), ("planner", "expert"), ("expert", "Execute Script")}
    assert wanted | {("observe", "grade")} <= chosen


def test_two_whole_runs_at_once_end_well_in_the_store(server: Studio, services: Services) -> None:
    def play(_: int) -> list[tuple[str, Any]]:
        return server.stream(server.new_thread(), input=VECTORIZATION, context=DEMO)

    with ThreadPoolExecutor() as pool:
        streams = list(pool.map(play, range(2)))
    ids = {run_id_of(stream) for stream in streams}
    assert len(ids) == 2
    for run_id in ids:
        ended_well(services, run_id)
    assert [nodes_of(s) for s in streams] == [nodes_of(streams[0])] * 2
    assert {"planner", "escalate", "expert", "Execute Script"} <= set(nodes_of(streams[0]))


def ended_well(services: Services, run_id: str) -> None:
    row = services.store.runs.get(run_id)
    events = services.store.events.read(run_id, limit=5000)
    assert (row.status, row.end_reason, row.epoch) == ("succeeded", "final_answer", 1)
    assert [e.seq for e in events] == list(range(1, row.last_seq + 1))
    assert (events[0].type, events[-1].type) == ("run.created", "run.finished")
    assert sum(e.type == "step.finished" for e in events) == row.step_count
    summary = build_report(services.store, run_id).summary()
    assert summary["solved"], summary


def nodes_of(stream: list[tuple[str, Any]]) -> list[str]:
    return [node for kind, data in stream if kind == "updates" for node in data]


def run_id_of(stream: list[tuple[str, Any]]) -> str:
    assert stream[-1][0] == "updates", stream[-1]
    return str(next(d["prepare"]["run_id"] for k, d in stream if k == "updates" and "prepare" in d))


def test_a_state_edited_over_the_api_goes_on(
    server: Studio, services: Services, tiny: tuple[dict[str, str], dict[str, str]]
) -> None:
    task, preset = tiny
    thread = server.new_thread()
    begun = server.stream(thread, input=task, context=preset, interrupt_before=["Write File"])
    run_id = str(server.get(f"/threads/{thread}/state")["values"]["run_id"])
    assert begun[-1][1].keys() == {"__interrupt__"}
    values = {"policy": {**begun_policy(begun), "max_steps": 1}}
    server.post(f"/threads/{thread}/state", {"values": values, "as_node": "planner"})
    ended = server.stream(thread, input=None, context=preset)
    assert nodes_of(ended) == ["Write File", "observe", "grade"]
    row = services.store.runs.get(run_id)
    assert (row.status, row.end_reason, row.epoch) == ("succeeded", "steps", 2)
    assert server.get(f"/threads/{thread}/state")["values"]["run_id"] == run_id

    again = server.stream(thread, input=task, context=preset)
    assert again[-1][0] == "error"
    assert "start a new thread" in again[-1][1]["message"]
    assert services.store.runs.get(run_id) == row


@pytest.fixture
def tiny(tmp_path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Input and context of a run that writes an answer and is done."""
    write_task(tmp_path / "tiny")
    answer = reply("Write File", file_name="answer.txt", content="2")
    done = reply("Final Answer", final_answer="done")
    write_rows(tmp_path / "tape", [{"step": 1, "reply": answer}, {"step": 2, "reply": done}])
    preset = {
        "tiers": [{"model": "replay:openai:gpt-3.5-turbo"}],
        "actions": ["Write File", "Final Answer"],
        "tape": str(tmp_path / "tape"),
    }
    (tmp_path / "tiny.yaml").write_text(json.dumps(preset))
    return {"task_id": str(tmp_path / "tiny")}, {"preset": str(tmp_path / "tiny.yaml")}


def begun_policy(stream: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(next(d["prepare"]["policy"] for k, d in stream if "prepare" in d))


@pytest.mark.parametrize(
    ("task", "context", "text"),
    [
        ("vectorisation", DEMO, "vectorization"),
        ("vectorization", {"preset": "dmeo"}, 'There is no preset "dmeo"'),
        ("house-price", DEMO, "budgetml prepare house-price"),
        ("vectorization", {"preset": "demo", "steps": 0}, "greater than or equal to 1"),
    ],
)
def test_what_is_wrong_is_said_in_the_stream(
    server: Studio, task: str, context: dict[str, Any], text: str
) -> None:
    stream = server.stream(server.new_thread(), input={"task_id": task}, context=context)
    kind, data = stream[-1]
    assert kind == "error"
    assert text in data["message"]
