"""The measurement of the reply parser: its figures, its bounds and its second reading."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.replies import OFFERED, main, measure, read_folder
from bench.reply_check import stands_in
from core.reply import Reply
from nodes.reply import parse_reply

STEP = """\
Reflection: r
Research Plan and Status: p
Fact Check: f
Thought: t
Action: {action}
Action Input: {given}
"""


def row(text: str, input_parse: str | None) -> dict[str, Any]:
    return {"completion": text, "entries_ok": input_parse is not None, "input_parse": input_parse}


STRICT = row(STEP.format(action="List Files", given='{"dir_path": "a\\\\b/c"}'), "strict")
REPAIRED = row(STEP.format(action="List Files", given='```\n{"dir_path": "7\\C"}\n```'), "ok")
BAD = row(STEP.format(action="Read File", given='{"file_path": "a"}'), "bad")
CHAT = row("Thank you for the information.", None)


def folder_with(tmp_path: Path, *rows: Any) -> Path:
    lines = "".join(one if isinstance(one, str) else json.dumps(one) + "\n" for one in rows)
    (tmp_path / "replies.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return tmp_path


def test_the_json_line_holds_the_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(folder_with(tmp_path, STRICT, REPAIRED, BAD)), "--json"]) == 0
    output = capsys.readouterr().out.splitlines()
    assert json.loads(output[-1]) == {
        "ok": True,
        "replies": 3,
        "parsed": 3,
        "well_formed": 3,
        "runnable": 2,
        "parsed_paper_rule": 3,
        "accepted_by_mlagentbench_strict": 1,
        "same_as_mlagentbench_strict": 1,
        "recovered": 1,
        "wrong": 0,
        "rules": {"input_fence": 1, "lone_backslash": 1},
        "refused": {"input_error": 1},
    }
    assert any(line.startswith("parsed ") and "100.0%" in line for line in output)


def test_a_bound_that_fails_gives_exit_code_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(folder_with(tmp_path, STRICT, CHAT, CHAT)), "--json"]) == 1
    output = capsys.readouterr().out.splitlines()
    assert json.loads(output[-1])["ok"] is False
    assert [line.split()[-1] for line in output if line.startswith("bound")] == [
        "FAILS", "holds", "holds",
    ]  # fmt: skip


def test_a_reply_that_strict_reading_understands_otherwise_breaks_the_bound(
    tmp_path: Path,
) -> None:
    second = STEP.format(action="Execute Script", given='{"script_name": "a"}')
    tally = measure(
        read_folder(folder_with(tmp_path, row(STRICT["completion"] + second, "strict")))
    )
    assert tally.same_as_mlagentbench_strict == 0
    assert not all(holds for _, holds in tally.bounds())


@pytest.mark.parametrize(
    ("given", "altered"),
    [
        ('{"dir_path": "a/b"}', {"dir_path": "a\\/b"}),
        ('{"dir_path": "a/b"}', {"dir_path": "a/b", "more": 1}),
        ('{"dir_path": "7\\CLRS"}', {"dir_path": "7\\\\CLRS"}),
        ('{"dir_path": """a\\n""" }', {"dir_path": "a\n"}),
        ("{'dir_path': 'a,',}", {"dir_path": "a"}),
    ],
)
def test_the_second_reading_finds_an_altered_value(given: str, altered: dict[str, Any]) -> None:
    text = STEP.format(action="List Files", given=given)
    reply = parse_reply(text, OFFERED)
    assert isinstance(reply, Reply)
    assert stands_in(text, reply)
    assert not stands_in(text, replace(reply, action_input=altered))
    assert not stands_in(text, replace(reply, action="Read File"))


def test_the_second_reading_takes_the_first_step_only() -> None:
    second = STEP.format(action="Execute Script", given='{"script_name": "a"}')
    reply = parse_reply(second, OFFERED)
    assert isinstance(reply, Reply)
    assert not stands_in(STRICT["completion"] + second, reply)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ((STRICT, "{broken\n"), "line 2"),
        ((STRICT, STRICT, {"entries_ok": True}), "line 3"),
        (("[]\n",), "line 1"),
        ((row("", None) | {"completion": 1},), "not a string"),
    ],
)
def test_a_broken_line_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], rows: tuple[Any, ...], says: str
) -> None:
    assert main([str(folder_with(tmp_path, *rows))]) == 2
    error = capsys.readouterr().err
    assert "replies.jsonl.gz" in error
    assert says in error


def test_a_file_that_is_not_gzip_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "x.jsonl.gz").write_text("plain text")
    assert main([str(tmp_path)]) == 2
    assert "x.jsonl.gz" in capsys.readouterr().err


def test_a_folder_without_replies_is_bad_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(tmp_path / "nowhere")]) == 2
    assert main([str(tmp_path)]) == 2
    errors = capsys.readouterr().err.splitlines()
    assert "is not a folder" in errors[0]
    assert "no *.jsonl.gz" in errors[1]


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.replies", str(folder_with(tmp_path, STRICT)), "--json"]
    checkout = Path(__file__).resolve().parents[1]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1])["ok"] is True


def test_real_replies_are_read_without_one_wrong_value(shared_dir: Path) -> None:
    tally = measure(read_folder(shared_dir / "data" / "planner-responses"))
    assert tally.replies == 476
    assert tally.wrong == 0
    assert tally.same_as_mlagentbench_strict == tally.accepted_by_mlagentbench_strict == 125
    assert tally.parsed_paper_rule == 274
    assert tally.runnable >= 271
    assert tally.recovered >= 146
    assert tally.parsed >= 0.6 * tally.replies
