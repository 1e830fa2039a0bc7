"""Tapes: the recorded calls of a run as JSON lines, to play again for nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from core.calls import CallKey, Purpose
from core.errors import InvalidFile
from core.money import Usage
from models.identity import describe

Finish = Literal["stop", "length", "blocked", "unknown"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


P = TypeVar("P", bound=_Part)


class TapeUsage(_Part):
    """Tokens of a recorded call; `input` and `output` include all the others."""

    input: int = Field(ge=0)
    output: int = Field(ge=0)
    cache_read: int = Field(default=0, ge=0)
    cache_write: int = Field(default=0, ge=0)
    reasoning: int = Field(default=0, ge=0)

    def usage(self) -> Usage:
        """The same figures as the meter takes them."""
        return Usage(self.input, self.output, self.cache_read, self.cache_write, self.reasoning)


class TapeError(_Part):
    """A failure to play instead of the reply, or before it."""

    kind: Literal["transient", "permanent", "overflow", "broken", "blocked"]
    reason: str = "a failure written on the tape"
    times: int = Field(default=1, ge=1)
    """Attempts that fail before the row's reply is given; without a reply every attempt fails."""
    billed: bool = False
    retry_after_s: float | None = Field(default=None, ge=0)


class TapeRow(_Part):
    """One recorded call."""

    step: int = Field(ge=0)
    tier: int = Field(ge=0)
    try_no: int = Field(default=0, ge=0, alias="try")
    purpose: Purpose
    ordinal: int = Field(default=0, ge=0)
    model: str = ""
    reply: str | None = None
    finish: Finish = "stop"
    usage: TapeUsage | None = None
    request_sha256: str = ""
    error: TapeError | None = None

    @property
    def key(self) -> CallKey:
        """What a call is matched by; the request's hash is only compared."""
        return CallKey(self.step, self.tier, self.try_no, self.purpose, self.ordinal)


class TapeHeader(_Part):
    """First line of a tape."""

    tape: Literal[1]
    task_id: str
    note: str = ""
    """Where the replies come from; a tape written by hand says so."""


@dataclass(frozen=True, slots=True)
class Tape:
    """The replies of one run by call key."""

    header: TapeHeader
    rows: Mapping[CallKey, TapeRow]
    """In the order of the file."""
    sha256: str
    """Of the file's bytes; shipped tapes are trusted by it."""

    @classmethod
    def read(cls, path: Path) -> Tape:
        """The tape in a file; InvalidFile with the line for anything that cannot be played."""
        try:
            content = path.read_bytes()
            lines = content.decode("utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidFile(f"the tape {path} cannot be read ({error}); check it") from error
        header = _parse(TapeHeader, path, 1, lines[0])
        rows: dict[CallKey, TapeRow] = {}
        for number, line in enumerate(lines[1:], start=2):
            if not line.strip():
                continue
            row = _parse(TapeRow, path, number, line)
            if row.reply is None and row.error is None:
                raise InvalidFile(f"{path}, line {number}: give the row a `reply` or an `error`")
            if row.key in rows:
                raise InvalidFile(f"{path}, line {number}: a second row for {describe(row.key)}")
            rows[row.key] = row
        return cls(header, rows, hashlib.sha256(content).hexdigest())

    def find(self, key: CallKey) -> TapeRow | None:
        """The row of a call, or None."""
        return self.rows.get(key)


def _parse(model: type[P], path: Path, number: int, line: str) -> P:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "line"
        raise InvalidFile(f"{path}, line {number}, {where}: {first['msg']}; correct it") from error
