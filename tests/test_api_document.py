"""The OpenAPI document says everything a client needs, and says it truly."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from api_kit import BODY, in_process

from api.problems import MEDIA

METHODS = {"get", "post", "put", "patch", "delete"}


async def document(tmp_path: Path) -> dict[str, Any]:
    async with in_process(tmp_path) as api:
        found: dict[str, Any] = await api.get("/openapi.json")
        return found


def operations(found: dict[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in found["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]


async def test_every_operation_is_named_described_and_says_how_it_fails(tmp_path: Path) -> None:
    found = operations(await document(tmp_path))
    names = [operation["operationId"] for _, _, operation in found]
    assert len(names) == len(set(names)) >= 20
    for path, _, operation in found:
        assert operation["description"], path
        assert operation["responses"].keys() >= {"401", "403", "422", "500", "503"}
        assert "{" not in path or "404" in operation["responses"], path
        for status, response in operation["responses"].items():
            if status >= "400" and (path, status) != ("/readyz", "503"):
                schema = response["content"][MEDIA]["schema"]
                assert schema == {"$ref": "#/components/schemas/Problem"}, (path, status)


async def test_links_lead_to_operations_that_take_their_parameters(tmp_path: Path) -> None:
    found = await document(tmp_path)
    by_name = {operation["operationId"]: operation for _, _, operation in operations(found)}
    links = found["paths"]["/runs"]["post"]["responses"]["202"]["links"]
    assert links.keys() >= {"get_run", "list_events", "cancel_run", "delete_run"}
    for link in links.values():
        taken = {p["name"] for p in by_name[link["operationId"]]["parameters"]}
        assert link["parameters"].keys() <= taken


async def test_all_references_lead_somewhere(tmp_path: Path) -> None:
    found = await document(tmp_path)
    references = set(re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(found)))
    assert references <= found["components"]["schemas"].keys()


async def test_the_examples_work(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        schemas = (await api.get("/openapi.json"))["components"]["schemas"]
        (example,) = schemas["NewRunIn"]["examples"]
        answer = await api.http.post("/runs", json=example)
        assert answer.status_code == 202, answer.text
        assert answer.json().keys() == schemas["RunOut"]["properties"].keys()
        await api.http.post(f"/runs/{answer.json()['id']}/cancel")


async def test_nothing_undocumented_is_answered(tmp_path: Path) -> None:
    """Every route with plain values: the status is one of those it names."""
    async with in_process(tmp_path) as api:
        found = operations(await api.get("/openapi.json"))
        run_id = await api.start()
        await api.ended(run_id)
        for path, method, operation in found:
            where = path.replace("{run_id}", run_id).replace("{task_id}", "tiny")
            where = where.replace("{step}", "1").replace("{path}", "train.py")
            if method == "delete":
                continue
            body: Any = BODY if path == "/runs" else {"step": 1}
            answer = await api.http.request(
                method.upper(), where, json=body if method == "post" else None
            )
            assert str(answer.status_code) in operation["responses"], (path, answer.text)
            assert answer.status_code < 500
