"""The event log of a run, as a stream or page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

from fastapi import APIRouter, Header, Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse

from api.deps import PartsOf, Reader, Run
from api.feed import Feed
from api.problems import Unusable, described
from api.requests import After, Limit
from api.schemas import EventOut, EventPage
from store.runrows import RunRow

router = APIRouter(prefix="/runs/{run_id}", tags=["events"])
_STREAM = {"schema": {"type": "string"}, "example": "event: step.started\ndata: {…}\nid: 4\n\n"}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "A page, or a stream when Accept names text/event-stream",
        "content": {"text/event-stream": _STREAM},
    },
    204: {"description": "A stream was asked for and nothing will follow: do not reconnect"},
}
_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}


@router.get(
    "/events",
    operation_id="list_events",
    response_model=EventPage,
    responses={**_RESPONSES, **described(404)},
)
def list_events(
    row: Run,
    known: PartsOf,
    _: Reader,
    after: After = 0,
    limit: Limit = 100,
    accept: Annotated[str, Header(max_length=1000)] = "",
    last_event_id: Annotated[str | None, Header(pattern=r"^[0-9]{1,18}$")] = None,
) -> Response | EventPage:
    """Events after `after`, or after the header Last-Event-ID; a stream ends with the run."""
    after = after if last_event_id is None else int(last_event_id)
    if after > row.last_seq:
        text = f"Run {row.id} has only {row.last_seq} events so far; begin after one of them."
        raise Unusable("query.after", text)
    if "text/event-stream" in accept.lower():
        return _stream(known.feed, row, after)
    found = known.services.store.events.read(row.id, after, limit)
    finished = row.finished is not None
    items = [EventOut.of(event) for event in found]
    return EventPage(items=items, last_seq=row.last_seq, finished=finished)


def _stream(feed: Feed, row: RunRow, after: int) -> Response:
    if row.finished is not None and after == row.last_seq:
        return Response(status_code=204)
    return EventSourceResponse(_wire(feed, row, after), headers=_HEADERS)


async def _wire(feed: Feed, row: RunRow, after: int) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    async with aclosing(feed.follow(row.id, after, row.last_seq)) as batches:
        async for frames in batches:
            yield b"".join(frame.wire for frame in frames) or KEEPALIVE_COMMENT
