"""The provider `replay:`: answers from a tape, at the replayed model's price, for nothing."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping

from core.calls import CallKey, ModelReply, ModelRequest
from core.config import ModelConfig
from core.errors import ConfigurationError
from core.offload import off_loop
from models import call_events
from models.base import Context, Provider
from models.identity import describe, request_hash
from models.outcomes import Failure, KnownFailure
from models.tape import Tape, TapeError, TapeRow
from store.eventlog import EventLog

DELAY = "BUDGETML_REPLAY_DELAY_S"
REQUIRES = ""
KEYS: tuple[str, ...] = ()


class ReplayProvider:
    """Plays the rows of one tape by call key."""

    def __init__(self, tape: Tape, delay_s: float = 0, log: EventLog | None = None) -> None:
        self._tape = tape
        self._delay_s = delay_s
        self._log = log
        self._failed: Counter[CallKey] = Counter()

    async def send(self, request: ModelRequest) -> ModelReply:
        """The recorded reply; raises KnownFailure for a recorded failure or a missing row.

        A request that differs from the recorded one is a warning in the log: observations hold
        measured times, and one tape serves both the real data and the sample.
        """
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        row = self._tape.find(request.key)
        if row is None:
            raise KnownFailure(self._missing(request.key))
        if row.error is not None:
            self._fail(row, row.error)
        if row.request_sha256 and row.request_sha256 != request_hash(request):
            await self._warn(request)
        usage = row.usage.usage() if row.usage else None
        return ModelReply(row.reply or "", row.finish, usage)

    def _fail(self, row: TapeRow, error: TapeError) -> None:
        """Raises the recorded failure as often as the tape says."""
        if row.reply is not None and self._failed[row.key] >= error.times:
            return
        self._failed[row.key] += 1
        raise KnownFailure(Failure(error.kind, error.reason, error.retry_after_s, error.billed))

    def _missing(self, key: CallKey) -> Failure:
        reason = (
            f"the tape of task {self._tape.header.task_id} has no row for {describe(key)}; play it "
            "with the preset it was recorded with, or add the row"
        )
        return Failure("permanent", reason, billed=False)

    async def _warn(self, request: ModelRequest) -> None:
        if self._log is None:
            return
        text = f"the tape's reply for {describe(request.key)} was recorded for another prompt"
        event = call_events.warning(request.key.tier, text)
        await off_loop(self._log.emit, event)


def build(config: ModelConfig, context: Context) -> Provider:
    """The player of the run's tape; ConfigurationError when the run has none."""
    if context.tape is None:
        raise ConfigurationError(
            f"{config.model} answers from a tape, but the run names none; set `tape` in the preset"
        )
    return ReplayProvider(context.tape, _delay(context.environ), context.log)


def _delay(environ: Mapping[str, str]) -> float:
    text = environ.get(DELAY, "0")
    try:
        return max(0.0, float(text))
    except ValueError as error:
        raise ConfigurationError(f"{DELAY} is {text!r}; give seconds, such as 0.5") from error
