"""Google's Gemini models through the Gemini API."""

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

REQUIRES = "langchain_google_genai"
KEYS: tuple[str, ...] = ("GOOGLE_API_KEY", "GEMINI_API_KEY")
_HOME = "https://generativelanguage.googleapis.com"


def build(config: ModelConfig, context: Context) -> Provider:
    """A provider for one of Google's models."""
    url = address(config, context.environ, _HOME)
    make = partial(_client, config, url, first_key(KEYS, context.environ))
    return ChatProvider(make, _options, config.timeout_s)


def _client(config: ModelConfig, base_url: str, api_key: str) -> BaseChatModel:
    from langchain_google_genai import (  # noqa: PLC0415 - heavy, and only some runs need it
        ChatGoogleGenerativeAI,
    )

    options: dict[str, Any] = {
        "model": parse_spec(config.model).name,
        "base_url": base_url,
        "api_key": api_key,
        "timeout": config.timeout_s,
        "max_retries": 1,  # counts attempts; 0 would mean the library's default of five
        "vertexai": False,
        "disable_streaming": True,
        "cache": False,
    }
    return ChatGoogleGenerativeAI(**options)


def _options(request: ModelRequest) -> dict[str, Any]:
    return {"temperature": request.temperature, "max_output_tokens": request.max_tokens}
