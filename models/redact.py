"""Takes keys and home paths out of text that is shown, logged or handed on in a tape."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

_KEY = re.compile(
    r"\b(?:sk-(?=[\w*-]*[\d*])[\w*-]{6,}|AIza[\w*-]{10,}|bml_[0-9a-f]{12}_[\w*-]{6,}"
    r"|(?<=Bearer )[\w.~+/*-]{6,})"
)
_NAMED = re.compile(
    r"(?i)\b(api[-_]?key|key|token|ticket|authorization)([\"']?\s*[=:]\s*[\"']?)[\w.*-]{8,}"
)
_SECRET_NAMES = ("_API_KEY", "_TOKEN", "_SECRET")
GONE = "[redacted]"


def secrets_in(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The values of variables that hold keys, for exact removal; too short ones are no secrets."""
    values = (v.strip() for k, v in environ.items() if k.endswith(_SECRET_NAMES))
    return tuple(v for v in values if len(v) >= 8)


def without_keys(text: str, secrets: Iterable[str] = ()) -> str:
    """The text with anything that looks like a key, and the given secrets, taken out."""
    for secret in secrets:
        text = text.replace(secret, GONE)
    return _NAMED.sub(rf"\1\2{GONE}", _KEY.sub(GONE, text))


def for_export(text: str, home: Path | None = None) -> str:
    """The text without key-shaped strings and without the name of the home directory."""
    folder = str(home or Path.home()).rstrip("/")
    text = _KEY.sub(GONE, text)
    return re.sub(rf"{re.escape(folder)}(?![\w-])", "~", text) if folder else text
