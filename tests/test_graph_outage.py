"""Providers that are away for a while cost no run: it waits, and goes on when they are back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tape_kit import DONE, LIST, PRESET, Tried, assert_whole

from bench.kit import kit, write_rows
from core.errors import RunFailed

AWAY: dict[str, Any] = {"kind": "transient", "reason": "HTTP 503", "times": 4}


@pytest.mark.parametrize("last_resort", ["failed_step", "end_run"])
async def test_an_outage_leaves_the_run_where_it_can_be_resumed(
    tmp_path: Path, last_resort: str
) -> None:
    cascade = {"failed_steps_in_a_row": 1, "last_resort": last_resort}
    rows = [{"step": 1, "reply": LIST}, {"step": 2, "reply": DONE}]
    with kit(tmp_path) as made:
        away = [rows[0], {**rows[1], "error": AWAY}]
        tried = Tried(made, made.run({**PRESET, "cascade": cascade}, away).id)
        with pytest.raises(RunFailed, match=r"HTTP 503.*resume it when"):
            await tried.go()
        assert tried.row.status == "interrupted"
        write_rows(tmp_path / "run.tape.jsonl", rows)
        await tried.go()
        assert tried.outcome == ("succeeded", "final_answer")
        assert [s.action for s in tried.steps] == ["List Files", "Final Answer"]
        assert_whole(tried)
