"""A real HTTP server on 127.0.0.1 that answers like the providers do, for tests and benchmarks."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from bench.dialects import (
    JSON,
    SSE,
    Answer,
    Dialect,
    Tokens,
    dialect_of,
    error_body,
    prompt_of,
    reply_body,
    stream,
)
from models.tape import Tape, TapeRow

_PAGE = b"<html><body>502 Bad Gateway</body></html>"
_FAILURES = {
    "transient": Answer(status=503),
    "permanent": Answer(status=404),
    "overflow": Answer(status=400, error_code="context_length_exceeded"),
    "blocked": Answer(status=400, error_code="content_filter"),
    "broken": Answer(fault="html"),
}


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it arrived."""

    path: str
    dialect: Dialect
    model: str
    headers: dict[str, str]
    """Names in lower case."""
    body: dict[str, Any]
    prompt: str
    at: float
    """Monotonic seconds."""


Script = Callable[[Request], Answer]


class Loopback:
    """Answers chat requests by a script while the `with` block lasts, and remembers them all."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._turn = threading.Lock()
        self._closing = threading.Event()
        self.requests: list[Request] = []
        self.tokens_by_model: dict[str, Tokens] = defaultdict(Tokens)
        """Tokens of every usage report that was sent whole."""

    @classmethod
    def from_tape(cls, tape: Tape) -> Self:
        """Serves the rows of a tape, one per request, in their order."""
        return cls(partial(_next_row, iter(tape.rows.values())))

    @classmethod
    def always(cls, *answers: Answer) -> Self:
        """Gives these answers in turn, and then the last one for ever."""
        waiting = list(answers)
        return cls(lambda _: waiting.pop(0) if len(waiting) > 1 else waiting[0])

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """The server's root; Gemini and Anthropic clients take it as their base URL."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def base_url(self, provider: str) -> str:
        """What to write as `base_url` of a model of this provider."""
        return f"{self.url}/v1" if provider in {"openai", "local"} else self.url

    def answer(self, request: Request) -> tuple[Answer, Tokens]:
        """The script's answer and the tokens to report for it."""
        with self._turn:
            self.requests.append(request)
            answer = self._script(request)
        self._closing.wait(answer.delay_s)
        return answer, _tokens(request, answer)

    def reported(self, model: str, tokens: Tokens) -> None:
        """Notes a usage report that was sent."""
        with self._turn:
            self.tokens_by_model[model] += tokens


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, owner: Loopback, *args: Any) -> None:
        self._owner = owner
        super().__init__(*args)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the requests are kept instead."""

    def do_POST(self) -> None:
        """Reads, remembers and answers one request."""
        content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        dialect = dialect_of(self.path.split("?")[0])
        if dialect is None:
            self._send(404, JSON, b'{"error": {"message": "no such path"}}')
            return
        request = _parse(self.path, dialect, dict(self.headers), json.loads(content))
        answer, tokens = self._owner.answer(request)
        if answer.status != 200:
            body = json.dumps(error_body(dialect, answer)).encode()
            self._send(answer.status, JSON, body, answer)
        elif answer.fault == "html":
            self._send(200, "text/html", _PAGE)
        else:
            self._reply(request, answer, tokens)

    def _reply(self, request: Request, answer: Answer, tokens: Tokens) -> None:
        args = (request.dialect, request.model, answer, tokens)
        if request.body.get("stream") or ":stream" in request.path:
            kind, body = SSE, b"".join(stream(*args))
        else:
            kind, body = JSON, json.dumps(reply_body(*args)).encode()
        if answer.reports_usage and answer.fault != "cut":
            self._owner.reported(request.model, tokens)
        self._send(200, kind, body, answer)

    def _send(self, status: int, kind: str, body: bytes, answer: Answer | None = None) -> None:
        answer = answer or Answer()
        cut = answer.fault == "cut"
        self.send_response(status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection = cut
        try:
            self.wfile.write(body[: len(body) // 2] if cut else body)
        except ConnectionError:
            self.close_connection = True  # the client gave up; that is its business


def _parse(path: str, dialect: Dialect, headers: dict[str, str], body: dict[str, Any]) -> Request:
    after = path.rpartition("/models/")[2]
    named = after.partition(":")[0] if dialect == "google_genai" else ""
    lower = {name.lower(): value for name, value in headers.items()}
    return Request(
        path=path,
        dialect=dialect,
        model=named or str(body.get("model", "")),
        headers=lower,
        body=body,
        prompt=prompt_of(dialect, body),
        at=time.monotonic(),
    )


def _tokens(request: Request, answer: Answer) -> Tokens:
    """The figures of the answer, or a quarter of the bytes where it gives none."""
    taken, given = answer.input_tokens, answer.output_tokens
    return Tokens(
        len(request.prompt.encode()) // 4 + 3 if taken is None else taken,
        -(-len(answer.text.encode()) // 4) + answer.reasoning_tokens if given is None else given,
        answer.cached_tokens,
        answer.reasoning_tokens,
    )


def _next_row(rows: Iterator[TapeRow], request: Request) -> Answer:
    row = next(rows, None)
    if row is None:
        return Answer(status=404, error_text=f"the tape has no more rows for {request.model}")
    if row.reply is None and row.error is not None:
        return _FAILURES[row.error.kind]
    usage = row.usage
    return Answer(
        text=row.reply or "",
        finish="length" if row.finish == "length" else "stop",
        input_tokens=usage.input if usage else None,
        output_tokens=usage.output if usage else None,
        cached_tokens=usage.cache_read if usage else 0,
        reasoning_tokens=usage.reasoning if usage else 0,
        reports_usage=usage is not None,
    )
