"""Limits of a token over HTTP: refused with 429 and the reason."""

from __future__ import annotations

import json
from pathlib import Path

from api_kit import BODY, LIST, in_process
from token_kit import bearer, token


async def test_runs_beyond_a_tokens_limit_are_refused_with_the_reason(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST, LIST, delay_s=0.5) as api:
        headers = bearer(token(api, scope="run", runs_at_once=1))
        api.http.headers.update(headers)
        run_id = await api.start()
        answer = await api.http.post("/runs", json=BODY)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
        problem = answer.json()
        assert problem["type"].endswith(":limit_reached")
        assert "1 unfinished runs and has 1" in problem["detail"]
        await api.http.post(f"/runs/{run_id}/cancel")
        await api.ended(run_id)
        await api.start()


async def test_dollars_beyond_a_tokens_limit_are_refused_with_the_reason(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        api.http.headers.update(bearer(token(api, scope="run", day_pico=6 * 10**12)))
        run_id = await api.start(budget_usd="5")
        status, body = await api.refused("POST", "/runs", json={**BODY, "budget_usd": "5"})
        assert status == 429
        assert "may spend $6 in 24 hours" in body["detail"]
        await api.ended(run_id)
        await api.start(budget_usd="5")


async def test_a_fork_counts_too_and_a_refused_one_leaves_nothing(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await api.start()
        await api.ended(run_id)
        headers = bearer(token(api, scope="run", day_pico=10**13))
        fork = f"/runs/{run_id}/fork"
        body = {"step": 1}
        made = await api.http.post(fork, json=body, headers=headers)
        assert made.status_code == 202, made.text
        assert (await api.refused("POST", fork, json=body, headers=headers))[0] == 429
        found = json.loads((await api.http.get("/runs", headers=headers)).text)["items"]
        assert len(found) == 2
