"""A real server process: streams over a socket, signals, kills and restarts."""

from __future__ import annotations

import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest
from api_kit import ANSWER, LIST, Server, events_of, serving

from bench.crash import log_problems
from bench.kit import reply
from store.database import Store

pytestmark = pytest.mark.loopback
SSE = {"Accept": "text/event-stream"}
SLEEPS = "import time\nprint('begun', flush=True)\ntime.sleep(60)\n"
WRITE = reply("Write File", file_name="sleep.py", content=SLEEPS)
SLEEP = reply("Execute Script", script_name="sleep.py")


class Follower(threading.Thread):
    """Follows a run as an EventSource does: after a lost connection from its last event."""

    def __init__(self, server: Server, run_id: str) -> None:
        super().__init__()
        self.url = f"{server.url}/runs/{run_id}/events"
        self.seen: list[int] = []
        self.finished = False
        self.start()

    def run(self) -> None:
        """Until the run has ended."""
        deadline = time.monotonic() + 50
        while not self.finished and time.monotonic() < deadline:
            try:
                self._connect()
            except httpx.TransportError:
                time.sleep(0.05)

    def _connect(self) -> None:
        headers = {**SSE, "Last-Event-ID": str(self.seen[-1] if self.seen else 0)}
        with httpx.stream("GET", self.url, headers=headers, timeout=20) as answer:
            self.finished = answer.status_code == 204
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    self.seen.append(int(line.removeprefix("id: ")))


@contextmanager
def stored(server: Server) -> Iterator[Store]:
    """The server's database."""
    with Store.open(server.root / "home" / "budgetml.db") as store:
        yield store


def within(seconds: float, holds: Callable[[], bool]) -> None:
    """Wait for something."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_kills_and_restarts_lose_nothing_and_repeat_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, *([LIST] * 8), delay_s=0.15) as server:
        ids = [server.new_run() for _ in range(2)]
        followers = [Follower(server, run_id) for run_id in ids for _ in range(2)]
        for _ in range(2):
            time.sleep(0.6)
            server.stop(signal.SIGKILL)
            server.start()
        rows = [server.until(run_id, "succeeded") for run_id in ids]
        for follower in followers:
            follower.join(20)
        with stored(server) as store:
            for run_id, row in zip(ids, rows, strict=True):
                log = store.events.read(run_id, limit=5000)
                assert not log_problems(log)
                assert row["steps"] == 9
                assert sum(e.type == "run.resumed" for e in log) >= 1
                settled = [c for c in store.calls.read(run_id) if c.status == "settled"]
                assert len(settled) == 9
        for follower, run_id in zip(followers, [i for i in ids for _ in range(2)], strict=True):
            last = server.run(run_id)["last_seq"]
            assert follower.seen == list(range(1, last + 1))


def test_sigterm_ends_streams_and_scripts_and_everything_goes_on_afterwards(
    tmp_path: Path,
) -> None:
    with serving(tmp_path, WRITE, SLEEP, delay_s=0.0) as server, ExitStack() as stack:
        ids = [server.new_run() for _ in range(4)]
        for run_id in ids:
            server.until(run_id, "running", steps=1)
        streams = [
            stack.enter_context(
                httpx.stream("GET", f"{server.url}/runs/{ids[n % 4]}/events", headers=SSE)
            )
            for n in range(20)
        ]
        assert all(next(s.iter_bytes()) for s in streams)
        with stored(server) as store:
            within(10, lambda: all(store.events.read(i, types=("log",)) for i in ids))
        assert server.stop(signal.SIGTERM) < 10
        with stored(server) as store:
            assert {store.runs.get(i).status for i in ids} == {"queued"}
            reasons = [store.events.read(i, types=("interrupt",))[-1].data for i in ids]
            assert all("goes on" in str(r["reason"]) for r in reasons)
        server.start()
        for run_id in ids:
            assert server.until(run_id, "running")["steps"] == 1
            httpx.post(f"{server.url}/runs/{run_id}/cancel")
            server.until(run_id, "cancelled")


def test_clients_that_read_nothing_hold_up_neither_the_run_nor_the_others(
    tmp_path: Path,
) -> None:
    long = reply("Write File", file_name="a.txt", content="x" * 20_000)
    with serving(tmp_path, *([long] * 25), ANSWER) as server, ExitStack() as stack:
        run_id = server.new_run()
        for _ in range(10):
            deaf = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            deaf.sendall(
                f"GET /runs/{run_id}/events HTTP/1.1\r\nHost: localhost\r\n"
                "Accept: text/event-stream\r\n\r\n".encode()
            )
        answer = httpx.get(f"{server.url}/runs/{run_id}/events", headers=SSE, timeout=30)
        row = server.run(run_id)
        assert row["status"] == "succeeded"
        assert [e["seq"] for e in events_of(answer.text)] == list(range(1, row["last_seq"] + 1))
        assert server.stop(signal.SIGTERM) < 10


def test_a_client_that_goes_away_stops_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, *([LIST] * 5), delay_s=0.1) as server:
        run_id = server.new_run()
        with httpx.stream("GET", f"{server.url}/runs/{run_id}/events", headers=SSE) as answer:
            next(answer.iter_bytes())
        assert server.until(run_id, "succeeded")["steps"] == 6
