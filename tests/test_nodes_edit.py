"""Edit Script (AI) and its segment form: a whole code block is written, anything less is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tape_kit import on_tape, said

from bench.kit import reply
from nodes.workers.code_block import code_block

BLOCK = "Here it is:\n```python\nprint('new')\n```\nDone."


def edit(name: str = "train.py", save: str = "train.py", **more: Any) -> str:
    action = "Edit Script Segment (AI)" if more else "Edit Script (AI)"
    return reply(action, script_name=name, edit_instruction="change it", save_name=save, **more)


async def test_an_edit_is_written_and_shown_as_a_difference(tmp_path: Path) -> None:
    with on_tape(tmp_path, edit(), edit("new.py", "new.py"),
                 work=[said(1, "edit", BLOCK), said(2, "edit", BLOCK)]) as tried:  # fmt: skip
        await tried.go()
        assert tried.text("train.py") == tried.text("new.py") == "print('new')\n"
        assert "-print('hello')\n+print('new')" in tried.saw(1)
        assert "@@ -0,0 +1 @@" in tried.saw(2), "a new script starts empty"


async def test_an_edit_without_a_block_is_asked_for_again_with_the_reason(tmp_path: Path) -> None:
    work = [said(1, "edit", "print('new')"), said(1, "edit", BLOCK, ordinal=1)]
    with on_tape(tmp_path, edit(), work=work) as tried:
        await tried.go()
        assert tried.text("train.py") == "print('new')\n"
        assert [c.ordinal for c in tried.calls if c.purpose == "edit"] == [0, 1]


async def test_an_edit_that_never_gets_a_whole_block_leaves_the_file_alone(tmp_path: Path) -> None:
    cut = "```python\nprint('half of"
    work = [said(1, "edit", cut), said(1, "edit", "no code", ordinal=1)]
    with on_tape(tmp_path, edit(), work=work) as tried:
        await tried.go()
        assert tried.steps[0].failed
        assert "the file was left as it is" in tried.saw(1)
        assert tried.text("train.py") == "print('hello')\n"


async def test_an_editor_that_cannot_be_reached_is_observed(tmp_path: Path) -> None:
    with on_tape(tmp_path, edit()) as tried:
        await tried.go()
        assert "gave no usable reply" in tried.saw(1)
        assert tried.outcome == ("succeeded", "final_answer")


async def test_nothing_is_paid_for_an_edit_that_could_not_be_saved(tmp_path: Path) -> None:
    with on_tape(tmp_path, edit("train.py", "../train.py"), edit("blob", "b.py"),
                 work=[said(1, "edit", BLOCK)], files={"blob": b"\0\1"}) as tried:  # fmt: skip
        await tried.go()
        assert [s.failed for s in tried.steps[:2]] == [True, True]
        assert not [c for c in tried.calls if c.purpose == "edit"]


async def test_a_segment_replaces_its_lines_only(tmp_path: Path) -> None:
    asked = [
        edit("f.py", "g.py", start_line_number=2, end_line_number="3"),
        edit("f.py", "f.py", start_line_number=3, end_line_number=5),
    ]
    with on_tape(tmp_path, *asked, work=[said(1, "edit", BLOCK)],
                 files={"f.py": "a\nb\nc\nd\n"}) as tried:  # fmt: skip
        await tried.go()
        assert tried.text("g.py") == "a\nprint('new')\nd\n"
        assert tried.text("f.py") == "a\nb\nc\nd\n"
        assert "has lines 1 to 4; 3 to 5 does not fit" in tried.saw(2)


@pytest.mark.parametrize(
    ("text", "block"),
    [
        ("```python\na\n```", "a\n"),
        ("```py\na\n\nb\n```\nThat is all.", "a\n\nb\n"),
        ("~~~\na\n~~~", "a\n"),
        ("```\r\na\r\n```\r\n", "a\n"),
        ('```python\n"""\n```\nsample\n```\n"""\n```', '"""\n```\nsample\n```\n"""\n'),
        ("```python\na", None),
        ("```python\n\n```", None),
        ("a = 1", None),
        ("", None),
    ],
)
def test_the_block_is_taken_whole_or_not_at_all(text: str, block: str | None) -> None:
    assert code_block(text) == block
