"""Whatever is wrong with a request, the answer is a problem with a documented status."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_kit import BODY, CONFIG, LIST, in_process

from api.guard import Guard, Guarded
from core.settings import Settings


def config(**changes: Any) -> dict[str, Any]:
    """The request with another configuration."""
    return {"task_id": "tiny", "config": {**CONFIG, **changes}}


def tier(**changes: Any) -> dict[str, Any]:
    """The request with another first tier."""
    return config(tiers=[{**CONFIG["tiers"][0], **changes}])


BAD: dict[str, dict[str, Any]] = {
    "nothing": {},
    "unknown task": {**BODY, "task_id": "none"},
    "task by path": {**BODY, "task_id": "../tiny"},
    "unknown preset": {"task_id": "tiny", "preset": "none"},
    "preset by path": {"task_id": "tiny", "preset": "/etc/passwd.yaml"},
    "unknown field": {**BODY, "colour": "red"},
    "negative budget": {**BODY, "budget_usd": "-1"},
    "no budget": {**BODY, "budget_usd": "0"},
    "budget of nothing": {**BODY, "budget_usd": "1e-99"},
    "budget too small": {**BODY, "budget_usd": "0.000001"},
    "endless budget": {**BODY, "budget_usd": "1e999"},
    "budget not a number": {**BODY, "budget_usd": "NaN"},
    "seed beyond bounds": {**BODY, "seed": 2**63},
    "many labels": {**BODY, "labels": {f"l{n}": "x" for n in range(21)}},
    "long label": {**BODY, "labels": {"a": "x" * 201}},
    "label with quotes": {**BODY, "labels": {'a"]': "x"}},
    "label that is no text": {**BODY, "labels": {"a": 1}},
    "priority": {**BODY, "priority": 101},
    "both": {**BODY, "preset": "demo"},
    "tape of the server": config(tape="/etc/passwd"),
    "address": tier(base_url="http://127.0.0.1:1"),
    "unknown action": config(actions=["List Files", "Fly", "Final Answer"]),
    "unknown provider": tier(model="nobody:x"),
    "unknown model": tier(model="replay:openai:nobody"),
    "no key": tier(model="openai:gpt-5.4"),
    "endless time": config(limits={"time_s": "Infinity"}),
    "huge memory": config(limits={"script_memory_mb": 10**30}),
    "lone surrogate": {**BODY, "labels": {"a": "\ud800"}},
    "data version": config(data_version="../x"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_run_that_cannot_be_is_refused_and_not_stored(tmp_path: Path, name: str) -> None:
    async with in_process(tmp_path, LIST) as api:
        headers = {"Content-Type": "application/json"}
        body = json.dumps(BAD[name])
        status, problem = await api.refused("POST", "/runs", content=body, headers=headers)
        assert status == 422, problem
        assert len(problem["detail"]) > 20
        assert not (await api.get("/runs"))["items"]


RAW = {
    "no JSON": (b"{", 422),
    "no UTF-8": (b'{"task_id": "\xff"}', 400),
    "deep": (b"[" * 100_000, 400),
    "long number": (b'{"seed": ' + b"9" * 5000 + b"}", 400),
    "an array": (b"[]", 422),
    "empty": (b"", 422),
    "too large": (b" " * 1_000_001, 413),
}


@pytest.mark.parametrize("name", RAW)
async def test_a_body_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    body, expected = RAW[name]
    async with in_process(tmp_path) as api:
        headers = {"Content-Type": "application/json"}
        status, _ = await api.refused("POST", "/runs", content=body, headers=headers)
        assert status == expected


async def test_a_body_without_a_length_is_bounded_too(tmp_path: Path) -> None:
    async def endless() -> Any:
        for _ in range(2000):
            yield b" " * 1000

    async with in_process(tmp_path) as api:
        status, problem = await api.refused("POST", "/runs", content=endless())
        assert status == 413
        assert "1000000 bytes" in problem["detail"]


WRONG = [
    ("GET", "/nothing", 404),
    ("GET", "/runs/none", 404),
    ("GET", "/runs/none/events", 404),
    ("GET", "/runs/none/files/a", 404),
    ("POST", "/runs/none/cancel", 404),
    ("GET", "/runs/%00", 422),
    ("GET", "/runs/" + "a" * 65, 422),
    ("GET", "/tasks/none", 404),
    ("GET", "/runs?status=odd", 422),
    ("GET", "/runs?limit=0", 422),
    ("GET", "/runs?limit=501", 422),
    ("GET", "/runs?cursor=none", 422),
    ("GET", "/runs?label=none", 422),
    ("GET", '/runs?label="]=1', 422),
    ("PUT", "/runs", 405),
    ("DELETE", "/runs", 405),
    ("GET", "/runs/none/cancel", 405),
]


@pytest.mark.parametrize(("method", "path", "expected"), WRONG)
async def test_a_wrong_address_is_a_problem(
    tmp_path: Path, method: str, path: str, expected: int
) -> None:
    async with in_process(tmp_path) as api:
        status, problem = await api.refused(method, path)
        assert status == expected, problem


async def test_a_method_that_is_not_allowed_names_those_that_are(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        answer = await api.http.put("/runs/x/cancel")
        assert answer.headers["allow"] == "POST"


async def test_a_missing_sandbox_is_said_before_anything_is_paid(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST, allow_unsandboxed_code="") as api:
        status, problem = await api.refused("POST", "/runs", json=BODY)
        assert (status, problem["type"]) == (422, "urn:budgetml:problem:sandbox_unavailable")


async def test_a_bug_is_a_problem_without_its_details(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:

        def broken() -> None:
            raise ZeroDivisionError("the secret")

        api.app.get("/broken")(broken)
        status, problem = await api.refused("GET", "/broken")
        assert status == 500
        assert "secret" not in str(problem)


async def test_a_database_that_is_gone_is_a_problem_and_comes_back(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await api.start()
        await api.ended(run_id)
        database = api.made.services.settings.database
        api.made.services.store.close()
        database.parent.rename(tmp_path / "away")
        try:
            status, _ = await api.refused("GET", f"/runs/{run_id}")
            assert status == 503
            assert (await api.http.get("/readyz")).status_code == 503
        finally:
            (tmp_path / "away").rename(database.parent)
        assert (await api.get(f"/runs/{run_id}"))["status"] == "succeeded"


async def test_every_answer_carries_the_security_headers(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        for path in ("/healthz", "/runs/none", "/nothing"):
            answer = await api.http.get(path)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "default-src 'none'" in answer.headers["content-security-policy"]
            assert "access-control-allow-origin" not in answer.headers


async def test_a_body_that_trickles_in_is_given_up() -> None:
    async def nothing(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("a request without its body got through")

    async def slow() -> Any:
        yield b"{"
        await asyncio.sleep(5)
        yield b"}"

    guarded = Guard(nothing, Guarded(Settings().max_body_bytes, body_s=0.05))
    transport = httpx.ASGITransport(guarded)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        answer = await http.post("/runs", content=slow())
        assert (answer.status_code, answer.json()["status"]) == (408, 408)
