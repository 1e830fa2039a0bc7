"""Text that others wrote, made safe for a prompt: not too long, and never taken for the prompt."""

from __future__ import annotations

import re

_SECONDS = re.compile(r"after [\d.]+ s")
SHOWN_CHARS = 20_000
"""Of an observation; the whole of a longer one becomes an artifact."""


def shorten(text: str, limit: int) -> str:
    """Head and tail of a long text with a line that says what is missing."""
    if len(text) <= limit:
        return text
    head, tail = limit * 2 // 5, limit * 3 // 5
    return f"{text[:head]}\n[... {len(text) - head - tail} characters left out ...]\n{text[-tail:]}"


def without_times(text: str) -> str:
    """An observation without how long its script took, which is never the same twice."""
    return _SECONDS.sub("", text)


def inside(tag: str, text: str) -> str:
    """The text without what would close the tag it is put into, so that it stays data."""
    return re.sub(rf"<(?=\s*/\s*{tag}\b)", r"<\\", text, flags=re.IGNORECASE)
