"""`budgetml token revoke`: make a token worthless."""

from __future__ import annotations

from cli.console import console
from cli.opened import opened_store
from cli.token_options import TokenRevokeArgs


def main(args: TokenRevokeArgs) -> None:
    """A running service refuses it from its next request on."""
    with opened_store() as store:
        row = store.tokens.revoke(args.token)
    console().print(f"Token {row.name} ({row.id}) is revoked.")
