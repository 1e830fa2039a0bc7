"""From a model's configuration to a caller: journal, then retries, then money, then provider."""

from __future__ import annotations

import os
from collections.abc import Mapping

from core.config import ModelConfig
from models.base import Caller, Context
from models.checks import check_models
from models.journaled import Journaled
from models.meter import Line, Meter
from models.metered import Metered
from models.redact import secrets_in
from models.registry import build
from models.retrying import Retrying
from models.tape import Tape

__all__ = ["Meter", "check_models", "connect"]


def connect(
    config: ModelConfig,
    *,
    tier: int,
    metered: bool,
    meter: Meter,
    tape: Tape | None = None,
    environ: Mapping[str, str] | None = None,
) -> Caller:
    """A caller for one model at its place in the run; nothing is sent yet.

    `metered` calls take a lifeline each (R8). Keys come from `environ`, by default the process's.
    Raises ConfigurationError for a model that cannot work here.
    """
    variables = os.environ if environ is None else environ
    provider = build(config, Context(variables, tape, meter.log))
    line = Line.of(config, tier=tier, metered=metered, meter=meter)
    once = Metered(provider, meter, line, secrets_in(variables))
    return Journaled(Retrying(once), meter, line)
