"""`budgetml token list`: who may use the service."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from cli.console import console, print_json
from cli.opened import opened_store
from cli.text import dollars
from cli.token_options import TokenListArgs
from core.money import usd_text
from store.tokens import TokenRow


def main(args: TokenListArgs) -> None:
    """List them, revoked and expired ones too."""
    with opened_store() as store:
        rows = store.tokens.list()
    if args.json:
        print_json([facts(row) for row in rows])
    elif rows:
        console().print(_table(rows))
    else:
        console().print(
            "No token yet: the service is open to this machine and refuses to listen to others. "
            "`budgetml token new NAME` makes one."
        )


def facts(row: TokenRow) -> dict[str, Any]:
    """A token as JSON, without its hash."""
    return {
        "id": row.id,
        "name": row.name,
        "scope": row.scope,
        "state": row.state,
        "runs_at_once": row.runs_at_once,
        "usd_per_day": None if row.day_pico is None else usd_text(row.day_pico),
        "created": row.created,
        "expires": row.expires,
        "revoked": row.revoked,
        "last_used": row.last_used,
    }


def _table(rows: list[TokenRow]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for head in ("name", "id", "scope", "state", "runs", "a day", "last used (UTC)"):
        table.add_column(head, no_wrap=True)
    for row in rows:
        table.add_row(
            row.name,
            row.id,
            row.scope,
            row.state,
            "–" if row.runs_at_once is None else str(row.runs_at_once),
            "–" if row.day_pico is None else dollars(row.day_pico),
            "never" if row.last_used is None else row.last_used[:16].replace("T", " "),
        )
    return table
