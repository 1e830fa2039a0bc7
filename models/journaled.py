"""Answers a call that this run has paid for already out of the store, so that a resume is free."""

from __future__ import annotations

from dataclasses import dataclass

from core.calls import ModelRequest, Outcome
from core.offload import off_loop
from models import call_events
from models.base import Caller
from models.identity import describe, request_hash
from models.meter import Line, Meter


@dataclass(frozen=True, slots=True)
class Journaled:
    """Outermost wrapper: asks the journal first, and the provider only for what it lacks."""

    inner: Caller
    meter: Meter
    line: Line

    async def __call__(self, request: ModelRequest) -> Outcome:
        """The recorded outcome (`meta["replayed"]` is True), or that of a new call."""
        if self.meter.fence.epoch == 1:  # claimed for the first time: nothing was paid before
            return await self.inner(request)
        found = await off_loop(self._recorded, request)
        return found or await self.inner(request)

    def _recorded(self, request: ModelRequest) -> Outcome | None:
        meter = self.meter
        row = meter.store.calls.settled(meter.fence.run_id, request.key)
        if row is None or row.outcome is None or row.finish is None:
            return None  # a failure that may have been billed is no answer; ask again
        events = [call_events.replayed(self.line, request.key, row.outcome)]
        if row.request_hash != request_hash(request):
            text = f"the reply to another prompt was used again for {describe(request.key)}"
            events.insert(0, call_events.warning(self.line.tier, text))
        meter.log.emit(*events)
        meta = {"model": row.model, "replayed": True}
        return Outcome(row.outcome, row.reply or "", row.detail or "", meta=meta)
