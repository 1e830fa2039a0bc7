"""LangGraph's own development server on the exported graphs, as `make studio` starts it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from conftest import CHECKOUT, QUIET

STARTS_WITHIN_S = 40.0
ENDS_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Studio:
    """A server that answers."""

    http: httpx.Client
    home: Path
    log: Path

    def get(self, path: str) -> Any:
        """The JSON at a path."""
        return self._answered(self.http.get(path))

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """What it answers to a body."""
        return self._answered(self.http.post(path, json=body))

    def new_thread(self) -> str:
        """A thread's id."""
        return str(self.post("/threads", {})["thread_id"])

    def stream(self, thread: str, **body: Any) -> list[tuple[str, Any]]:
        """Every event of a run and its data."""
        asked = {"assistant_id": "budget", "stream_mode": ["updates"], **body}
        text = self.http.post(f"/threads/{thread}/runs/stream", json=asked).text
        return [parsed for block in text.split("\r\n\r\n") if (parsed := _event(block))]

    def _answered(self, response: httpx.Response) -> Any:
        assert response.is_success, response.text
        return response.json()


def _event(block: str) -> tuple[str, Any] | None:
    fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line[:8])
    return (fields["event"], json.loads(fields["data"])) if "data" in fields else None


@contextmanager
def studio(folder: Path, script_python: Path) -> Iterator[Studio]:
    """The server in a process of its own, with a fresh home and no key.

    It is started in `folder`, where it keeps its threads, on links to the exported graphs.
    """
    for name in ("langgraph.json", "graph"):
        (folder / name).symlink_to(CHECKOUT / name)
    home = folder / "home"
    home.mkdir()
    (home / "envs").symlink_to(script_python.parents[2])
    port, log = _free_port(), folder / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            _command(port), cwd=folder, env=_environment(home), stdout=output, stderr=output
        )
    try:
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False
        ) as client:
            _wait(client, server, log)
            yield Studio(client, home, log)
    finally:
        _stop(server)


def _command(port: int) -> list[str]:
    langgraph = str(Path(sys.executable).with_name("langgraph"))
    options = ["--no-browser", "--no-reload", "--port", str(port), "--n-jobs-per-worker", "4"]
    return [langgraph, "dev", *options]


def _environment(home: Path) -> dict[str, str]:
    """No key and no setting of the person who runs the tests; the tests' own tasks may run."""
    kept = {k: os.environ[k] for k in ("PATH", "LANG", "TMPDIR") if k in os.environ}
    ours = {"BUDGETML_HOME": str(home), "PYTHONPATH": str(CHECKOUT), "HOME": str(home)}
    agreed = {"BUDGETML_SANDBOX": "none", "BUDGETML_ALLOW_UNSANDBOXED_CODE": "i-understand"}
    return {**kept, **QUIET, **ours, **agreed}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait(client: httpx.Client, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < end and server.poll() is None:
        try:
            if client.get("/ok").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise AssertionError(f"langgraph dev did not start: {log.read_text()[-1500:]}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)
    try:
        server.wait(ENDS_WITHIN_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
