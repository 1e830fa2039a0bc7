"""`budgetml serve`: the service over HTTP, working on runs in this process."""

from __future__ import annotations

import ipaddress

from api.app import create_app
from api.auth import tokens_exist
from api.logs import configure
from api.server import serve
from cli.home import settings
from cli.options import ServeArgs
from core.errors import ConfigurationError
from core.settings import Settings
from graph.services import Services


def main(args: ServeArgs) -> None:
    """Serve until a signal.

    Raises:
        ConfigurationError: it would be open to others without a token.
    """
    known = with_address(settings(), args)
    services = Services.open(known)
    try:
        if not (is_loopback(known.host) or tokens_exist(services.store)):
            raise ConfigurationError(
                f"Listening on {known.host} would let everybody who reaches this machine start "
                "runs and spend your money: make a token first with `budgetml token new NAME`, or "
                "listen on 127.0.0.1."
            )
        configure()
        serve(create_app(services), known.host, known.port)
    finally:
        services.close()


def with_address(known: Settings, args: ServeArgs) -> Settings:
    """The settings with what the command line says instead."""
    said = {"host": args.host, "port": args.port}
    return known.model_copy(update={k: v for k, v in said.items() if v is not None})


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach that address; an unknown name may be anything."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
