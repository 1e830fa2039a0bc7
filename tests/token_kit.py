"""Tokens of a service under test."""

from __future__ import annotations

from typing import Any

from api_kit import Api

from store.tokens import NewToken, Scope


def bearer(token: str) -> dict[str, str]:
    """The header that shows it."""
    return {"Authorization": f"Bearer {token}"}


def token(api: Api, name: str = "ci", scope: Scope = "admin", **more: Any) -> str:
    """A new token."""
    return api.made.services.store.tokens.create(NewToken(name=name, scope=scope, **more))[0]
