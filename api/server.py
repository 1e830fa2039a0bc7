"""Serves the app until a signal, and then ends quickly whatever is still going on."""

from __future__ import annotations

import asyncio
import os
import threading
from types import FrameType

import uvicorn
from fastapi import FastAPI

from api.deps import Parts

GRACE_S = 2
"""Seconds for answers under way once we were told to stop; streams end at once."""


class Server(uvicorn.Server):
    """Ends the event streams with the first signal, or uvicorn would wait for their clients."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Called in the main thread, which runs the loop."""
        parts: Parts = self.config.app.state.parts  # type: ignore[union-attr]  # our own app
        asyncio.get_running_loop().call_soon_threadsafe(parts.feed.close)
        super().handle_exit(sig, frame)


def serve(app: FastAPI, host: str, port: int) -> None:
    """Listen until SIGINT or SIGTERM; what is left of runs then is taken up at the next start."""
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        timeout_graceful_shutdown=GRACE_S,
        server_header=False,
        log_config=None,
        log_level="info",
        access_log=False,
    )
    server = Server(config)
    try:
        server.run()
    finally:
        if any(t.name.startswith("run-") for t in threading.enumerate()):
            os._exit(1)  # a run that ignored its cancellation would keep the process for ever
