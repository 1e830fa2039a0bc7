"""`budgetml token new`: a token, shown once."""

from __future__ import annotations

from cli.console import console, print_json
from cli.opened import opened_store
from cli.token_list import facts
from cli.token_options import TokenNewArgs
from core.money import to_pico
from store.tokens import NewToken
from store.transactions import ago

_DAY_S = 86_400


def main(args: TokenNewArgs) -> None:
    """Print it alone on stdout, so that a script can keep it."""
    new = NewToken(
        name=args.name,
        scope=args.scope.value,
        expires=None if args.expires is None else ago(-args.expires * _DAY_S),
        runs_at_once=args.runs_at_once,
        day_pico=None if args.usd_per_day is None else to_pico(args.usd_per_day),
    )
    with opened_store() as store:
        token, row = store.tokens.create(new)
    if args.json:
        print_json(facts(row) | {"token": token})
        return
    aside = console(aside=True)
    aside.print(f"Token {row.name} (id {row.id}, scope {row.scope}). Keep it: only its hash is")
    aside.print("stored, and it is not shown again. Send it as `Authorization: Bearer …`.")
    console().print(token, soft_wrap=True)
