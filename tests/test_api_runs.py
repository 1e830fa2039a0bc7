"""Runs over HTTP: started once, found, watched, stopped, resumed, forked and deleted."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from api_kit import ANSWER, BODY, CONFIG, DONE, LIST, Api, in_process

from store.queues import Submission


async def test_a_run_goes_from_its_request_to_its_report(tmp_path: Path) -> None:
    async with in_process(tmp_path, ANSWER, LIST) as api:
        answer = await api.http.post("/runs", json={**BODY, "seed": 7, "budget_usd": "3.5"})
        assert answer.status_code == 202
        run_id = answer.json()["id"]
        assert answer.headers["location"] == f"/runs/{run_id}"
        assert answer.json()["status"] == "queued"
        row = await api.ended(run_id)
        assert (row["status"], row["solved"], row["steps"]) == ("succeeded", True, 3)
        assert (row["seed"], row["cap_usd"]) == (7, "3.5")
        assert row["config"]["limits"]["budget_usd"] == "3.5"
        report = await api.get(f"/runs/{run_id}/report")
        assert report["summary"]["score"] == 2.0
        assert report["bill"][0]["calls"] == 3


async def test_the_bill_adds_up(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST, LIST) as api:
        run_id = await api.start()
        row = await api.ended(run_id)
        first = await api.get(f"/runs/{run_id}/calls", limit=2)
        rest = await api.get(f"/runs/{run_id}/calls", limit=2, after=first["next"])
        calls = first["items"] + rest["items"]
        assert [c["step"] for c in calls] == [1, 2, 3]
        assert rest["next"] is None
        total = sum(float(c["paid_usd"]) for c in calls)
        assert total == pytest.approx(float(row["paid_usd"]))
        assert total == pytest.approx(sum(float(b["paid_usd"]) for b in first["bill"]))


async def test_steps_come_page_by_page_and_whole_when_asked(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST, LIST) as api:
        run_id = await api.start()
        await api.ended(run_id)
        first = await api.get(f"/runs/{run_id}/steps", limit=2)
        rest = await api.get(f"/runs/{run_id}/steps", after=first["next"])
        assert [s["action"] for s in first["items"] + rest["items"]] == [
            *("List Files", "List Files", "Final Answer")
        ]
        step = await api.get(f"/runs/{run_id}/steps/1")
        assert step["observation"] == "train.py"
        assert "observation" not in first["items"][0]


async def test_the_graph_counts_what_the_run_visited(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST, LIST) as api:
        run_id = await api.start()
        await api.ended(run_id)
        graph = await api.get(f"/runs/{run_id}/graph")
        visits = {"prepare": 1, "planner": 3, "List Files": 2, "Final Answer": 1, "observe": 3}
        assert graph["visits"] == {**visits, "grade": 1}
        assert '["planner ×3"]' in graph["mermaid"]
        assert '["escalate"]' in graph["mermaid"]


async def test_one_key_makes_one_run_however_often_it_is_sent(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        key = {"Idempotency-Key": "k-1"}
        sent = [api.http.post("/runs", json=BODY, headers=key) for _ in range(6)]
        answers = await asyncio.gather(*sent)
        assert sorted(a.status_code for a in answers) == [200] * 5 + [202]
        assert len({a.json()["id"] for a in answers}) == 1
        assert len((await api.get("/runs"))["items"]) == 1
        other = {**BODY, "seed": 1}
        status, body = await api.refused("POST", "/runs", json=other, headers=key)
        assert (status, body["errors"][0]["loc"]) == (422, "header.idempotency-key")
        assert (await api.http.post("/runs", json=other)).status_code == 202


async def test_runs_are_found_by_status_task_label_and_page(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        ids = [await api.start(labels={"owner": "me", "n": str(n)}) for n in range(3)]
        for run_id in ids:
            await api.ended(run_id)
        other = await api.start(labels={"owner": "you"})
        await api.ended(other)
        found = await api.get("/runs", label="owner=me", limit=2)
        assert [r["id"] for r in found["items"]] == ids[:0:-1]
        rest = await api.get("/runs", label="owner=me", limit=2, cursor=found["next"])
        assert ([r["id"] for r in rest["items"]], rest["next"]) == ([ids[0]], None)
        both = await api.http.get("/runs", params=[("label", "owner=me"), ("label", "n=1")])
        assert [r["id"] for r in both.json()["items"]] == [ids[1]]
        assert len((await api.get("/runs", task="tiny", status="succeeded"))["items"]) == 4
        assert not (await api.get("/runs", task="other"))["items"]
        assert not (await api.get("/runs", status="failed"))["items"]


async def test_a_full_queue_refuses_and_says_when_to_try_again(tmp_path: Path) -> None:
    slow: dict[str, Any] = {"delay_s": 0.5, "max_concurrent_runs": 1, "max_queue": 1}
    async with in_process(tmp_path, *([LIST] * 9), **slow) as api:
        running, waiting = await api.start(), await api.start()
        answer = await api.http.post("/runs", json=BODY)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert answer.json()["type"].endswith("queue_full")
        assert (await api.get("/readyz"))["max_queued"] == 1
        await api.http.post(f"/runs/{waiting}/cancel")
        assert (await api.http.post("/runs", json=BODY)).status_code == 202
        await api.http.post(f"/runs/{running}/cancel")


async def test_cancelling_twice_says_so(tmp_path: Path) -> None:
    async with in_process(tmp_path, *([LIST] * 20), delay_s=0.1) as api:
        run_id = await api.start()
        answer = await api.http.post(f"/runs/{run_id}/cancel")
        assert answer.status_code == 202
        assert answer.json()["status"] in {"cancelling", "cancelled"}
        assert (await api.ended(run_id))["status"] == "cancelled"
        status, body = await api.refused("POST", f"/runs/{run_id}/cancel")
        assert (status, body["title"]) == (409, "Conflict")
        status, body = await api.refused("POST", f"/runs/{run_id}/resume")
        assert status == 409
        assert "fork" in body["detail"]


async def test_an_interrupted_run_goes_on_when_it_is_resumed(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        other = await api.start()
        await api.ended(other)
        store = api.made.services.store
        made = api.made.run(CONFIG, [{"step": 1, "reply": LIST}, {"step": 2, "reply": DONE}])
        fence = store.runs.claim(made.id, "a command")
        assert fence is not None
        status, _ = await api.refused("POST", f"/runs/{made.id}/resume")
        assert status == 409, "somebody works on it"
        store.runs.release(fence, reason="Ctrl-C")
        assert (await api.get(f"/runs/{made.id}"))["status"] == "interrupted"
        answer = await api.http.post(f"/runs/{made.id}/resume")
        assert answer.status_code == 202
        assert answer.json()["status"] in {"queued", "running"}
        row = await api.ended(made.id)
        assert (row["status"], row["steps"]) == ("succeeded", 2)


async def test_a_fork_has_the_steps_and_files_of_its_source_and_its_own_bill(
    tmp_path: Path,
) -> None:
    async with in_process(tmp_path, ANSWER, LIST) as api:
        source = await api.start()
        await api.ended(source)
        changed = {**CONFIG, "limits": {"steps": 2, "budget_usd": "9"}}
        answer = await api.http.post(f"/runs/{source}/fork", json={"step": 1, "config": changed})
        assert answer.status_code == 202, answer.text
        row = await api.ended(answer.json()["id"])
        assert row["parent"] == {"run_id": source, "step": 1}
        assert (row["cap_usd"], row["steps"], row["calls"]) == ("9", 2, 1)
        files = await api.get(f"/runs/{row['id']}/files", step=1)
        assert [f["path"] for f in files["items"]] == ["answer.txt", "train.py"]
        await api.http.delete(f"/runs/{source}")
        diff = await api.get(f"/runs/{row['id']}/diff", step=1)
        assert [f["path"] for f in diff["items"]] == ["answer.txt"]


@pytest.mark.parametrize("body", [{"step": 9}, {"step": 0}, {}, {"step": 1, "preset": "nope"}])
async def test_a_fork_from_nowhere_is_refused(tmp_path: Path, body: dict[str, Any]) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await api.start()
        await api.ended(run_id)
        status, problem = await api.refused("POST", f"/runs/{run_id}/fork", json=body)
        assert status == 422
        assert problem["errors"]
        assert len((await api.get("/runs"))["items"]) == 1


async def test_a_deleted_run_leaves_nothing(tmp_path: Path) -> None:
    async with in_process(tmp_path, *([LIST] * 20), delay_s=0.05) as api:
        run_id = await api.start(labels={"a": "b"})
        assert (await api.refused("DELETE", f"/runs/{run_id}"))[0] == 409
        await api.http.post(f"/runs/{run_id}/cancel")
        await api.ended(run_id)
        assert (await api.http.delete(f"/runs/{run_id}")).status_code == 204
        assert (await api.refused("GET", f"/runs/{run_id}"))[0] == 404
        assert (await api.refused("DELETE", f"/runs/{run_id}"))[0] == 404
        assert not (api.made.services.settings.runs_dir / run_id).exists()
        assert not mentions(api, run_id)


def mentions(api: Api, run_id: str) -> list[str]:
    """The tables that still hold something of a run."""
    with sqlite3.connect(api.made.services.settings.database) as db:
        tables = [
            name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")
        ]
        holding = []
        for table in tables:
            for row in db.execute(f"SELECT * FROM {table}"):
                holding += [table] if run_id in map(str, row) else []
    return holding


async def test_the_key_of_a_deleted_run_is_free_again(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        key = {"Idempotency-Key": "again"}
        first = (await api.http.post("/runs", json=BODY, headers=key)).json()["id"]
        await api.ended(first)
        await api.http.delete(f"/runs/{first}")
        answer = await api.http.post("/runs", json=BODY, headers=key)
        assert answer.status_code == 202
        assert answer.json()["id"] != first


async def test_keys_of_different_people_do_not_meet(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        key = {"Idempotency-Key": "shared"}
        mine = (await api.http.post("/runs", json=BODY, headers=key)).json()["id"]
        queue = api.made.services.store.queue
        assert queue.original("somebody else", "shared") is None
        queue.hand_over(await api.start(), Submission("somebody else", "shared", "x"))
        again = await api.http.post("/runs", json=BODY, headers=key)
        assert (again.status_code, again.json()["id"]) == (200, mine)
