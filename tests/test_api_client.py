"""The Python client against the real service: every method, broken lines, refusals, secrets."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_kit import ANSWER, CONFIG, LIST
from client_kit import Served, breaking, threaded
from conftest import CHECKOUT

from api import client_catalogue, client_records
from api.client import AsyncClient, Client, ServiceError
from core.config import RunConfig, RunOptions
from core.errors import BudgetMLError, UnknownName
from core.events import LoggedEvent

pytestmark = pytest.mark.loopback
SCHEMAS = {
    **{"Task": "TaskOut", "Preset": "PresetOut", "Model": "ModelOut", "Run": "RunOut"},
    **{"Step": "StepOut", "Call": "CallOut", "BillLine": "BillLineOut", "Report": "ReportOut"},
    **{"Escalation": "EscalationOut", "Graph": "GraphOut", "File": "FileOut", "Files": "FilesOut"},
    **{"Change": "ChangeOut", "Diff": "DiffOut"},
}
"""Record -> schema, where the names differ."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service whose runs take four steps of some time."""
    folder = tmp_path_factory.mktemp("served")
    with threaded(folder, LIST, ANSWER, LIST, delay_s=0.05) as found:
        yield found


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    """A client of it."""
    with Client(served.url) as found:
        yield found


def ended(client: Client) -> str:
    """The id of a run that has ended."""
    run_id = client.start("tiny", config=CONFIG).id
    assert list(client.events(run_id))[-1].type == "run.finished"
    return run_id


def test_a_run_is_started_followed_and_audited(client: Client) -> None:
    config = RunConfig.model_validate(CONFIG)
    made = client.start("tiny", RunOptions(seed=7), config=config, labels={"owner": "me"})
    events = list(client.events(made.id))
    row = client.run(made.id)
    assert [e.seq for e in events] == list(range(1, row.last_seq + 1))
    assert (row.status, row.seed, row.labels, row.steps) == ("succeeded", 7, {"owner": "me"}, 4)
    assert row.config["limits"]["budget_usd"] == "10"
    steps = list(client.steps(made.id))
    assert [s.action for s in steps] == ["List Files", "Write File", "List Files", "Final Answer"]
    assert "train.py" in client.step(made.id, 1).observation
    assert sum(line.calls for line in client.bill(made.id)) == len(list(client.calls(made.id))) == 4
    assert row.cap_usd == Decimal(10)
    assert client.report(made.id).summary["status"] == "succeeded"
    assert client.graph(made.id).visits["planner"] == 4


def test_files_are_listed_read_and_compared(client: Client) -> None:
    run_id = ended(client)
    assert "answer.txt" not in [f.path for f in client.files(run_id, step=1).items]
    assert "answer.txt" in [f.path for f in client.files(run_id).items]
    assert client.file(run_id, "answer.txt") == b"2"
    with pytest.raises(ServiceError) as refused:
        client.file(run_id, "answer.txt", step=0)
    assert refused.value.status == 404
    changed = client.diff(run_id, step=2)
    assert [(c.change, c.path) for c in changed.items] == [("A", "answer.txt")]


def test_what_can_be_asked_for_is_listed(client: Client) -> None:
    assert "tiny" in [task.id for task in client.tasks()]
    assert "answer.txt" in client.task("tiny").brief
    assert {"demo", "default"} <= {preset.name for preset in client.presets()}
    assert all(model.input_usd >= 0 for model in client.models())


def test_all_runs_come_whatever_the_size_of_a_page(client: Client) -> None:
    made = [client.start("tiny", config=CONFIG, labels={"for": "pages"}).id for _ in range(5)]
    found = [run.id for run in client.runs(labels={"for": "pages"}, page=2)]
    assert found == made[::-1]
    for run_id in made:
        list(client.events(run_id))


def test_runs_are_cancelled_forked_and_deleted(client: Client) -> None:
    run_id = ended(client)
    for refuse in (client.cancel, client.resume):
        with pytest.raises(ServiceError) as refused:
            refuse(run_id)
        assert (refused.value.status, refused.value.code) == (409, "conflict")
        assert refused.value.exit_code == 4
    forked = client.fork(run_id, 2, RunOptions(seed=3), config=CONFIG)
    assert forked.parent == client_records.Parent(run_id, 2)
    assert list(client.events(forked.id))[-1].type == "run.finished"
    client.delete(forked.id)
    with pytest.raises(ServiceError) as gone:
        list(client.events(forked.id))
    assert gone.value.status == 404


def test_a_running_run_is_cancelled(tmp_path: Path) -> None:
    with threaded(tmp_path, *([LIST] * 20), delay_s=0.1) as slow, Client(slow.url) as client:
        run_id = client.start("tiny", config=CONFIG).id
        client.cancel(run_id)
        assert list(client.events(run_id))[-1].type == "run.finished"
        assert client.run(run_id).status == "cancelled"


def test_what_is_unknown_says_so_as_the_service_does(client: Client) -> None:
    with pytest.raises(ServiceError) as refused:
        client.run("nobody")
    error = refused.value
    assert isinstance(error, BudgetMLError)
    assert (error.status, error.title, error.code) == (404, "Not Found", "unknown_name")
    assert error.exit_code == UnknownName.exit_code
    assert "nobody" in error.detail


@pytest.mark.parametrize("run_id", ["", ".", ".."])
def test_no_id_leads_to_another_route(client: Client, run_id: str) -> None:
    with pytest.raises(UnknownName):
        client.delete(run_id)


def test_events_can_be_had_without_waiting(client: Client) -> None:
    run_id = ended(client)
    last = client.run(run_id).last_seq
    assert [e.seq for e in client.events(run_id, follow=False)] == list(range(1, last + 1))
    assert [e.seq for e in client.events(run_id, after=last - 2)] == [last - 1, last]
    assert list(client.events(run_id, after=last)) == []
    with pytest.raises(ServiceError) as future:
        list(client.events(run_id, after=last + 1))
    assert future.value.status == 422


def test_a_line_that_breaks_in_every_event_loses_and_repeats_nothing(
    served: Served, client: Client
) -> None:
    run_id = client.start("tiny", config=CONFIG).id
    with breaking(served.port, list(range(900, 1500, 37))) as line, Client(line.url) as far:
        seen = [event.seq for event in far.events(run_id)]
    assert seen == list(range(1, client.run(run_id).last_seq + 1))
    assert line.broken >= 5


async def test_the_awaited_client_does_the_same(served: Served) -> None:
    with breaking(served.port, [0, *range(900, 1500, 37)]) as line:
        async with AsyncClient(line.url) as far:
            run_id = (await far.start("tiny", config=CONFIG)).id
            seen = [event.seq async for event in far.events(run_id)]
        async with AsyncClient(served.url) as far:
            row = await far.run(run_id)
            assert seen == list(range(1, row.last_seq + 1))
            assert len([call async for call in far.calls(run_id)]) == row.calls
            assert await far.file(run_id, "answer.txt") == b"2"
            with pytest.raises(ServiceError, match="404"):
                await far.report("nobody")
    assert line.broken >= 5


def test_a_start_whose_answer_was_lost_starts_one_run(served: Served, client: Client) -> None:
    with breaking(served.port, [0]) as line, Client(line.url) as far:
        made = far.start("tiny", config=CONFIG, labels={"for": "lost"})
    assert line.broken == 1
    assert [run.id for run in client.runs(labels={"for": "lost"})] == [made.id]
    list(client.events(made.id))


def test_both_clients_can_do_the_same() -> None:
    plain, awaited = (
        {name: inspect.getdoc(value) for name, value in vars(kind).items() if name[0] != "_"}
        for kind in (Client, AsyncClient)
    )
    assert plain == awaited
    assert all(plain.values())


def test_the_records_have_the_fields_the_service_documents(served: Served) -> None:
    documented = httpx.get(f"{served.url}/openapi.json").json()["components"]["schemas"]
    records: dict[str, Any] = {**vars(client_records), **vars(client_catalogue)}
    checked = 0
    for name, kind in records.items():
        if is_dataclass(kind):
            schema = documented[SCHEMAS.get(name, name)]
            assert [f.name for f in fields(kind)] == list(schema["properties"]), name
            checked += 1
    assert checked == 18
    assert {f.name for f in fields(LoggedEvent)} == set(documented["EventOut"]["properties"])


def test_a_program_that_imports_the_client_loads_no_agent() -> None:
    code = "import sys, api.client; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, check=True, capture_output=True, text=True
    ).stdout.split()
    unwanted = {"graph", "nodes", "store", "models", "engine", "langgraph", "fastapi", "sqlalchemy"}
    assert "httpx" in loaded
    assert not unwanted & set(loaded)
