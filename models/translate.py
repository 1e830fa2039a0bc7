"""From a LangChain message to a reply in our own words, the same for every provider."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from core.calls import ModelReply
from core.money import Usage

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

Finish = Literal["stop", "length", "blocked", "unknown"]

_FINISH: dict[str, Finish] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "content_filter": "blocked",
    "refusal": "blocked",
    "safety": "blocked",
    "recitation": "blocked",
    "language": "blocked",
    "blocklist": "blocked",
    "prohibited_content": "blocked",
    "spii": "blocked",
    "image_safety": "blocked",
}
"""Finish reasons of OpenAI, Anthropic and Gemini in lower case."""


def reply_of(message: BaseMessage) -> ModelReply:
    """Text, finish, usage and the provider's words for a block."""
    meta = message.response_metadata
    reason = str(meta.get("finish_reason") or meta.get("stop_reason") or "")
    refusal = message.additional_kwargs.get("refusal")
    blocked = _prompt_block(meta)
    detail = refusal or blocked or reason
    finish = "blocked" if refusal or blocked else _FINISH.get(reason.lower(), "unknown")
    usage = _usage(getattr(message, "usage_metadata", None))
    detail = _storable(detail) if finish == "blocked" else ""
    return ModelReply(_storable(str(message.text)), finish, usage, detail)


def _storable(text: str) -> str:
    """A half of a surrogate pair, which JSON may hold and no file or prompt can, is written out."""
    return text.encode("utf-8", "backslashreplace").decode()


def _prompt_block(meta: dict[str, Any]) -> str:
    """Gemini's reason for refusing a prompt; it comes without candidates and without an error."""
    feedback = meta.get("prompt_feedback") or {}
    reason = feedback.get("block_reason") if isinstance(feedback, dict) else None
    return str(getattr(reason, "name", reason)) if reason else ""


def _usage(reported: dict[str, Any] | None) -> Usage | None:
    """Tokens as reported; input includes cached and cache-written, output includes reasoning."""
    if not reported:
        return None
    taken = reported.get("input_token_details") or {}
    given = reported.get("output_token_details") or {}
    # The Anthropic client gives 0 here when it reports the two lifetimes apart.
    split = sum(
        _count(taken, kind) for kind in ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
    )
    return Usage(
        input_tokens=_count(reported, "input_tokens"),
        output_tokens=_count(reported, "output_tokens"),
        cache_read_tokens=_count(taken, "cache_read"),
        cache_write_tokens=max(_count(taken, "cache_creation"), split),
        reasoning_tokens=_count(given, "reasoning"),
    )


def _count(figures: dict[str, Any], kind: str) -> int:
    return int(figures.get(kind) or 0)
