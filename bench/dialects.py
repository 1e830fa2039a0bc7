"""How OpenAI, Gemini and Anthropic put a reply, a usage report and an error on the wire."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Dialect = Literal["openai", "google_genai", "anthropic"]
Finish = Literal["stop", "length", "blocked", "prompt_blocked", "refusal"]
JSON = "application/json"
SSE = "text/event-stream"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server says to one request."""

    text: str = ""
    finish: Finish = "stop"
    input_tokens: int | None = None
    """None: a quarter of the prompt's bytes."""
    output_tokens: int | None = None
    """None: a quarter of the text's bytes; reasoning included."""
    cached_tokens: int = 0
    reasoning_tokens: int = 0
    reports_usage: bool = True
    status: int = 200
    error_code: str = ""
    error_text: str = "the server was told to fail"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay_s: float = 0
    """Seconds before the answer starts."""
    fault: Literal["", "html", "no_choices", "cut"] = ""
    """A page instead of JSON; a reply without candidates; half a reply and a closed connection."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What the server reported for a request, or for all requests to a model."""

    input: int = 0
    output: int = 0
    cached: int = 0
    reasoning: int = 0

    def __add__(self, other: Tokens) -> Tokens:
        return Tokens(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.reasoning + other.reasoning,
        )


def dialect_of(path: str) -> Dialect | None:
    """The interface a path belongs to, or None."""
    if path.endswith("/chat/completions"):
        return "openai"
    if path.endswith("/messages"):
        return "anthropic"
    return "google_genai" if "/models/" in path and ":" in path else None


def prompt_of(dialect: Dialect, body: dict[str, Any]) -> str:
    """All text of a request, for a script to look at and for counting."""
    if dialect == "google_genai":
        contents = [body.get("systemInstruction") or {}, *body.get("contents", [])]
        return "\n".join(p.get("text", "") for c in contents for p in c.get("parts", []))
    parts = [str(body.get("system", ""))] if body.get("system") else []
    parts += [str(m.get("content") or "") for m in body.get("messages", [])]
    return "\n".join(parts)


def reply_body(dialect: Dialect, model: str, answer: Answer, tokens: Tokens) -> dict[str, Any]:
    """The JSON of a whole reply."""
    make = {"openai": _openai, "google_genai": _gemini, "anthropic": _anthropic}[dialect]
    return make(model, answer, tokens)


def error_body(dialect: Dialect, answer: Answer) -> dict[str, Any]:
    """The JSON of an error."""
    if dialect == "google_genai":
        hint = answer.headers.get("Retry-After")
        details = [{"@type": "google.rpc.RetryInfo", "retryDelay": f"{hint}s"}] if hint else []
        status = answer.error_code or "FAILED"
        inner = {"code": answer.status, "message": answer.error_text, "status": status}
        return {"error": inner | {"details": details}}
    kind = answer.error_code or "error"
    inner = {"message": answer.error_text, "type": kind, "code": answer.error_code or None}
    return {"type": "error", "error": inner} if dialect == "anthropic" else {"error": inner}


def stream(dialect: Dialect, model: str, answer: Answer, tokens: Tokens) -> Iterator[bytes]:
    """The same reply as server-sent events, its text in two pieces; OpenAI and Gemini only."""
    middle = len(answer.text) // 2
    for piece in (answer.text[:middle], answer.text[middle:]):
        yield _event(_piece(dialect, model, piece))
    last = reply_body(dialect, model, answer, tokens)
    if dialect == "openai":
        choices = last.pop("choices")
        final = [{"index": 0, "delta": {}, "finish_reason": c["finish_reason"]} for c in choices]
        chunk = {"id": "loop", "object": "chat.completion.chunk", "model": model, "created": 1}
        yield _event(chunk | {"choices": final})
        yield _event(chunk | {"choices": [], "usage": last.get("usage")})
        yield b"data: [DONE]\n\n"
        return
    for candidate in last.get("candidates", []):
        candidate["content"]["parts"] = [{"text": ""}]
    yield _event(last)


def _event(body: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"


def _piece(dialect: Dialect, model: str, text: str) -> dict[str, Any]:
    if dialect == "openai":
        choice = {"index": 0, "delta": {"role": "assistant", "content": text}}
        chunk = {"id": "loop", "object": "chat.completion.chunk", "model": model, "created": 1}
        return chunk | {"choices": [choice]}
    return {"candidates": [{"index": 0, "content": {"role": "model", "parts": [{"text": text}]}}]}


def _openai(model: str, answer: Answer, tokens: Tokens) -> dict[str, Any]:
    blocked = answer.finish in {"blocked", "prompt_blocked"}
    reason = "content_filter" if blocked else "length" if answer.finish == "length" else "stop"
    message: dict[str, Any] = {"role": "assistant", "content": answer.text or None}
    if answer.finish == "refusal":
        message |= {"content": None, "refusal": answer.text or "I cannot help with that."}
    choice = {"index": 0, "message": message, "finish_reason": reason}
    body: dict[str, Any] = {"id": "loop", "object": "chat.completion", "model": model, "created": 1}
    body["choices"] = [] if answer.fault == "no_choices" else [choice]
    if answer.reports_usage:
        body["usage"] = {
            "prompt_tokens": tokens.input,
            "completion_tokens": tokens.output,
            "total_tokens": tokens.input + tokens.output,
            "prompt_tokens_details": {"cached_tokens": tokens.cached},
            "completion_tokens_details": {"reasoning_tokens": tokens.reasoning},
        }
    return body


def _gemini(model: str, answer: Answer, tokens: Tokens) -> dict[str, Any]:
    body: dict[str, Any] = {"modelVersion": model}
    if answer.finish == "prompt_blocked":
        body["promptFeedback"] = {"blockReason": "PROHIBITED_CONTENT"}
    elif answer.fault != "no_choices":
        names = {"length": "MAX_TOKENS", "blocked": "SAFETY", "refusal": "SAFETY"}
        parts = [{"text": answer.text}] if answer.text else []
        content = {"role": "model", "parts": parts}
        reason = names.get(answer.finish, "STOP")
        body["candidates"] = [{"index": 0, "content": content, "finishReason": reason}]
    if answer.reports_usage:
        body["usageMetadata"] = {
            "promptTokenCount": tokens.input,
            "candidatesTokenCount": tokens.output - tokens.reasoning,
            "thoughtsTokenCount": tokens.reasoning,
            "cachedContentTokenCount": tokens.cached,
            "totalTokenCount": tokens.input + tokens.output,
        }
    return body


def _anthropic(model: str, answer: Answer, tokens: Tokens) -> dict[str, Any]:
    names = {"length": "max_tokens", "stop": "end_turn"}
    body = {"id": "loop", "type": "message", "role": "assistant", "model": model}
    usage = {
        "input_tokens": tokens.input - tokens.cached,
        "cache_read_input_tokens": tokens.cached,
        "output_tokens": tokens.output,
    }
    return body | {
        "content": [{"type": "text", "text": answer.text}] if answer.text else [],
        "stop_reason": names.get(answer.finish, "refusal"),
        "usage": usage if answer.reports_usage else {"input_tokens": 0, "output_tokens": 0},
    }
