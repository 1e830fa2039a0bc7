"""What all providers share that are reached through a LangChain chat class."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from core.calls import ModelReply, ModelRequest
from models.translate import reply_of

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Options = Callable[[ModelRequest], dict[str, Any]]


@dataclass(slots=True)
class ChatProvider:
    """One chat client, made when first needed and then used for every request."""

    make: Callable[[], BaseChatModel]
    """Builds the client with one attempt, a timeout and an explicit address."""
    options: Options
    """The provider's names for temperature, token cap and the like, for one request."""
    timeout_s: float
    """Seconds for a whole reply; the clients' own limit starts anew with every byte."""
    stops_reasoning: bool = True
    """Whether models that reason take stop sequences; OpenAI's refuse the whole request."""
    _client: BaseChatModel | None = None
    _making: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def send(self, request: ModelRequest) -> ModelReply:
        """One HTTP request, not streamed; raises what the client library raises."""
        client = await self._ready()
        options, profile = self.options(request), client.profile or {}
        if profile.get("temperature") is False:
            options.pop("temperature", None)  # the model refuses the parameter as a whole
        messages = [(m.role, m.content) for m in request.messages]
        stop = list(request.stop) or None
        if profile.get("reasoning_output") and not self.stops_reasoning:
            stop = None  # the reader of replies ends one that runs on
        async with asyncio.timeout(self.timeout_s):
            return reply_of(await client.ainvoke(messages, stop=stop, **options))

    async def _ready(self) -> BaseChatModel:
        """Constructors read files and look up credentials, so they run in a thread."""
        async with self._making:
            if self._client is None:
                self._client = await asyncio.to_thread(self.make)
            return self._client
