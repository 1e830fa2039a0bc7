"""Tapes: what is read, what is refused with its line, and what an export lets out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from models_kit import SHORT, Desk, Scripted, request

from core.calls import CallKey, ModelReply
from core.errors import InvalidFile
from core.money import Usage
from models.export import write_tape
from models.outcomes import Failure, KnownFailure
from models.tape import Tape, TapeHeader

HEADER = {"tape": 1, "task_id": "house-price", "note": "written by hand"}
ROW: dict[str, Any] = {"step": 1, "tier": 0, "try": 1, "purpose": "plan", "reply": "Action: x"}


def tape_file(folder: Path, *lines: dict[str, Any] | str) -> Path:
    path = folder / "tape.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def test_a_tape_is_found_by_key_and_known_by_its_hash(tmp_path: Path) -> None:
    usage = {"input": 900, "output": 40, "cache_read": 512}
    path = tape_file(tmp_path, HEADER, ROW | {"usage": usage}, "", ROW | {"ordinal": 1})
    tape = Tape.read(path)
    row = tape.find(CallKey(1, 0, 1, "plan"))
    assert row is not None
    assert row.usage is not None
    assert row.usage.usage() == Usage(900, 40, 512)
    assert tape.find(CallKey(1, 0, 2, "plan")) is None
    assert (tape.header.task_id, len(tape.rows)) == ("house-price", 2)
    assert tape.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (["not json"], "line 1"),
        ([""], "line 1"),
        ([HEADER | {"tape": 2}], "line 1, tape"),
        ([{"task_id": "x"}], "line 1, tape"),
        ([HEADER, ROW, "{"], "line 3"),
        ([HEADER, ROW | {"purpose": "dance"}], "line 2, purpose"),
        ([HEADER, ROW | {"surprise": 1}], "line 2, surprise"),
        ([HEADER, ROW | {"usage": {"input": -1, "output": 0}}], "line 2, usage.input"),
        ([HEADER, ROW | {"reply": None}], "line 2.*`reply` or an `error`"),
        ([HEADER, ROW, ROW], "line 3.*second row for step 1, tier 0, try 1"),
    ],
)
def test_an_unusable_tape_is_refused_with_its_line(
    tmp_path: Path, lines: list[dict[str, Any] | str], told: str
) -> None:
    with pytest.raises(InvalidFile, match=told):
        Tape.read(tape_file(tmp_path, *lines))


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_missing_or_binary_tape_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "tape.jsonl"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidFile, match=r"tape\.jsonl cannot be read"):
        Tape.read(path)


async def exported(folder: Path, *script: ModelReply | Exception) -> Tape:
    """The tape of a run in which one call met all of this, one attempt each."""
    desk = Desk.open(folder)
    caller = desk.metered(Scripted(*script))
    for _ in script:
        await caller(request())
    path = folder / "out.jsonl"
    write_tape(path, TapeHeader(tape=1, task_id="task"), desk.calls)
    desk.store.close()
    return Tape.read(path)


async def test_an_export_reads_back_as_what_was_said_and_counted(tmp_path: Path) -> None:
    reply = ModelReply('Thought: "ü"\n', finish="length", usage=SHORT)
    (row,) = (await exported(tmp_path, reply)).rows.values()
    assert (row.key, row.reply, row.finish) == (request().key, reply.text, "length")
    assert row.usage is not None
    assert row.usage.usage() == SHORT


async def test_an_estimate_is_exported_as_no_usage(tmp_path: Path) -> None:
    (row,) = (await exported(tmp_path, ModelReply("x"))).rows.values()
    assert (row.reply, row.usage) == ("x", None)


async def test_a_call_answered_at_last_is_exported_without_its_failures(tmp_path: Path) -> None:
    tape = await exported(tmp_path, TimeoutError(), ModelReply("at last", usage=SHORT))
    (row,) = tape.rows.values()
    assert (row.reply, row.error) == ("at last", None)


async def test_a_call_never_answered_is_exported_with_its_last_failure(tmp_path: Path) -> None:
    refused = KnownFailure(Failure("permanent", "no such model", billed=False))
    (row,) = (await exported(tmp_path, TimeoutError(), refused)).rows.values()
    assert row.reply is None
    assert row.error is not None
    assert (row.error.kind, row.error.reason) == ("permanent", "no such model")


async def test_no_key_and_no_home_folder_leave_with_a_tape(tmp_path: Path) -> None:
    home = Path.home()
    said = f"export OPENAI_API_KEY=sk-proj-a1b2c3d4e5f6\nopen {home}/notes and {home}, not {home}x"
    await exported(tmp_path, ModelReply(said, usage=SHORT))
    text = (tmp_path / "out.jsonl").read_text(encoding="utf-8")
    assert "a1b2c3" not in text
    assert "~/notes and ~, not" in text
    assert f"{home}x" in text
