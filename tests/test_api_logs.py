"""The log: one JSON object a line, about the right run, without a secret in it."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from api_kit import BODY, LIST, in_process

from api.logs import JsonLines, configure
from core.about import RUN_ID
from engine.worker import Worker
from store.tokens import NewToken

SECRET = "correct-horse-battery"
log = logging.getLogger("budgetml.test")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the service would write to stderr."""
    monkeypatch.setenv("SOME_API_KEY", SECRET)
    root, stream = logging.getLogger(), io.StringIO()
    before, level = list(root.handlers), root.level
    for handler in before:
        root.removeHandler(handler)  # `configure` closes those it replaces
    ours = configure(stream)
    yield stream
    root.removeHandler(ours)
    root.setLevel(level)
    for handler in before:
        root.addHandler(handler)


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_an_object_with_what_was_said_and_given(lines: io.StringIO) -> None:
    log.info("two\nlines of %s", "text", extra={"step": 3})
    (line,) = read(lines)
    assert line.pop("ts").endswith("+00:00")
    expected = {"level": "info", "logger": "budgetml.test", "message": "two\nlines of text"}
    assert line == {**expected, "step": 3}


def test_no_secret_reaches_a_line_by_any_way(lines: io.StringIO) -> None:
    token = f"bml_{'0' * 12}_{'A1' * 21}x"
    log.info("key %s, %s and ?ticket=abcdefgh12345", SECRET, token, extra={"body": [SECRET]})
    try:
        raise ValueError(f"Authorization: Bearer {token} with {SECRET}")
    except ValueError:
        log.exception("failed")
    text = lines.getvalue()
    assert len(read(lines)) == 2
    assert "ValueError" in text
    for secret in (SECRET, token, "A1A1A1", "abcdefgh12345"):
        assert secret not in text


def test_a_line_of_a_runs_thread_names_the_run(lines: io.StringIO) -> None:
    ended = threading.Event()

    async def work() -> None:
        log.info("at work")

    worker = Worker("run-a", work, lambda _: ended.set())
    worker.start()
    assert ended.wait(10)
    worker.join()
    log.info("elsewhere")
    assert [line.get("run_id") for line in read(lines)] == ["run-a", None]


def test_a_record_without_a_run_says_nothing_of_one() -> None:
    record = logging.makeLogRecord({"msg": "hello", "levelname": "INFO", "name": "x"})
    assert "run_id" not in json.loads(JsonLines().format(record))
    mark = RUN_ID.set("run-a")
    assert json.loads(JsonLines().format(record))["run_id"] == "run-a"
    RUN_ID.reset(mark)


async def test_each_request_is_one_line_that_shows_who_and_what(
    lines: io.StringIO, tmp_path: Path
) -> None:
    async with in_process(tmp_path, LIST) as api:
        made = api.made.services.store.tokens.create(NewToken(name="ci"))[0]
        api.http.headers["Authorization"] = f"Bearer {made}"
        run_id = (await api.http.post("/runs", json=BODY)).json()["id"]
        await api.ended(run_id)
        given = await api.http.post("/tickets", json={"run_id": run_id})
        ticket = given.json()["ticket"]
        del api.http.headers["Authorization"]
        await api.http.get(f"/runs/{run_id}/events", params={"ticket": ticket})
        await api.http.get(f"/runs/{run_id}?token={made}")
    assert RUN_ID.get() is None, "it ends with the request"
    text = lines.getvalue()
    assert made not in text
    assert ticket not in text
    found = [line for line in read(lines) if line["logger"] == "budgetml.access"]
    told = [(r["method"], r["path"], r["status"], r["principal"], r.get("run_id")) for r in found]
    assert told[0] == ("POST", "/runs", 202, "ci", None)
    assert told[-2:] == [
        ("GET", f"/runs/{run_id}/events", 200, "ci", run_id),
        ("GET", f"/runs/{run_id}", 401, None, run_id),
    ]
    assert all(record["seconds"] >= 0 for record in found)
