"""Keeps every test away from real keys, real money and the real home folder."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from platformdirs import user_cache_path

from sandbox.interpreter import ensure_interpreter

CHECKOUT = Path(__file__).resolve().parents[1]
QUIET = {
    "LANGGRAPH_STRICT_MSGPACK": "true",
    "LANGGRAPH_CLI_NO_ANALYTICS": "1",
    "LANGGRAPH_NO_VERSION_CHECK": "true",
    "LANGSMITH_TRACING": "false",
}
TEST_SETTINGS = {"BUDGETML_REQUIRE_SHARED", "BUDGETML_TEST_ENVS"}
PRIVATE = re.compile(
    r"(OPENAI|AZURE|ANTHROPIC|CLAUDE|GOOGLE|GEMINI|LANGSMITH|LANGCHAIN|BUDGETML)_.*"
    r"|.*_(PROXY|API_KEY|API_TOKEN)",
    re.IGNORECASE,
)


def pytest_configure() -> None:
    """Set what LangGraph reads while it is imported, so before the first test module is."""
    os.environ.update(QUIET)


@pytest.fixture(autouse=True)
def clean_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Keys, proxies and our own settings of the person who runs the tests do not count."""
    for name in os.environ.keys() - QUIET.keys() - TEST_SETTINGS:
        if PRIVATE.fullmatch(name):
            monkeypatch.delenv(name)
    monkeypatch.setenv("BUDGETML_HOME", str(tmp_path_factory.mktemp("home")))


def is_local(host: object) -> bool:
    """Whether a host, as given to the socket module, never leaves this machine."""
    name = host.decode() if isinstance(host, bytes) else host
    if name in {None, "", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(str(name))
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def refuse_beyond_loopback(host: object) -> None:
    """`pytest.fail` raises a BaseException: a client's own retries cannot swallow it."""
    if not is_local(host):
        pytest.fail(f"a test tried to reach {host!r}: use a loopback server or a tape instead")


@pytest.fixture(scope="session", autouse=True)
def loopback_only() -> Iterator[None]:
    """Paid calls are impossible in tests, whatever the code under test believes."""
    real = {name: getattr(socket.socket, name) for name in ("connect", "connect_ex")}
    look_up = socket.getaddrinfo

    def guarded(name: str) -> Callable[[socket.socket, Any], Any]:
        def connect(self: socket.socket, address: Any) -> Any:
            if self.family in {socket.AF_INET, socket.AF_INET6}:
                refuse_beyond_loopback(address[0])
            return real[name](self, address)

        return connect

    def getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        refuse_beyond_loopback(host)
        return look_up(host, *rest, **named)

    with pytest.MonkeyPatch.context() as patch:
        for name in real:
            patch.setattr(socket.socket, name, guarded(name))
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        yield


@pytest.fixture(scope="session")
def shared_dir() -> Path:
    """The folder with the real data sets, beside the checkout."""
    folder = CHECKOUT.parent / "shared"
    if folder.is_dir():
        return folder
    reason = f"needs the real data sets in {folder}, which does not exist"
    if os.environ.get("BUDGETML_REQUIRE_SHARED"):
        pytest.fail(f"{reason}; put them there or unset BUDGETML_REQUIRE_SHARED")
    pytest.skip(reason)


@pytest.fixture(scope="session")
def script_python() -> Path:
    """The interpreter scripts run in, built once per machine and shared by all workers."""
    default = user_cache_path("budgetml") / "test-envs"
    envs_dir = Path(os.environ.get("BUDGETML_TEST_ENVS", default))
    lock = CHECKOUT / "tasks" / "envs" / "base.lock"
    return asyncio.run(ensure_interpreter(lock, envs_dir, lambda line: None))
