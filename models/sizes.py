"""How many tokens a request can cost, and how many it probably did, without a tokenizer."""

from __future__ import annotations

from core.calls import ModelReply, ModelRequest
from core.money import Usage

_FRAME_BYTES = 16
"""Room for the role and the separators a provider puts around one message."""
_BYTES_PER_TOKEN = 4


def prompt_bytes(request: ModelRequest) -> int:
    """Bytes of the prompt with its frames: an upper bound of its tokens in any tokenizer."""
    return sum(_size(m.content) + _FRAME_BYTES for m in request.messages)


def estimated_usage(request: ModelRequest, reply: str = "") -> Usage:
    """A guess, flagged as one, for a call whose provider reported nothing."""
    output = min(_tokens(_size(reply)), request.max_tokens)
    return Usage(_tokens(prompt_bytes(request)), output, estimated=True)


def lost_usage(request: ModelRequest) -> Usage:
    """What a request without a reply may be billed for: its prompt and all the output it asked."""
    return Usage(_tokens(prompt_bytes(request)), request.max_tokens, estimated=True)


def usage_of(request: ModelRequest, reply: ModelReply) -> Usage:
    """The usage the provider reported, or a guess when there is none or it contradicts itself."""
    usage = reply.usage
    if usage is None or not _is_consistent(usage):
        return estimated_usage(request, reply.text)
    return usage


def _is_consistent(usage: Usage) -> bool:
    kinds = (
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
    )
    return kinds[0] > 0 and min(kinds) >= 0 and kinds[2] + kinds[3] <= kinds[0]


def _size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def _tokens(size: int) -> int:
    return -(-size // _BYTES_PER_TOKEN)
