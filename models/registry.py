"""Which module serves which prefix; a provider is imported only when a model names it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from typing import cast

from core.config import ModelConfig
from core.errors import ConfigurationError
from models.base import Context, Provider, ProviderModule
from models.spec import parse_spec

PROVIDERS: dict[str, str] = {
    "google_genai": "models.google_genai",
    "openai": "models.openai",
    "anthropic": "models.anthropic",
    "local": "models.local",
    "replay": "models.replay",
}


def build(config: ModelConfig, context: Context) -> Provider:
    """The provider of a model; ConfigurationError when it cannot work here."""
    module = check_provider(config, context.environ)
    return module.build(config, context)


def check_provider(config: ModelConfig, environ: Mapping[str, str]) -> ProviderModule:
    """The module that serves a model, with its library installed and a key at hand."""
    provider = parse_spec(config.model).provider
    module = cast("ProviderModule", importlib.import_module(PROVIDERS[provider]))
    if module.REQUIRES and importlib.util.find_spec(module.REQUIRES) is None:
        package = module.REQUIRES.replace("_", "-")
        raise ConfigurationError(
            f"{config.model} needs a package that is not installed; run `pip install {package}`"
        )
    if module.KEYS and not any(environ.get(name) for name in module.KEYS):
        names = " or ".join(module.KEYS)
        raise ConfigurationError(f"{config.model} needs a key; set the variable {names}")
    return module
