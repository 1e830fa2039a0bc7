"""Prometheus metrics, counted by the store so that a restart changes none of them."""

from __future__ import annotations

import asyncio
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import get_args

from fastapi import APIRouter, Response

from api.deps import PartsOf, Reader
from core.money import usd_text
from store.database import Store
from store.figures import Figure
from store.runrows import Status

MEDIA = "text/plain; version=0.0.4; charset=utf-8"
_BOUNDS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_COUNTERS = {
    "steps": ("steps", "", "Steps finished, those done again after a crash included."),
    "calls": ("calls", "outcome", "Calls to models by what came of them."),
    "pico_dollars": ("dollars", "kind", "Dollars paid, and what calls on tapes would have cost."),
    "escalations": ("escalations", "reason", "Steps up in the cascade and requests for help."),
}


class Lag:
    """A histogram of the seconds between the writing of an event and its way to followers.

    The only figure that begins anew with the process: nobody follows while there is none.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._counts = [0] * (len(_BOUNDS_S) + 1)
        self._sum = 0.0

    def observe(self, seconds: float) -> None:
        """Count one event; from any thread."""
        with self._turn:
            self._counts[bisect_left(_BOUNDS_S, seconds)] += 1
            self._sum += max(0.0, seconds)  # the clock may have gone back

    def lines(self) -> Iterator[str]:
        """In Prometheus' text format."""
        name = "budgetml_event_lag_seconds"
        with self._turn:
            counts, total = list(self._counts), self._sum
        yield from _head(name, "histogram", "From the writing of an event to its followers.")
        below = 0
        for bound, count in zip((*_BOUNDS_S, "+Inf"), counts, strict=True):
            below += count
            yield f'{name}_bucket{{le="{bound}"}} {below}'
        yield f"{name}_sum {total:.6f}"
        yield f"{name}_count {below}"


def router(lag: Lag) -> APIRouter:
    """The one route; reading is enough for it, because it shows no run and no text of one."""
    routes = APIRouter(tags=["service"])

    @routes.get(
        "/metrics",
        response_class=Response,
        operation_id="get_metrics",
        responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
    )
    async def metrics(_: Reader, known: PartsOf) -> Response:
        """Runs, steps, calls, dollars, escalations, the queue and the lag of events."""
        text = await asyncio.to_thread(render, known.services.store, lag)
        return Response(text, media_type=MEDIA)

    return routes


def render(store: Store, lag: Lag) -> str:
    """Every metric in Prometheus' text format 0.0.4."""
    lines = [
        *_runs(store.figures.runs_by_status()),
        *_head("budgetml_queue_length", "gauge", "Submitted runs nobody works on yet."),
        f"budgetml_queue_length {store.queue.length()}",
        *_counters(store.figures.totals()),
        *lag.lines(),
    ]
    return "\n".join(lines) + "\n"


def _runs(counts: dict[str, int]) -> Iterator[str]:
    yield from _head("budgetml_runs", "gauge", "Runs on record by status.")
    for status in get_args(Status):
        yield f'budgetml_runs{{status="{status}"}} {counts.get(status, 0)}'


def _counters(figures: Iterable[Figure]) -> Iterator[str]:
    known = list(figures)
    for metric, (name, label, text) in _COUNTERS.items():
        full = f"budgetml_{name}_total"
        yield from _head(full, "counter", text)
        found = [f for f in known if f.metric == metric]
        if not label and not found:
            yield f"{full} 0"
        for figure in found:
            value = usd_text(figure.value) if metric == "pico_dollars" else figure.value
            labels = f'{{{label}="{_escaped(figure.label)}"}}' if label else ""
            yield f"{full}{labels} {value}"


def _head(name: str, kind: str, text: str) -> Iterator[str]:
    yield f"# HELP {name} {text}"
    yield f"# TYPE {name} {kind}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
