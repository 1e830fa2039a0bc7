"""Who may use the service: random tokens, of which only a hash is kept.

The hash is a plain SHA-256: a slow one protects passwords, which can be guessed; nobody guesses
256 random bits, and every request would have to wait for it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from sqlalchemy import ColumnElement, Connection, and_, insert, or_, select, update

from core.errors import BadRequest, StorageFull, UnknownName
from store.tables import tokens
from store.transactions import Transactions, ago, now

Scope = Literal["read", "run", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
"""From the least to the most; each includes those before it."""
LOCAL = "local"
"""The name of whoever uses a service without tokens; no token may have it."""
_TOKEN = re.compile(r"bml_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NAME = re.compile(r"(?![0-9a-f]{12}$)[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOBODY = hashlib.sha256(b"").hexdigest()
_TOUCHED_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token to be made."""

    name: str
    scope: Scope = "run"
    expires: str | None = None
    """UTC, ISO 8601 as the store writes it."""
    runs_at_once: int | None = None
    """Unfinished runs it may have; None is no limit."""
    day_pico: int | None = None
    """Pico-dollars its runs may spend in any 24 hours; None is no limit."""


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as the store knows it."""

    id: str
    """The part of the token that is no secret."""
    name: str
    hash: str
    """SHA-256 of the secret part, in hex."""
    scope: Scope
    created: str
    expires: str | None
    revoked: str | None
    last_used: str | None
    """To the minute."""
    runs_at_once: int | None
    day_pico: int | None

    @property
    def scopes(self) -> frozenset[Scope]:
        """Everything it may do."""
        return frozenset(SCOPES[: SCOPES.index(self.scope) + 1])

    @property
    def state(self) -> Literal["live", "revoked", "expired"]:
        """What it is worth now."""
        if self.revoked is not None:
            return "revoked"
        return "expired" if self.expires is not None and self.expires <= now() else "live"


class Tokens:
    """Making, checking and revoking tokens."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def create(self, new: NewToken) -> tuple[str, TokenRow]:
        """Make a token; the first value is the only copy of it there will ever be.

        Raises BadRequest when the name cannot be used or a token that was not revoked has it.
        """
        if new.name == LOCAL or not _NAME.fullmatch(new.name):
            raise BadRequest(
                f"{new.name!r} cannot name a token; choose letters, digits, '.', '_' and '-', "
                f"at most 64, not {LOCAL!r} and not 12 hexadecimal digits."
            )
        token_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = {**asdict(new), "id": token_id, "hash": _hash(secret), "created": now()}
        with self._transactions.writing() as connection:
            if _found(connection, _named(new.name)) is not None:
                raise BadRequest(
                    f"There is a token {new.name!r}; choose another name, or replace it after "
                    f"`budgetml token revoke {new.name}`."
                )
            connection.execute(insert(tokens), row)
            made = _one(connection, token_id)
        return f"bml_{token_id}_{secret}", made

    def verify(self, text: str) -> TokenRow | None:
        """The live token this is, or None; which of the reasons it was, nobody is told."""
        match = _TOKEN.fullmatch(text)
        if match is None:
            return None
        with self._transactions.reading() as connection:
            row = _found(connection, tokens.c.id == match[1])
        same = hmac.compare_digest(_hash(match[2]), _NOBODY if row is None else row.hash)
        if row is None or not same or row.state != "live":
            return None
        if row.last_used is None or row.last_used < ago(_TOUCHED_S):
            self._touch(row.id)
        return row

    def living(self, token_id: str) -> TokenRow | None:
        """The token with this id if it is neither revoked nor expired."""
        with self._transactions.reading() as connection:
            row = _found(connection, tokens.c.id == token_id)
        return row if row is not None and row.state == "live" else None

    def exist(self) -> bool:
        """Whether one was ever made: revoking the last one does not open the service again."""
        with self._transactions.reading() as connection:
            return connection.execute(select(tokens.c.id).limit(1)).one_or_none() is not None

    def list(self) -> list[TokenRow]:
        """All of them, revoked ones too, oldest first."""
        wanted = select(tokens).order_by(tokens.c.created, tokens.c.id)
        with self._transactions.reading() as connection:
            return [TokenRow(**row._mapping) for row in connection.execute(wanted)]

    def revoke(self, name_or_id: str) -> TokenRow:
        """Make it worthless for good; raises UnknownName."""
        chosen = or_(tokens.c.id == name_or_id, _named(name_or_id))
        with self._transactions.writing() as connection:
            row = _found(connection, chosen)
            if row is None:
                raise UnknownName(
                    f"There is no token {name_or_id!r}; `budgetml token list` shows them."
                )
            here = and_(tokens.c.id == row.id, tokens.c.revoked.is_(None))
            connection.execute(update(tokens).where(here).values(revoked=now()))
            return _one(connection, row.id)

    def _touch(self, token_id: str) -> None:
        here = update(tokens).where(tokens.c.id == token_id).values(last_used=now())
        with suppress(StorageFull), self._transactions.writing() as connection:
            connection.execute(here)  # a full disk must not lock readers out


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _named(name: str) -> ColumnElement[bool]:
    return and_(tokens.c.name == name, tokens.c.revoked.is_(None))


def _found(connection: Connection, condition: ColumnElement[bool]) -> TokenRow | None:
    row = connection.execute(select(tokens).where(condition)).one_or_none()
    return None if row is None else TokenRow(**row._mapping)


def _one(connection: Connection, token_id: str) -> TokenRow:
    return TokenRow(
        **connection.execute(select(tokens).where(tokens.c.id == token_id)).one()._mapping
    )
