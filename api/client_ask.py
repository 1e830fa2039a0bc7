"""What a client asks and how it reads the answer, without carrying anything out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

import httpx
from pydantic import TypeAdapter, ValidationError

from api.client_errors import not_ours

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Ask(Generic[T]):
    """One request and how its answer is read."""

    method: str
    path: str
    read: Callable[[httpx.Response], T]
    params: Mapping[str, Any]
    """Those that are None are left out."""
    body: Mapping[str, Any] | None = None
    key: str | None = None
    """Idempotency key."""

    @property
    def repeatable(self) -> bool:
        """Asking again after a lost connection does nothing twice."""
        return self.method == "GET" or self.key is not None

    def request(self) -> dict[str, Any]:
        """Arguments of httpx's `request`."""
        params = {name: value for name, value in self.params.items() if value is not None}
        headers = {"Idempotency-Key": self.key} if self.key else {}
        found = {"method": self.method, "url": self.path, "params": params, "headers": headers}
        return found if self.body is None else found | {"json": self.body}


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """A part of a list."""

    items: list[T]
    next: Mapping[str, Any] | None
    """Parameters of the page after this one; None after the last."""


@dataclass(frozen=True, slots=True)
class Walk(Generic[T]):
    """A list that comes page by page."""

    path: str
    kind: type[list[T]]
    turn: Callable[[Mapping[str, Any], list[T]], Mapping[str, Any] | None]
    """From a page's body and its items to the `next` of the page."""
    params: Mapping[str, Any]

    def page(self, more: Mapping[str, Any]) -> Ask[Page[T]]:
        """What asks for the page with these parameters."""

        def read(answer: httpx.Response) -> Page[T]:
            items = part("items", self.kind)(answer)
            return Page(items, self.turn(_object(answer), items))

        return Ask("GET", self.path, read, {**self.params, **more})


def whole(kind: type[T]) -> Callable[[httpx.Response], T]:
    """Reads the object that was answered; raises ServiceError when it is another."""
    return lambda answer: _checked(kind, _object(answer), answer)


def part(name: str, kind: type[T]) -> Callable[[httpx.Response], T]:
    """Reads one member of the object that was answered; raises ServiceError."""
    return lambda answer: _checked(kind, _object(answer).get(name), answer)


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise not_ours(answer.status_code, f"{answer.url.path} answered no JSON object")
    return found


def _checked(kind: type[T], value: object, answer: httpx.Response) -> T:
    known: Any = kind  # mypy doubts that a type[T] is hashable
    try:
        found: T = adapter(known).validate_python(value)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        place = ".".join(str(at) for at in first["loc"])
        text = f"{answer.url.path}: {place}: {first['msg']}"
        raise not_ours(answer.status_code, text) from None
    return found


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """What checks and builds values of a type; made when first needed, because it takes time."""
    return TypeAdapter(kind)
