"""A resumed run takes the replies it has paid for out of the journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from models_kit import CHEAP, SHORT, Desk, Scripted, request

from core.calls import ModelReply, Outcome
from core.config import ModelConfig
from models.base import Provider
from models.journaled import Journaled
from models.meter import Line

REPLY = ModelReply("Action: List Files", usage=SHORT)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk.open(tmp_path)
    yield desk
    desk.store.close()


def journaled(desk: Desk, provider: Provider) -> Journaled:
    line = Line.of(ModelConfig(model=CHEAP), tier=0, metered=False, meter=desk.meter)
    return Journaled(desk.metered(provider), desk.meter, line)


async def resumed(desk: Desk, first: Scripted, content: str = "What next?") -> tuple[Desk, Outcome]:
    """Asks once, dies, is taken up by another process, and asks again."""
    await journaled(desk, first)(request())
    second = desk.claimed_again()
    outcome = await journaled(second, Scripted(ModelReply("new", usage=SHORT)))(
        request(content=content)
    )
    return second, outcome


@pytest.mark.parametrize(
    "reply",
    [REPLY, ModelReply("Act", finish="length", usage=SHORT), ModelReply("", usage=SHORT)],
)
async def test_a_settled_call_is_not_paid_twice(desk: Desk, reply: ModelReply) -> None:
    expected = await desk.metered(Scripted(reply))(request(2))
    second, outcome = await resumed(desk, Scripted(reply))
    assert (outcome.kind, outcome.text, outcome.reason) == (
        expected.kind,
        expected.text,
        expected.reason,
    )
    assert outcome.meta["replayed"] is True
    assert len(second.calls) == 2
    told = second.events("call.finished")[-1].data
    assert (told["replayed"], told["paid_usd"]) == (True, "0")
    assert not second.events("log")


async def test_an_estimated_reply_counts_as_paid(desk: Desk) -> None:
    second, outcome = await resumed(desk, Scripted(ModelReply("said without usage")))
    assert outcome.text == "said without usage"
    assert len(second.calls) == 1


async def test_a_failure_that_was_charged_is_no_answer(desk: Desk) -> None:
    second, outcome = await resumed(desk, Scripted(TimeoutError()))
    assert outcome.text == "new"
    assert [c.status for c in second.calls] == ["estimated", "settled"]


async def test_a_changed_prompt_is_answered_all_the_same_with_a_warning(desk: Desk) -> None:
    second, outcome = await resumed(desk, Scripted(REPLY), content="changed")
    assert outcome.text == REPLY.text
    (warning,) = second.events("log")
    assert "step 1, tier 0, try 1" in warning.data["message"]


async def test_another_key_is_a_new_call(desk: Desk) -> None:
    await journaled(desk, Scripted(REPLY))(request(1))
    second = desk.claimed_again()
    provider = Scripted(REPLY)
    outcome = await journaled(second, provider)(request(2))
    assert (provider.sent, outcome.meta.get("replayed")) == (1, None)
