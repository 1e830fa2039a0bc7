"""The identity of a call and of its request, compared when a recorded reply is used again."""

from __future__ import annotations

import hashlib
import json

from core.calls import CallKey, ModelRequest


def request_hash(request: ModelRequest) -> str:
    """SHA-256 of everything in a request that can change its answer."""
    body = {
        "messages": [[m.role, m.content] for m in request.messages],
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
        "stop": request.stop,
    }
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()


def describe(key: CallKey) -> str:
    """A call key in words, for messages."""
    return (
        f"step {key.step}, tier {key.tier}, try {key.try_no}, "
        f"purpose {key.purpose}, ordinal {key.ordinal}"
    )
