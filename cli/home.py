"""The service's settings as a command reads them."""

from __future__ import annotations

from pydantic import ValidationError

from core.errors import ConfigurationError
from core.settings import Settings


def settings() -> Settings:
    """What the environment says; ConfigurationError names the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = f"BUDGETML_{first['loc'][0]}".upper() if first["loc"] else "BUDGETML_*"
        raise ConfigurationError(
            f"The variable {name} cannot be used: {first['msg']}; correct or unset it."
        ) from error
