"""Tickets: one stream, once, within a minute, and worth no more than their token."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from api_kit import LIST, Api, events_of, in_process
from token_kit import bearer, token

from api.deps import Principal
from api.tickets import LIFETIME_S, MOST, Tickets
from core.errors import LimitReached


async def ticket(api: Api, run_id: str, headers: dict[str, str]) -> str:
    answer = await api.http.post("/tickets", json={"run_id": run_id}, headers=headers)
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["url"] == f"/runs/{run_id}/events?ticket={body['ticket']}"
    assert body["expires_in_s"] == LIFETIME_S
    return str(body["url"])


async def test_a_ticket_opens_one_stream_once(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await api.start()
        url = await ticket(api, run_id, bearer(token(api, scope="read")))
        stream = await api.http.get(url, headers={"Accept": "text/event-stream"})
        assert events_of(stream.text)[-1]["type"] == "run.finished"
        assert (await api.refused("GET", url))[0] == 401


async def test_a_ticket_opens_nothing_else(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        run_id, other = await api.start(), await api.start()
        headers = bearer(token(api))
        for method, path in [
            ("GET", f"/runs/{other}/events"),
            ("GET", f"/runs/{run_id}"),
            ("GET", "/runs"),
            ("DELETE", f"/runs/{run_id}"),
            ("POST", f"/runs/{run_id}/events"),
        ]:
            query = (await ticket(api, run_id, headers)).partition("?")[2]
            assert (await api.refused(method, f"{path}?{query}"))[0] == 401, path


async def test_a_ticket_is_worth_no_more_than_its_token(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        run_id = await api.start()
        opened = await ticket(api, run_id, {})
        url = await ticket(api, run_id, bearer(token(api)))
        api.made.services.store.tokens.revoke("ci")
        assert (await api.refused("GET", url))[0] == 401
        assert (await api.refused("GET", opened))[0] == 401, "it is from before the first token"


async def test_a_ticket_of_an_open_service_is_good(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        url = await ticket(api, await api.start(), {})
        assert (await api.http.get(url)).status_code == 200


async def test_a_ticket_for_no_run_is_refused(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        status, body = await api.refused("POST", "/tickets", json={"run_id": "nobody"})
    assert status == 422
    assert body["errors"][0]["loc"] == "body.run_id"


def clock(start: float) -> tuple[list[float], Callable[[], float]]:
    time = [start]
    return time, lambda: time[0]


def test_a_ticket_expires_after_a_minute() -> None:
    time, now = clock(100.0)
    tickets, who = Tickets(now), Principal("ci", frozenset({"read"}))
    early, late = (tickets.issue("run", who, "id") for _ in range(2))
    time[0] += LIFETIME_S - 0.1
    found = tickets.redeem(early, "run")
    assert found is not None
    assert (found.principal, found.token_id) == (who, "id")
    time[0] += 0.1
    assert tickets.redeem(late, "run") is None


def test_tickets_nobody_uses_cost_no_more_than_so_much_memory() -> None:
    time, now = clock(0.0)
    tickets, who = Tickets(now), Principal("ci", frozenset({"read"}))
    for _ in range(MOST):
        tickets.issue("run", who, None)
    with pytest.raises(LimitReached, match="unused"):
        tickets.issue("run", who, None)
    tickets.issue("run", Principal("other", who.scopes), None)
    time[0] += LIFETIME_S
    tickets.issue("run", who, None)
