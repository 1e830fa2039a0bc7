"""Where a provider is reached and with which key; nothing the client library reads by itself."""

from __future__ import annotations

from collections.abc import Mapping

from core.config import ModelConfig
from core.errors import ConfigurationError
from models.spec import parse_spec


def address(config: ModelConfig, environ: Mapping[str, str], default: str = "") -> str:
    """The base URL: the preset's, else BUDGETML_<PROVIDER>_BASE_URL, else the provider's own.

    Always passed on, so that no other variable can send prompts and keys somewhere else.
    """
    variable = f"BUDGETML_{parse_spec(config.model).provider.upper()}_BASE_URL"
    found = config.base_url or environ.get(variable) or default
    if not found:
        raise ConfigurationError(
            f"{config.model} needs the address of its server; set base_url in the preset or "
            f"the variable {variable}, such as http://127.0.0.1:8000/v1"
        )
    return found


def first_key(names: tuple[str, ...], environ: Mapping[str, str]) -> str:
    """The value of the first variable that is set; the registry has checked that one is."""
    return next((environ[name].strip() for name in names if environ.get(name)), "")
