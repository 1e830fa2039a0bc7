"""The guards of conftest.py hold: no key, no proxy, no connection beyond this machine."""

from __future__ import annotations

import asyncio
import os
import socket
from pathlib import Path

import httpx
import pytest
from conftest import PRIVATE, is_local


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "GOOGLE_API_KEY",
        "MISTRAL_API_KEY",
        "https_proxy",
        "NO_PROXY",
        "LANGCHAIN_TRACING_V2",
        "BUDGETML_SANDBOX",
    ],
)
def test_what_could_spend_money_or_leak_is_removed(name: str) -> None:
    assert PRIVATE.fullmatch(name)
    assert name not in os.environ


@pytest.mark.parametrize("name", ["PATH", "HOME", "TMPDIR", "LANG", "CI"])
def test_the_rest_of_the_environment_is_left_alone(name: str) -> None:
    assert not PRIVATE.fullmatch(name)


def test_the_home_of_the_service_is_a_fresh_empty_folder() -> None:
    assert not list(Path(os.environ["BUDGETML_HOME"]).iterdir())


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "api.example.com"])
def test_other_machines_are_not_local(address: str) -> None:
    assert not is_local(address)


def test_a_plain_socket_cannot_leave_the_machine() -> None:
    with socket.socket() as leaving:
        leaving.settimeout(0.1)
        with pytest.raises(pytest.fail.Exception, match="loopback"):
            leaving.connect(("192.0.2.1", 443))
        with pytest.raises(pytest.fail.Exception, match="loopback"):
            leaving.connect_ex(("192.0.2.1", 443))


async def test_an_http_client_that_catches_everything_still_fails_the_test() -> None:
    async with httpx.AsyncClient() as client:
        with pytest.raises(pytest.fail.Exception, match=r"api\.example\.com"):
            await client.get("https://api.example.com/v1/models")


async def test_a_loopback_server_can_be_reached() -> None:
    async def greet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"hello")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("localhost", port)
        assert await reader.read() == b"hello"
        writer.close()
        await writer.wait_closed()
