"""Writes the calls of a run as a tape that may be shared."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.redact import for_export
from models.tape import TapeHeader
from store.callrows import CallRow

_TOKENS = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
}


def write_tape(path: Path, header: TapeHeader, calls: Iterable[CallRow]) -> int:
    """Writes one row per call key, without keys and home paths; returns how many.

    A key that was answered keeps its answer; one that never was keeps its last failure, so that
    the run goes the same way when it is played. Calls without an outcome (lost) are left out.
    """
    rows: dict[Any, CallRow] = {}
    for call in calls:
        known = rows.get(call.key)
        if call.outcome is not None and (known is None or known.finish is None):
            rows[call.key] = call
    lines = [header.model_dump(), *(_row(c) for c in rows.values())]
    text = "".join(for_export(json.dumps(line, ensure_ascii=False)) + "\n" for line in lines)
    path.write_text(text, encoding="utf-8")
    return len(rows)


def _row(call: CallRow) -> dict[str, Any]:
    key = call.key._asdict()
    row = {"step": key["step"], "tier": key["tier"], "try": key["try_no"]}
    row |= {"purpose": key["purpose"], "ordinal": key["ordinal"], "model": call.model}
    row["request_sha256"] = call.request_hash
    if call.finish is None:
        billed = call.status == "estimated"
        error = {"kind": call.outcome, "reason": call.detail or "", "billed": billed}
        return row | {"error": error}
    row |= {"reply": call.reply or "", "finish": call.finish}
    counted = {kind: getattr(call, field) for kind, field in _TOKENS.items()}
    return row | {"usage": None if call.status == "estimated" else counted}
