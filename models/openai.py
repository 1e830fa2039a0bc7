"""OpenAI's chat completions."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from core.calls import ModelRequest
from core.config import ModelConfig
from models.base import Context, Provider
from models.chat import ChatProvider
from models.endpoint import address, first_key
from models.spec import parse_spec

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

REQUIRES = "langchain_openai"
KEYS: tuple[str, ...] = ("OPENAI_API_KEY",)
_HOME = "https://api.openai.com/v1"


def build(config: ModelConfig, context: Context) -> Provider:
    """A provider for one of OpenAI's models."""
    url = address(config, context.environ, _HOME)
    make = partial(client, config, url, first_key(KEYS, context.environ))
    return ChatProvider(make, _options, config.timeout_s, stops_reasoning=False)


def client(config: ModelConfig, base_url: str, api_key: str) -> BaseChatModel:
    """The chat client of any server that speaks OpenAI's interface."""
    from langchain_openai import ChatOpenAI  # noqa: PLC0415 - heavy, and only some runs need it

    options: dict[str, Any] = {
        "model": parse_spec(config.model).name,
        "base_url": base_url,
        "api_key": api_key,
        "timeout": config.timeout_s,
        "max_retries": 0,
        "use_responses_api": False,
        # LangGraph turns calls into streams when somebody watches; a cut stream loses its usage.
        "disable_streaming": True,
        "stream_usage": True,
        "cache": False,
    }
    return ChatOpenAI(**options)


def _options(request: ModelRequest) -> dict[str, Any]:
    options: dict[str, Any] = {
        "temperature": request.temperature,
        "max_tokens": request.max_tokens,
    }
    if request.cache_key:
        options["prompt_cache_key"] = request.cache_key
    return options
