"""Scores during the run are for followers only, and the best reachable submission ends it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tape_kit import CHEAP, DONE, LIST, PRESET, Tried, on_tape, write

from bench.kit import reply
from graph.report import build_report

LIVE = {"grade_live": True}
CAP: dict[str, Any] = {"tiers": [{"model": CHEAP, "max_tokens": 500}],
                       "limits": {"steps": 30, "budget_usd": "0.002"}}  # fmt: skip


def reason(tried: Tried) -> str:
    """Why the run is not solved."""
    return str(build_report(tried.services.store, tried.id).summary()["reason"])


async def test_each_changed_submission_is_scored_live_and_no_other(tmp_path: Path) -> None:
    asked = [LIST, write("answer.txt", "2"), LIST, write("answer.txt", "nothing"),
             write("answer.txt", "3"), write("other.txt", "4")]  # fmt: skip
    with on_tape(tmp_path, *asked, preset=LIVE) as tried:
        task = tried.made.task / "task.yaml"
        task.write_text(task.read_text() + "live_grading: true\n")
        await tried.go()
        live = [e for e in tried.of_type("metric") if e.data["when"] == "live"]
        assert [(e.step, e.data["score"]) for e in live] == [(2, 2.0), (5, 3.0)]
        assert "score" not in "".join(s.shown or "" for s in tried.steps)


async def test_live_scores_can_be_switched_off(tmp_path: Path) -> None:
    with on_tape(tmp_path, write("answer.txt", "2")) as tried:
        await tried.go()
        assert [e.data["when"] for e in tried.of_type("metric")] == ["final"]


async def test_at_the_step_limit_an_earlier_valid_submission_is_graded(tmp_path: Path) -> None:
    asked = [write("answer.txt", "2"), write("answer.txt", "3"), write("answer.txt", "broken")]
    limits = {"limits": {**PRESET["limits"], "steps": 3}}
    with on_tape(tmp_path, *asked, preset=limits) as tried:
        await tried.go()
        assert tried.outcome == ("succeeded", "steps")
        assert tried.score == 3.0
        assert tried.row.result is not None
        assert tried.row.result["snapshot"] == tried.steps[1].snapshot


async def test_at_the_end_of_the_money_an_earlier_valid_submission_is_graded(
    tmp_path: Path,
) -> None:
    asked = [write("answer.txt", "2"), write("answer.txt", "broken"), *[LIST] * 20]
    with on_tape(tmp_path, *asked, preset=CAP) as tried:
        await tried.go()
        assert tried.outcome == ("succeeded", "budget")
        assert tried.score == 2.0
        assert 0 < tried.row.spent_pico <= tried.row.cap_pico
        assert 2 < tried.row.step_count < 20


async def test_a_final_answer_is_taken_at_its_word(tmp_path: Path) -> None:
    with on_tape(tmp_path, write("answer.txt", "2"), write("answer.txt", "broken")) as tried:
        await tried.go()
        assert tried.score is None
        assert "the grader gave no score" in reason(tried)


async def test_a_run_without_any_valid_submission_says_why(tmp_path: Path) -> None:
    limits = {"limits": {**PRESET["limits"], "steps": 2}}
    with on_tape(tmp_path, write("answer.txt", "broken"), LIST, preset=limits) as tried:
        await tried.go()
        assert tried.outcome == ("succeeded", "steps")
        assert tried.score is None


async def test_a_final_answer_must_be_words(tmp_path: Path) -> None:
    with on_tape(tmp_path, reply("Final Answer", final_answer=3), DONE) as tried:
        await tried.go()
        assert tried.steps[0].failed
        assert len(tried.steps) == 2
        assert tried.outcome == ("succeeded", "final_answer")
