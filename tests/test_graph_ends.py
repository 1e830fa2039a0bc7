"""How a run ends (R15), and what its final submission is then worth (R19)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from graph_kit import DONE, EXECUTE, LIST_FILES, Cast, play
from state_kit import DEFAULT, PAPER, with_field

from bench.dialects import Answer
from bench.kit import reply
from bench.loopback import Request
from store.database import Store

UNDO = reply("Copy File", source="low.txt", destination="answer.txt")


def writes(text: str) -> str:
    """A program that submits this text, and leaves a lower answer beside it."""
    return (
        "from pathlib import Path\n"
        f"Path('answer.txt').write_text({text!r})\nPath('low.txt').write_text('1.05')\n"
    )


async def test_R15_final_answer_ends_the_run_and_it_is_graded(tmp_path: Path) -> None:
    played = await play(tmp_path, Cast(base=[EXECUTE]))
    assert (played.row.status, played.row.end_reason) == ("succeeded", "final_answer")
    assert (played.summary["score"], played.summary["solved"]) == (2.0, True)
    assert played.events[-1].type == "run.finished"


async def test_R15_the_step_limit_ends_the_run(tmp_path: Path) -> None:
    config = with_field(PAPER, "limits.steps", 2)
    played = await play(tmp_path, Cast(base=[LIST_FILES, EXECUTE, LIST_FILES]), config)
    assert (played.row.end_reason, played.row.step_count) == ("steps", 2)
    assert played.summary["solved"], "what there is at the end is graded"


async def test_R15_the_time_limit_ends_the_run(tmp_path: Path) -> None:
    config = with_field(PAPER, "limits.time_s", 0.001)
    played = await play(tmp_path, Cast(base=[LIST_FILES] * 9), config)
    assert (played.row.end_reason, played.row.step_count) == ("time", 1)


async def test_R15_the_cap_ends_the_run_before_it_is_passed(tmp_path: Path) -> None:
    config = with_field(PAPER, "limits.budget_usd", "0.02")
    config = with_field(config, "limits.cap_basis", "list")
    dear = Answer(LIST_FILES, input_tokens=8000, output_tokens=1000)
    played = await play(tmp_path, Cast(base=[EXECUTE, *[dear] * 9]), config)
    assert (played.row.status, played.row.end_reason) == ("succeeded", "budget")
    assert 0 < played.row.spent_pico <= played.row.cap_pico
    assert played.summary["solved"], "the submission so far is graded"


async def test_R15_no_model_left_ends_the_run(tmp_path: Path) -> None:
    gone = Answer(status=404, error_text="no such model")
    played = await play(tmp_path, Cast(base=[gone], top=[gone]), DEFAULT)
    assert (played.row.status, played.row.end_reason) == ("failed", "models_unavailable")
    assert played.row.call_count == 0


async def test_R15_a_cancelled_run_stops_within_its_step(tmp_path: Path) -> None:
    def cancel(_: Request) -> None:
        with Store.open(tmp_path / "home" / "budgetml.db") as store:
            for run in store.runs.list():
                assert store.runs.request_cancel(run.id) == "cancelling"

    cast = Cast(base=[Answer(LIST_FILES, delay_s=20)], on_request=cancel)
    async with asyncio.timeout(10):
        played = await play(tmp_path, cast)
    assert (played.row.status, played.row.end_reason) == ("cancelled", "cancelled")
    assert played.row.reserved_pico == 0, "no reservation is left open"
    assert played.events[-1].type == "run.finished"


@pytest.mark.parametrize(
    ("answer", "solved"), [("1.11", True), ("1.1", False), ("1.05", False), ("0.5", False)]
)
async def test_R19_solved_is_strictly_more_than_ten_percent_better(
    tmp_path: Path, answer: str, solved: bool
) -> None:
    played = await play(tmp_path, Cast(base=[EXECUTE]), starter=writes(answer))
    assert played.summary["score"] == float(answer)
    assert played.summary["solved"] is solved


async def test_R19_the_final_submission_counts_and_not_the_best(tmp_path: Path) -> None:
    played = await play(tmp_path, Cast(base=[EXECUTE, UNDO, DONE]), starter=writes("9"))
    assert (played.summary["score"], played.summary["solved"]) == (1.05, False)


@pytest.mark.parametrize("answer", ["many", ""])
async def test_R19_an_invalid_submission_is_a_failure_with_a_reason(
    tmp_path: Path, answer: str
) -> None:
    played = await play(tmp_path, Cast(base=[EXECUTE]), starter=writes(answer))
    assert (played.row.status, played.summary["solved"]) == ("succeeded", False)
    assert played.summary["score"] is None
    assert played.summary["reason"]


async def test_R19_no_submission_is_a_failure_with_a_reason(tmp_path: Path) -> None:
    played = await play(tmp_path, Cast())
    assert not played.summary["solved"]
    assert "answer.txt" in played.summary["reason"]
