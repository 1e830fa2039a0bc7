"""`budgetml serve`: listens where it is told, but not beyond this machine without a token."""

from __future__ import annotations

import signal
import socket
import time
from pathlib import Path

import httpx
import pytest
from cli_kit import Budgetml

from cli.serve import is_loopback


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.org"])
def test_others_are_not_let_in_without_a_token(tmp_path: Path, host: str) -> None:
    done = Budgetml(tmp_path / "home")("serve", "--host", host)
    assert done.returncode == 4
    assert "budgetml token new" in done.stderr


@pytest.mark.parametrize(
    ("host", "expected"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("::", False)],
)
def test_what_is_loopback(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.loopback
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = Budgetml(tmp_path / "home").start("serve", "--port", str(port))
    try:
        answer = _answer(f"http://127.0.0.1:{port}/healthz")
        assert answer.json() == {"status": "ok"}
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
        assert process.returncode in {0, -signal.SIGTERM}, out + err
        assert f"http://127.0.0.1:{port}" in out + err
    finally:
        process.kill()


def _answer(url: str) -> httpx.Response:
    deadline = time.monotonic() + 30
    while True:
        try:
            return httpx.get(url)
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
