"""The life of one attempt at a call in the store: reserved, then settled, estimated or void."""

from __future__ import annotations

import time
from functools import partial

from core.calls import ModelReply, ModelRequest, Outcome
from core.events import Event
from core.money import Usage, cost, usd_text, worst_case
from core.state import OutcomeKind
from models import call_events
from models.identity import request_hash
from models.meter import Line, Meter
from models.outcomes import Failure, classify_reply
from models.sizes import lost_usage, prompt_bytes, usage_of
from store.callrows import CallBill, CallSpec, Denied, Granted, Refused

_STOPPED = Failure("transient", "the run was stopped while the provider was answering")


class Attempt:
    """Blocking writes of one attempt, in order; the metered wrapper runs each in a thread."""

    def __init__(self, meter: Meter, line: Line, request: ModelRequest) -> None:
        self._meter = meter
        self._line = line
        self._request = request
        self._began = time.monotonic()
        self._open: Granted | None = None
        self._worst = worst_case(prompt_bytes(request), request.max_tokens, line.rates.capped)
        self.sent = False
        """Set just before the request leaves: from then on it may be billed."""

    def reserve(self) -> Outcome | None:
        """Takes the worst case out of the cap, and a lifeline; the outcome when that is refused."""
        line, meter, key = self._line, self._meter, self._request.key
        own = [call_events.started(line, key, self._worst)]
        own += [call_events.lifeline(line)] if line.lifeline else []
        with meter.log.turn:
            events = meter.log.stamp(*own)
            answer = meter.store.calls.reserve(
                meter.fence, self._spec(), events, partial(call_events.tell, events)
            )
            if isinstance(answer, Denied):
                meter.log.take_back(events, keep=len(events) - len(own))
                return self._denied(answer)
        self._open = answer
        self._began = time.monotonic()
        return None

    def answered(self, reply: ModelReply) -> Outcome:
        """Settles with what the provider reported, or with an estimate flagged as one."""
        line, key = self._line, self._request.key
        kind, reason = classify_reply(reply)
        bill = self._bill(kind, usage_of(self._request, reply), detail=reason, reply=reply)
        events = [call_events.finished(line, key, bill), call_events.cost_so_far(line)]
        if bill.cost_pico > self._worst:
            events.append(call_events.overrun(line, bill, self._worst))
        self._settle(bill, *events)
        return Outcome(kind, reply.text, reason, meta={"model": line.model})

    def failed(self, failure: Failure) -> Outcome:
        """Voids a refused request; charges one that may have been billed by an estimate."""
        if failure.billed:
            self._charge(failure)
        else:
            self._void(failure)
        return Outcome(failure.kind, "", failure.reason, failure.retry_after_s)

    def abandon(self) -> None:
        """Closes a reservation that a cancelled run leaves behind; does nothing without one."""
        if self._open is None:
            return
        if self.sent and not self._line.simulated:
            self._charge(_STOPPED)
        else:
            self._void(_STOPPED)

    def _charge(self, failure: Failure) -> None:
        line, key = self._line, self._request.key
        bill = self._bill(failure.kind, lost_usage(self._request), detail=failure.reason)
        self._settle(bill, call_events.charged(line, key, bill), call_events.cost_so_far(line))

    def _void(self, failure: Failure) -> None:
        meter, line = self._meter, self._line
        give_back = line.lifeline and meter.lifeline_per == "billed_attempt"
        own = [call_events.refused(line, self._request.key, failure)]
        own += [call_events.lifeline(line)] if give_back else []
        refused = Refused(failure.kind, failure.reason, give_back)
        with meter.log.turn:
            events = meter.log.stamp(*own)
            meter.store.calls.void(
                meter.fence, self._call_id, refused, events, partial(call_events.tell, events)
            )
        self._open = None

    @property
    def _call_id(self) -> int:
        if self._open is None:
            raise RuntimeError("close an attempt once, after it was reserved")
        return self._open.call_id

    def _settle(self, bill: CallBill, *own: Event) -> None:
        meter = self._meter
        with meter.log.turn:
            events = meter.log.stamp(*own)
            meter.store.calls.settle(
                meter.fence, self._call_id, bill, events, partial(call_events.tell, events)
            )
        self._open = None

    def _spec(self) -> CallSpec:
        return CallSpec(
            key=self._request.key,
            model=self._line.model,
            request_hash=request_hash(self._request),
            worst_pico=self._worst,
            lifeline=self._line.lifeline,
            simulated=self._line.simulated,
            prices=self._line.rates.record(),
            price_book=self._meter.book.hash,
        )

    def _bill(
        self, kind: OutcomeKind, usage: Usage, *, detail: str, reply: ModelReply | None = None
    ) -> CallBill:
        rates = self._line.rates
        return CallBill(
            status="estimated" if usage.estimated else "settled",
            outcome=kind,
            usage=usage,
            cost_pico=cost(usage, rates.capped),
            paid_pico=cost(usage, rates.paid),
            list_pico=cost(usage, rates.listed),
            top_pico=cost(usage, rates.top),
            seconds=time.monotonic() - self._began,
            reply=reply.text if reply else None,
            finish=reply.finish if reply else None,
            detail=detail,
        )

    def _denied(self, answer: Denied) -> Outcome:
        if answer.reason == "no_lifeline":
            return Outcome("no_lifeline", reason="no lifelines are left for calls to this model")
        return Outcome(
            "over_budget",
            reason=f"the call may cost {usd_text(self._worst)} USD, but only "
            f"{usd_text(max(answer.left_pico, 0))} USD of the budget are left; raise the budget",
        )
