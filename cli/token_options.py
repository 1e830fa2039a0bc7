"""What the `token` commands take."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated

import typer

from cli.options import Json, usd


class Access(StrEnum):
    """From the least to the most; each includes those before it."""

    READ = "read"
    RUN = "run"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenNewArgs:
    """Make a token for the service and show it, once."""

    name: Annotated[str, typer.Argument(metavar="NAME", help="who or what will use it")]
    scope: Annotated[
        Access,
        typer.Option(help="read: look; run: also start, stop, fork; admin: also delete"),
    ] = Access.RUN
    runs_at_once: Annotated[
        int | None, typer.Option(min=1, metavar="N", help="unfinished runs it may have")
    ] = None
    usd_per_day: Annotated[
        Decimal | None,
        typer.Option(parser=usd, metavar="USD", help="what its runs may cost in any 24 hours"),
    ] = None
    expires: Annotated[
        int | None, typer.Option(min=1, max=3650, metavar="DAYS", help="default: never")
    ] = None
    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenListArgs:
    """The tokens of the service, without their secrets."""

    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRevokeArgs:
    """Make a token worthless, at once and for good."""

    token: Annotated[str, typer.Argument(metavar="TOKEN", help="its name or id")]
