"""The service on a home of its own: in this process, or as a server that can be killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI

from api.app import create_app
from api.server import serve
from bench.kit import Kit, home_settings, kit, reply, write_rows, write_task
from graph.services import Services

CHECKOUT = Path(__file__).resolve().parents[1]
CONFIG: dict[str, Any] = {
    "tiers": [{"model": "replay:google_genai:gemini-2.5-flash-lite", "tries": 1}],
    "limits": {"steps": 30, "budget_usd": "10"},
    "actions": ["List Files", "Write File", "Execute Script", "Final Answer"],
    "tape": "task",
    "grade_live": False,
}
ANSWER = reply("Write File", file_name="answer.txt", content="2")
LIST = reply("List Files", dir_path=".")
DONE = reply("Final Answer", final_answer="done")
BODY = {"task_id": "tiny", "config": CONFIG}


def tiny_task(tasks: Path, *replies: str) -> None:
    """The tiny task with a tape of its own: these replies, one a step, and then the end."""
    write_task(tasks / "tiny")
    rows = [{"step": n, "reply": text} for n, text in enumerate([*replies, DONE], start=1)]
    write_rows(tasks / "tiny" / "demo.tape.jsonl", rows)


@dataclass(frozen=True, slots=True)
class Api:
    """The app in this process and a client of it."""

    made: Kit
    app: FastAPI
    http: httpx.AsyncClient

    async def start(self, **more: Any) -> str:
        """The id of a new run of the tiny task."""
        answer = await self.http.post("/runs", json={**BODY, **more})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    async def get(self, path: str, **params: Any) -> Any:
        """What a request that must succeed answers."""
        answer = await self.http.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def ended(self, run_id: str) -> Any:
        """The run once it has ended, as its event stream tells."""
        headers = {"Accept": "text/event-stream"}
        await self.http.get(f"/runs/{run_id}/events", headers=headers)
        return await self.get(f"/runs/{run_id}")

    async def refused(self, method: str, path: str, **request: Any) -> tuple[int, Any]:
        """Status and body of a request that must be refused as problem+json."""
        answer = await self.http.request(method, path, **request)
        assert answer.headers["content-type"] == "application/problem+json", answer.text
        body = answer.json()
        assert body.keys() >= {"type", "title", "status", "detail", "instance"}
        assert body["status"] == answer.status_code
        return answer.status_code, body


@asynccontextmanager
async def in_process(
    folder: Path, *replies: str, delay_s: float = 0, **settings: Any
) -> AsyncIterator[Api]:
    """The whole service without a socket; its engine really runs."""
    tiny_task(folder / "tasks", *replies)
    with kit(folder, tasks_dir=folder / "tasks") as made:
        old, environ = made.services, {"BUDGETML_REPLAY_DELAY_S": str(delay_s)}
        known = old.settings.model_copy(update=settings)
        services = Services(known, old.store, old.book, environ, old.python)
        app = create_app(services)
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(transport=transport, base_url="http://localhost") as http,
        ):
            yield Api(Kit(made.root, services), app, http)


@dataclass(slots=True)
class Server:
    """A server process on a home folder."""

    root: Path
    delay_s: float = 0.0
    settings: dict[str, Any] = field(default_factory=dict)
    port: int = field(init=False)
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> None:
        """Start it, again on the same port, and wait until it answers."""
        code = f"from api_kit import child; child({str(self.root)!r}, {self.port}, {self.settings})"
        env = {**os.environ, "PYTHONPATH": f"{CHECKOUT}:{CHECKOUT / 'tests'}"}
        env["BUDGETML_REPLAY_DELAY_S"] = str(self.delay_s)
        with (self.root / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code], env=env, stdout=log, stderr=log
            )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return
            except httpx.TransportError:
                time.sleep(0.05)
        raise AssertionError((self.root / "server.log").read_text())

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def stop(self, sig: signal.Signals) -> float:
        """Send a signal; seconds until the process was gone."""
        begun = time.monotonic()
        self.process.send_signal(sig)
        self.process.wait(30)
        return time.monotonic() - begun

    def new_run(self, **more: Any) -> str:
        """The id of a new run of the tiny task."""
        answer = httpx.post(f"{self.url}/runs", json={**BODY, **more})
        assert answer.status_code == 202, answer.text
        return str(answer.json()["id"])

    def run(self, run_id: str) -> Any:
        """How a run stands."""
        return httpx.get(f"{self.url}/runs/{run_id}").json()

    def until(self, run_id: str, *statuses: str, steps: int = 0) -> Any:
        """The run once it has one of these statuses and that many steps."""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            row = self.run(run_id)
            if row["status"] in statuses and row["steps"] >= steps:
                return row
            time.sleep(0.05)
        raise AssertionError(row)


@contextmanager
def serving(root: Path, *replies: str, delay_s: float = 0.0, **settings: Any) -> Iterator[Server]:
    """A server of its own process; killed at the end, if it still lives."""
    tiny_task(root / "tasks", *replies)
    server = Server(root, delay_s, settings)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        server.port = probe.getsockname()[1]
    server.start()
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.stop(signal.SIGKILL)


def child(root: str, port: int, settings: dict[str, Any]) -> None:
    """The server process; scripts run under our own interpreter."""
    known = home_settings(Path(root, "home"), tasks_dir=Path(root, "tasks"), **settings)
    opened = Services.open(known, os.environ)
    services = Services(
        opened.settings, opened.store, opened.book, opened.environ, python=Path(sys.executable)
    )
    serve(create_app(services), "127.0.0.1", port)


def events_of(stream: str) -> list[dict[str, Any]]:
    """The events of a text/event-stream."""
    found = []
    for block in stream.split("\n\n"):
        lines = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "data" in lines and "id" in lines:
            event = json.loads(lines["data"])
            assert int(lines["id"]) == event["seq"]
            found.append(event)
    return found
