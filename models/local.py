"""Any server of one's own that speaks OpenAI's interface: vLLM, Ollama, llama.cpp and others."""

from __future__ import annotations

from functools import partial
from typing import Any

from core.calls import ModelRequest
from core.config import ModelConfig
from models.base import Context, Provider
from models.chat import ChatProvider
from models.endpoint import address
from models.openai import client

REQUIRES = "langchain_openai"
KEYS: tuple[str, ...] = ()
_KEY = "BUDGETML_LOCAL_API_KEY"
"""Optional; most such servers ignore the key but want one to be sent."""


def build(config: ModelConfig, context: Context) -> Provider:
    """A provider for a model on a server of one's own; ConfigurationError without an address."""
    url = address(config, context.environ)
    key = context.environ.get(_KEY) or "unused"
    return ChatProvider(partial(client, config, url, key), _options, config.timeout_s)


def _options(request: ModelRequest) -> dict[str, Any]:
    # Ollama does not take `max_completion_tokens`, which the client makes of `max_tokens`.
    return {
        "temperature": request.temperature,
        "extra_body": {"max_tokens": request.max_tokens},
    }
