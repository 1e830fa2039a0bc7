"""Makes what models, programs and users wrote fit for JSON: no lone surrogates, no NaN."""

from __future__ import annotations

import json
import math
from typing import Any


def plain(value: Any) -> Any:
    """The same JSON value with unencodable characters written out and non-numbers as null."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def encode(value: Any) -> str:
    """One line of strict JSON in ASCII."""
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(plain(value), allow_nan=False, separators=(",", ":"))
