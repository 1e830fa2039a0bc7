"""The provider `replay:`: plays a tape at the replayed price, fails where the tape says so."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from models_kit import CHEAP, Desk, request
from test_models_tape import HEADER, ROW, tape_file

from core.config import ModelConfig
from core.errors import ConfigurationError
from models.identity import request_hash
from models.replay import ReplayProvider
from models.tape import Tape

REPLAY = ModelConfig(model=f"replay:{CHEAP}")
USAGE = {"usage": {"input": 1200, "output": 300}}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk.open(tmp_path)
    yield desk
    desk.store.close()


def tape(folder: Path, *rows: dict[str, Any]) -> Tape:
    return Tape.read(tape_file(folder, HEADER, *rows))


async def test_a_replay_is_billed_at_the_replayed_price_and_marked_simulated(
    desk: Desk, tmp_path: Path
) -> None:
    caller = desk.connect(REPLAY, tape=tape(tmp_path, ROW | USAGE), environ={})
    assert (await caller(request())).text == "Action: x"
    (call,) = desk.calls
    assert (call.simulated, call.cost_pico) == (True, 1200 * 500_000 + 300 * 1_500_000)
    assert [e.data["simulated"] for e in desk.events("call.finished")] == [True]


async def test_a_missing_row_is_a_permanent_failure_that_names_the_key(
    desk: Desk, tmp_path: Path
) -> None:
    caller = desk.connect(REPLAY, tape=tape(tmp_path, ROW))
    outcome = await caller(request(7))
    assert outcome.kind == "permanent"
    assert "step 7, tier 0, try 1, purpose plan, ordinal 0" in outcome.reason
    assert (desk.calls[0].status, desk.run.spent_pico) == ("void", 0)


async def test_a_recorded_failure_is_played_as_often_as_the_tape_says(
    desk: Desk, tmp_path: Path
) -> None:
    row = ROW | {"error": {"kind": "transient", "times": 2}} | USAGE
    caller = desk.metered(ReplayProvider(tape(tmp_path, row)), REPLAY)
    kinds = [(await caller(request())).kind for _ in range(3)]
    assert kinds == ["transient", "transient", "ok"]


async def test_a_failure_without_a_reply_is_played_for_ever(desk: Desk, tmp_path: Path) -> None:
    row = {k: v for k, v in ROW.items() if k != "reply"}
    row |= {"error": {"kind": "broken", "billed": True, "reason": "a page"}}
    caller = desk.metered(ReplayProvider(tape(tmp_path, row)), REPLAY)
    outcomes = [await caller(request()) for _ in range(3)]
    assert {(o.kind, o.reason) for o in outcomes} == {("broken", "a page")}
    assert {c.status for c in desk.calls} == {"estimated"}


async def test_another_prompt_than_the_recorded_one_is_a_warning(
    desk: Desk, tmp_path: Path
) -> None:
    played = tape(
        tmp_path,
        ROW | {"request_sha256": request_hash(request())},
        ROW | {"step": 2, "request_sha256": "0" * 64},
    )
    caller = desk.connect(REPLAY, tape=played)
    assert [(await caller(request(step))).kind for step in (1, 2)] == ["ok", "ok"]
    (warning,) = desk.events("log")
    assert warning.data["level"] == "warning"
    assert "step 2" in warning.data["message"]


def test_the_hash_of_a_request_covers_what_can_change_its_answer() -> None:
    same = {request_hash(request()), request_hash(request(9))}
    other = {request_hash(request(content="else")), request_hash(request(max_tokens=1))}
    assert len(same) == 1
    assert len(same | other) == 3


def test_a_replay_without_a_tape_is_refused(desk: Desk) -> None:
    with pytest.raises(ConfigurationError, match="set `tape`"):
        desk.connect(REPLAY)


async def test_replies_can_be_slowed_down(desk: Desk, tmp_path: Path) -> None:
    played = tape(tmp_path, ROW)
    caller = desk.connect(REPLAY, tape=played, environ={"BUDGETML_REPLAY_DELAY_S": "0.05"})
    await caller(request())
    assert desk.calls[0].seconds >= 0.05
    with pytest.raises(ConfigurationError, match="give seconds"):
        desk.connect(REPLAY, tape=played, environ={"BUDGETML_REPLAY_DELAY_S": "soon"})


def test_connecting_a_replay_loads_no_client_library() -> None:
    script = (
        "import sys, models.connect, models.replay\n"
        "heavy = {'langchain_core', 'openai', 'anthropic', 'httpx', 'genai_prices', 'langgraph'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(__file__).parents[1],
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == ""
