"""Who may do what: every route, every scope, every state of a token, and nobody else."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_kit import BODY, LIST, Api, in_process
from fastapi import FastAPI, Request
from token_kit import bearer, token

from api.app import create_app
from api.auth import Gate, tokens_exist
from api.deps import Principal
from api.problems import MEDIA, SECURITY_HEADERS
from core.errors import StorageFull
from store.tokens import SCOPES
from store.transactions import ago

RULES = {
    "GET /healthz": "public",
    "GET /readyz": "public",
    "GET /openapi.json": "token",
    "GET /version": "token",
    "GET /metrics": "read",
    "GET /models": "read",
    "GET /presets": "read",
    "GET /runs": "read",
    "GET /runs/{run_id}": "read",
    "GET /runs/{run_id}/calls": "read",
    "GET /runs/{run_id}/diff": "read",
    "GET /runs/{run_id}/events": "read",
    "GET /runs/{run_id}/files": "read",
    "GET /runs/{run_id}/files/{path:path}": "read",
    "GET /runs/{run_id}/graph": "read",
    "GET /runs/{run_id}/report": "read",
    "GET /runs/{run_id}/steps": "read",
    "GET /runs/{run_id}/steps/{step}": "read",
    "GET /tasks": "read",
    "GET /tasks/{task_id}": "read",
    "POST /tickets": "read",
    "POST /runs": "run",
    "POST /runs/{run_id}/cancel": "run",
    "POST /runs/{run_id}/fork": "run",
    "POST /runs/{run_id}/resume": "run",
    "DELETE /runs/{run_id}": "admin",
}
"""Every route and the least that may use it; a new route must be entered here."""
UNKNOWN = f"bml_{'0' * 12}_{'A' * 43}"


def routes_of(app: FastAPI) -> Iterator[str]:
    for top in app.routes:
        included: Any = getattr(top, "original_router", None)
        for route in [top] if included is None else included.routes:
            known: Any = route
            yield from (f"{method} {known.path}" for method in known.methods - {"HEAD"})


def states(api: Api) -> dict[str, httpx.Headers]:
    """Headers by the state of the token they carry."""
    tokens = api.made.services.store.tokens
    revoked, expired = token(api, "gone"), token(api, "old", expires=ago(1))
    tokens.revoke("gone")
    sent: dict[str, str] = {
        "empty": "",
        "basic": f"Basic {token(api, 'basic')}",
        "wrong": f"Bearer {UNKNOWN}",
        "not ASCII": "Bearer \xe9",
        "revoked": f"Bearer {revoked}",
        "expired": f"Bearer {expired}",
        **{scope: f"Bearer {token(api, scope, scope)}" for scope in SCOPES},
    }
    headers = {k: httpx.Headers({"Authorization": v}, "utf-8") for k, v in sent.items()}
    return {"none": httpx.Headers(), **headers}


def allowed(state: str, rule: str) -> bool:
    if rule == "public":
        return True
    held = SCOPES[: SCOPES.index(state) + 1] if state in SCOPES else ()
    return bool(held) if rule == "token" else rule in held


@asynccontextmanager
async def from_place(app: FastAPI, url: str, client: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client at that address, for which the service has that name."""
    transport = httpx.ASGITransport(app, client=(client, 4711))
    async with httpx.AsyncClient(transport=transport, base_url=url) as http:
        yield http


async def test_every_route_has_a_rule(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        found = list(routes_of(api.app))
        documented = {
            f"{method.upper()} {path}"
            for path, methods in api.app.openapi()["paths"].items()
            for method in methods
        }
    assert sorted(found) == sorted(RULES)
    assert documented <= {route.replace(":path", "") for route in found}


def address(path: str, run_id: str) -> str:
    names = {"run_id": run_id, "path:path": "train.py", "step": "1", "task_id": "tiny"}
    return re.sub(r"\{([^}]+)\}", lambda match: names[match[1]], path)


async def test_each_route_obeys_its_rule_for_each_state_of_a_token(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await api.start()
        await api.ended(run_id)
        found = {}
        for state, headers in states(api).items():
            for route in RULES:
                method, _, path = route.partition(" ")
                body: dict[str, str] | None = {} if method == "POST" else None
                answer = await api.http.request(
                    method, address(path, run_id), headers=headers, json=body
                )
                found[state, route] = answer.status_code
    expected = {
        (state, route): 0 if allowed(state, RULES[route]) else 403 if state in SCOPES else 401
        for state, route in found
    }
    assert {key: s if s in {401, 403} else 0 for key, s in found.items()} == expected
    assert max(found.values()) < 500


async def test_every_route_asks_for_a_scope_by_itself(tmp_path: Path) -> None:
    async def powerless(_: Request) -> Principal:
        return Principal("nobody", frozenset())

    async with in_process(tmp_path) as api:
        run_id = await api.start()
        app = create_app(api.made.services, authenticate=powerless)
        async with from_place(app, "http://localhost", "127.0.0.1") as http:
            for route in (r for r, rule in RULES.items() if rule in SCOPES):
                method, _, path = route.partition(" ")
                body = {"run_id": run_id} if path == "/tickets" else None
                answer = await http.request(method, address(path, run_id), json=body)
                assert answer.status_code == 403, route


async def test_every_refusal_of_a_token_is_the_same(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        answers = [
            await api.http.get("/runs", headers=headers)
            for state, headers in states(api).items()
            if state not in SCOPES
        ]
    assert len(answers) == 7
    assert {a.status_code for a in answers} == {401}
    assert {a.headers["content-type"] for a in answers} == {MEDIA}
    assert {a.headers["www-authenticate"] for a in answers} == {'Bearer realm="budgetml"'}
    assert len({a.text for a in answers}) == 1
    assert "budgetml token new" in answers[0].json()["detail"]
    assert answers[0].headers.items() >= {(k.lower(), v) for k, v in SECURITY_HEADERS.items()}


async def test_too_small_a_scope_is_named(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        headers = bearer(token(api, scope="read"))
        status, body = await api.refused("POST", "/runs", json=BODY, headers=headers)
    assert (status, body["title"]) == (403, "Forbidden")
    assert '"run"' in body["detail"]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/nothing"), ("GET", "/runs/none"), ("PUT", "/runs"), ("GET", "//")],
)
async def test_a_stranger_does_not_learn_what_there_is(
    tmp_path: Path, method: str, path: str
) -> None:
    async with in_process(tmp_path) as api:
        token(api)
        assert (await api.refused(method, f"http://localhost{path}"))[0] == 401


async def test_a_strangers_body_is_not_read(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[bytes]:
        pytest.fail("the body of a stranger was read")
        yield b""

    async with in_process(tmp_path) as api:
        token(api)
        assert (await api.refused("POST", "/runs", content=endless()))[0] == 401


async def test_without_any_token_this_machine_may_do_everything(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        assert not tokens_exist(api.made.services.store)
        run_id = await api.start()
        await api.ended(run_id)
        origin = {"Origin": "http://localhost"}
        assert (await api.http.get("/runs", headers=origin)).status_code == 200
        assert (await api.http.delete(f"/runs/{run_id}")).status_code == 204


async def test_a_wrong_token_is_refused_even_where_none_is_needed(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        assert (await api.refused("GET", "/runs", headers=bearer(UNKNOWN)))[0] == 401


async def test_the_first_token_closes_the_service_and_revoking_it_does_not_open_it(
    tmp_path: Path,
) -> None:
    async with in_process(tmp_path) as api:
        assert (await api.http.get("/runs")).status_code == 200
        headers = bearer(token(api))
        assert (await api.http.get("/runs")).status_code == 401
        assert (await api.http.get("/runs", headers=headers)).status_code == 200
        api.made.services.store.tokens.revoke("ci")
        assert (await api.http.get("/runs", headers=headers)).status_code == 401
        assert (await api.http.get("/runs")).status_code == 401
        assert tokens_exist(api.made.services.store)


@pytest.mark.parametrize(
    ("url", "client", "status"),
    [
        ("http://localhost:8000", "127.0.0.1", 200),
        ("http://127.0.0.1:8000", "127.0.0.1", 200),
        ("http://[::1]:8000", "::1", 200),
        ("http://localhost:8000", "192.0.2.7", 401),
        ("http://localhost:8000", "unknown", 401),
        ("http://rebound.example:8000", "127.0.0.1", 401),
        ("http://192.0.2.7:8000", "127.0.0.1", 401),
    ],
)
async def test_open_means_open_to_this_machine_by_its_own_name(
    tmp_path: Path, url: str, client: str, status: int
) -> None:
    async with in_process(tmp_path) as api, from_place(api.app, url, client) as http:
        assert (await http.get("/runs")).status_code == status


@pytest.mark.parametrize("host", ["[", "", "localhost.example", "127.0.0.1.example", "::1"])
async def test_a_host_that_is_not_loopback_is_somewhere_else(tmp_path: Path, host: str) -> None:
    async with in_process(tmp_path) as api:
        assert (await api.refused("GET", "/runs", headers={"Host": host}))[0] == 401


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://localhost:9000"])
async def test_a_page_from_elsewhere_may_do_nothing(tmp_path: Path, origin: str) -> None:
    async with in_process(tmp_path) as api:
        headers = {"Origin": origin}
        assert (await api.refused("POST", "/runs", json=BODY, headers=headers))[0] == 401


async def test_a_database_that_fails_is_no_refusal(tmp_path: Path) -> None:
    async def broken(_: Request) -> Principal:
        raise StorageFull("the disk is full")

    async with in_process(tmp_path) as api:
        app = create_app(api.made.services, authenticate=broken)
        async with from_place(app, "http://localhost", "127.0.0.1") as http:
            answer = await http.get("/runs")
            assert (answer.status_code, answer.headers["content-type"]) == (503, MEDIA)
            assert (await http.get("/healthz")).status_code == 200


async def test_a_websocket_is_closed_unasked() -> None:
    async def never(*_: Any) -> Any:
        pytest.fail("it was let through")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    await Gate(never)({"type": "websocket", "path": "/", "headers": []}, never, send)
    assert [message["type"] for message in sent] == ["websocket.close"]
