"""The lines of a run, from its events alone."""

from __future__ import annotations

from typing import Any

import pytest

from cli.narrate import Narrator
from core.config import RunConfig
from core.events import LoggedEvent

CHEAP, STRONG = "google_genai:gemini-2.5-flash-lite", "openai:gpt-5.4"
CONFIG = RunConfig.model_validate(
    {
        "tiers": [{"model": CHEAP, "tries": 2}, {"model": STRONG, "metered": True}],
        "expert": {"model": STRONG},
        "limits": {"lifelines": 5, "budget_usd": "0.50"},
    }
)


@pytest.fixture
def narrator() -> Narrator:
    """One for a terminal of 100 columns."""
    return Narrator(CONFIG, 100)


def tell(narrator: Narrator, kind: str, *, tier: int = 0, step: int = 4, **data: Any) -> list[str]:
    event = LoggedEvent(1, "", "r", kind, step, 1, tier, "", data)
    return [line.plain for line in narrator.tell(event)]


def finished(narrator: Narrator, **more: Any) -> list[str]:
    data: dict[str, Any] = {
        "action": "Execute Script",
        "input": {"script_name": "train.py"},
        "by": "planner",
    }
    data |= {"observation": "fine", "failed": False, "executed": True}
    return tell(narrator, "step.finished", **(data | more))


def planned(narrator: Narrator, try_: int, *, tier: int = 0) -> list[str]:
    data: dict[str, Any] = {"model": (CHEAP, STRONG)[tier], "purpose": "plan", "try": try_}
    return tell(narrator, "call.started", tier=tier, **data)


def test_a_step_is_one_line_with_all_that_matters(narrator: Narrator) -> None:
    tell(narrator, "cost", spent_usd="0.0123", cap_usd="0.5")
    tell(narrator, "metric", score=21934.0, baseline=30000.0, improvement=0.27)
    (line,) = finished(narrator)
    assert line.split() == [
        "4", "2.5-flash-lite", "Execute", "Script", "train.py", "fine", "$0.0123", "♥5", "21,934",
    ]  # fmt: skip
    assert len(line) <= 100


@pytest.mark.parametrize("width", [60, 80, 100, 160])
def test_columns_stand_below_their_names(width: int) -> None:
    narrator = Narrator(CONFIG, width)
    _, head = tell(narrator, "step.started")
    (line,) = finished(narrator, observation="x" * 500)
    assert len(head) == len(line)
    assert head.index("action") == line.index("Execute")
    assert head.index("what came") == line.index("xx")


def test_the_names_of_the_columns_are_told_once(narrator: Narrator) -> None:
    assert "of $0.50" in tell(narrator, "step.started")[1]
    assert tell(narrator, "step.started", step=5) == []


def test_a_retry_is_told_with_its_number_and_requests_repeated_by_the_network_are_not(
    narrator: Narrator,
) -> None:
    assert planned(narrator, 1) == []
    tell(narrator, "call.finished", purpose="plan", outcome="truncated")
    (line,) = planned(narrator, 2)
    assert "try 2 of 2 for" in line
    assert "its reply was truncated" in line
    assert planned(narrator, 2) == []


def test_a_reply_that_came_whole_but_could_not_be_read_is_told_as_such(narrator: Narrator) -> None:
    planned(narrator, 1)
    tell(narrator, "call.finished", purpose="plan", outcome="ok")
    assert "could not be used" in planned(narrator, 2)[0]


def test_a_retry_that_is_explained_is_told_once_with_its_reason(narrator: Narrator) -> None:
    planned(narrator, 1)
    assert tell(narrator, "log", level="retry", message="the Action is missing") == []
    (line,) = planned(narrator, 2)
    assert "try 2 of 2 for" in line
    assert "the Action is missing" in line


def test_an_escalation_says_where_to_and_why(narrator: Narrator) -> None:
    (line,) = tell(narrator, "escalation", tier=1, reason="format", detail="no Action")
    assert line.strip() == "▲ step up to gpt-5.4 (format): no Action"
    (line,) = tell(narrator, "escalation", reason="help", detail="which axis?")
    assert line.strip() == "▲ asks the expert gpt-5.4 (help): which axis?"


def test_lifelines_taken_and_given_back(narrator: Narrator) -> None:
    assert "1 of 5 used, 4 left" in tell(narrator, "lifeline", used=1, left=4)[0]
    assert "given back, 5 left" in tell(narrator, "lifeline", used=0, left=5)[0]
    tell(narrator, "lifeline", used=2, left=3)
    assert "♥3" in finished(narrator)[0]


def test_the_best_score_stays(narrator: Narrator) -> None:
    for score, gain in ((200.0, 0.1), (150.0, 0.3), (250.0, -0.1)):
        tell(narrator, "metric", score=score, baseline=220.0, improvement=gain)
    assert finished(narrator)[0].endswith("150.000")


def test_the_expert_s_step_carries_its_name(narrator: Narrator) -> None:
    assert "gpt-5.4" in finished(narrator, by="expert")[0]


def test_a_script_s_output_is_its_last_line_and_without_control_characters(
    narrator: Narrator,
) -> None:
    (line,) = tell(narrator, "log", text="one\ntwo\x1b[2J\n\n")
    assert line.strip() == "│ two"
    assert narrator.standing.tail == ["one", "two"]
    assert narrator.standing.doing == "running a script"


def test_warnings_roll_backs_and_interruptions_have_lines_of_their_own(narrator: Narrator) -> None:
    assert tell(narrator, "log", level="warning", message="odd")[0].strip() == "⚠ odd"
    assert "step 4 was cut off" in tell(narrator, "step.rolled_back", attempt=1)[0]
    assert "stopped" in tell(narrator, "interrupt", reason="stopped")[0]


def test_the_grade_or_the_reason_why_there_is_none(narrator: Narrator) -> None:
    (line,) = tell(narrator, "run.graded", score=1.0, baseline=2.0, improvement=0.5, reason="")
    assert line.strip() == "✓ graded: 1.000, the starter 2.000 (+50.0 %)"
    (line,) = tell(
        narrator, "run.graded", score=None, baseline=2.0, improvement=None, reason="no file"
    )
    assert "no score; no file" in line


def test_what_a_sandbox_does_not_protect_is_a_warning(narrator: Narrator) -> None:
    lines = tell(narrator, "run.prepared", sandbox="plain", unprotected=["Files.", "Network."])
    assert "“plain”" in lines[0]
    assert "⚠ without protection: Files. Network." in lines[1]
    assert len(tell(narrator, "run.prepared", sandbox="strong", unprotected=[])) == 1


def test_events_nobody_knows_are_passed_over(narrator: Narrator) -> None:
    assert tell(narrator, "something.new", whatever=1) == []
