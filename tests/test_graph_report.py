"""The final report counts what a run was and cost, and nothing of what was rolled back."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from tape_kit import CHEAP, LIST, on_tape, write

from bench.kit import reply
from core.actions import HELP
from core.errors import UnknownName
from graph.report import build_report

STRONG = "replay:openai:gpt-5.4"
CASCADE = {
    "tiers": [{"model": CHEAP, "tries": 1}, {"model": STRONG, "metered": True, "tries": 1}],
    "expert": {"model": STRONG},
}
ASK = reply(HELP, request="what next?")
ASKED = ["no format", ASK, write("answer.txt", "2")]
STRONGER = [
    {"step": 1, "tier": 1, "reply": LIST},
    {"step": 2, "tier": 1, "purpose": "expert", "reply": LIST},
]


async def test_a_report_says_what_was_achieved_and_what_each_escalation_was_for(
    tmp_path: Path,
) -> None:
    with on_tape(tmp_path, *ASKED, work=STRONGER, preset=CASCADE) as tried:
        await tried.go()
        report = build_report(tried.services.store, tried.id)
        facts = report.summary()
        assert report.simulated
        assert (facts["solved"], facts["score"], facts["improvement"]) == (True, 2.0, 1.0)
        assert facts["escalations"] == {
            "format": 1, "repetition": 0, "help": 1, "unavailable": 0, "blocked": 0
        }  # fmt: skip
        assert [(e.step, e.reason) for e in report.escalations] == [(1, "format"), (2, "help")]
        assert report.escalations[1].detail == "what next?"
        assert (facts["steps"], facts["calls"], facts["lifelines_used"]) == (4, 6, 2)


async def test_the_bill_is_tokens_times_price_to_the_last_digit(tmp_path: Path) -> None:
    with on_tape(tmp_path, *ASKED, work=STRONGER, preset=CASCADE) as tried:
        await tried.go()
        facts = build_report(tried.services.store, tried.id).summary()
        book = tried.services.book
        cheap, strong = (book.prices(m.removeprefix("replay:")) for m in (CHEAP, STRONG))
        one = [(1000 * p.input + 100 * p.output) / 10**6 for p in (cheap, strong)]
        assert Decimal(facts["cost_list_usd"]) == 4 * one[0] + 2 * one[1]
        assert Decimal(facts["cost_top_tier_usd"]) == 6 * one[1]


async def test_an_escalation_of_a_step_begun_twice_counts_once(tmp_path: Path) -> None:
    with on_tape(tmp_path, *ASKED, work=STRONGER, preset=CASCADE) as tried:
        await tried.stop_when(lambda: bool(tried.of_type("escalation")), delay_s=0.3)
        await tried.go()
        assert len([e for e in tried.of_type("escalation") if e.step == 1]) == 2
        assert build_report(tried.services.store, tried.id).summary()["escalations"]["format"] == 1


async def test_a_run_that_has_not_ended_has_a_report_too(tmp_path: Path) -> None:
    with on_tape(tmp_path, LIST) as tried:
        facts = build_report(tried.services.store, tried.id).summary()
        assert (facts["status"], facts["solved"], facts["score"]) == ("queued", False, None)
        assert facts["cost_usd"] == "0"
        with pytest.raises(UnknownName):
            build_report(tried.services.store, "nothing")
