"""Servers for clients: the real app in a thread, a line that breaks, and one that never answers."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from api_kit import tiny_task

from api.app import create_app
from bench.kit import kit
from graph.services import Services
from store.database import Store


@dataclass(frozen=True, slots=True)
class Served:
    """The service on a port."""

    port: int
    store: Store

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def threaded(folder: Path, *replies: str, delay_s: float = 0.0) -> Iterator[Served]:
    """The whole service on a socket, in a thread of this process."""
    tiny_task(folder / "tasks", *replies)
    with (
        kit(folder, tasks_dir=folder / "tasks") as made,
        socket.create_server(("127.0.0.1", 0)) as listener,
    ):
        old, environ = made.services, {"BUDGETML_REPLAY_DELAY_S": str(delay_s)}
        app = create_app(Services(old.settings, old.store, old.book, environ, old.python))
        server = uvicorn.Server(
            uvicorn.Config(app, log_config=None, timeout_graceful_shutdown=1, access_log=False)
        )
        thread = threading.Thread(target=lambda: asyncio.run(server.serve([listener])))
        thread.start()
        try:
            yield Served(listener.getsockname()[1], old.store)
        finally:
            server.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


@dataclass(slots=True)
class Line:
    """A TCP proxy that cuts connection n after `cuts[n]` bytes of answer; later ones are whole."""

    target: int
    cuts: list[int]
    made: int = 0
    """Connections so far."""
    broken: int = 0
    """Those that were cut."""
    listener: socket.socket = field(default_factory=lambda: socket.create_server(("127.0.0.1", 0)))

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self) -> None:
        """Serve connections until the listener is shut down."""
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                limit = self.cuts[self.made] if self.made < len(self.cuts) else None
                self.made += 1
                far = socket.create_connection(("127.0.0.1", self.target))
                threading.Thread(target=_pump, args=(near, far), daemon=True).start()
                threading.Thread(target=self._answer, args=(far, near, limit), daemon=True).start()

    def _answer(self, far: socket.socket, near: socket.socket, limit: int | None) -> None:
        left = limit
        with suppress(OSError):
            while chunk := far.recv(4096):
                near.sendall(chunk if left is None else chunk[:left])
                if left is not None and len(chunk) >= left:
                    self.broken += 1
                    break
                left = None if left is None else left - len(chunk)
        _end(near, far)


@contextmanager
def breaking(target: int, cuts: list[int]) -> Iterator[Line]:
    """A line to a port of this machine that breaks in the given places."""
    line = Line(target, cuts)
    thread = threading.Thread(target=line.accept)
    thread.start()
    try:
        yield line
    finally:
        line.listener.shutdown(socket.SHUT_RDWR)
        line.listener.close()
        thread.join(10)


@contextmanager
def answering(raw: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """A server with one answer for everybody, or none at all; with the requests it got."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener, ExitStack() as kept:
        thread = threading.Thread(target=_answer_all, args=(listener, kept, raw, seen))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)


def _answer_all(
    listener: socket.socket, kept: ExitStack, raw: bytes | None, seen: list[bytes]
) -> None:
    with suppress(OSError):
        while True:
            near = kept.enter_context(listener.accept()[0])
            seen.append(near.recv(65536))
            if raw is not None:
                near.sendall(raw)
                near.close()


def _pump(near: socket.socket, far: socket.socket) -> None:
    with suppress(OSError):
        while chunk := near.recv(4096):
            far.sendall(chunk)
    _end(near, far)


def _end(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()
