"""Reads the action input of a planner reply: JSON first, then JSON as models really write it."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, NoReturn

_MARK: Final = re.compile(r"[\s*+>-]*+")
_FENCE: Final = re.compile(r"(`++)(?:json|python)?\s*+", re.I)
_CLOSING: Final = re.compile(r"\s*+`++")
_OBSERVATION: Final = re.compile(r"^[ \t*_#>+-]*+Observation[*_]*+[ \t]*+(?::|\r?$)", re.I | re.M)
_OVER: Final = re.compile(r"```|Observation\b|\Z", re.I)
_BARE: Final = re.compile(
    r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|(?:true|false|null|True|False|None)\b"
)
_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_BODY: Final = {q: re.compile(rf"(?:[^{q}\\]++|\\.)*+{q}", re.S) for q in "\"'"}
_CONTROL: Final = re.compile(r"[\x00-\x1f]")
_ESCAPED: Final = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.S)
_ESCAPES: Final = dict(zip('"\\bfnrt', '"\\\b\f\n\r\t', strict=True))
_AMBIGUOUS: Final = frozenset("/'avxNUu01234567\r\n")
"""What follows a backslash that JSON and Python decode differently."""
_PYTHON_WORDS: Final = {"True": True, "False": False, "None": None}
_MAX_DEPTH: Final = 32


@dataclass(frozen=True, slots=True)
class InputRead:
    """The outcome of reading one action input."""

    values: dict[str, Any]
    """The object as given, before its keys are compared with the required ones."""
    text: str
    """The raw text of the input with its marks and fences."""
    recovered: tuple[str, ...]
    error: str | None
    """What stopped the reading, as the end of a sentence."""


class _UnreadableError(ValueError):
    """Ends a reading; its message completes the sentence 'it cannot be read: ...'."""


def read_input(text: str, start: int) -> InputRead:
    """Read the object that begins at `start`, after an `Action Input` label; never raises.

    What follows the object is ignored and named in `recovered`; linear in the length of `text`.
    """
    mark = _taken(_MARK, text, start)
    opening = _taken(_FENCE, text, start + len(mark))
    ticks = opening.count("`")
    used = ["input_markup"] if mark.strip() or ticks in {1, 2} else []
    if ticks > 2:
        used.append("input_fence")
    try:
        values, end = _read_object(text, start + len(mark + opening), used)
        # Python reads NaN, 1e999 and half surrogate pairs, which no store or file can hold.
        json.dumps(values, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        stop = _OBSERVATION.search(text, start)
        raw = text[start : stop.start() if stop else None].strip()
        return InputRead({}, raw, tuple(dict.fromkeys(used)), str(error))
    end = _note_rest(text, end, ticks, used)
    return InputRead(values, text[start:end].strip(), tuple(dict.fromkeys(used)), None)


def _taken(pattern: re.Pattern[str], text: str, start: int) -> str:
    found = pattern.match(text, start)
    return found[0] if found else ""


def _read_object(text: str, begin: int, used: list[str]) -> tuple[dict[str, Any], int]:
    if not text.startswith("{", begin):
        over = begin >= len(text)
        raise _UnreadableError("the reply ends there" if over else "it does not begin with {")
    try:
        return _STRICT.raw_decode(text, begin)
    except (ValueError, RecursionError):
        scanner = _Scanner(text, begin, used)
        return scanner.read_object(0), scanner.pos


def _note_rest(text: str, end: int, ticks: int, used: list[str]) -> int:
    """Return where the input ends, its closing fence included; name what comes after."""
    closing = _taken(_CLOSING, text, end) if ticks else ""
    if ticks and not closing:
        used.append("unclosed_fence")
    end += len(closing)
    stop = _OBSERVATION.search(text, end)
    if text[end : stop.start() if stop else None].strip():
        used.append("trailing_text")
    if stop and text[stop.end() :].strip(" \t\r\n*_"):
        used.append("run_on")
    return end


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _UnreadableError("a key is given twice")
    return found


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_unique)


def _character(escape: str, quote: str) -> str:
    if len(escape) > 1:
        return chr(int(escape[1:], 16))
    return _ESCAPES.get(escape, escape if escape == quote else f"\\{escape}")


@dataclass(slots=True)
class _Scanner:
    """Recursive descent over near-JSON; every leniency it needs is noted in `used`."""

    text: str
    pos: int
    used: list[str]

    def read_object(self, depth: int) -> dict[str, Any]:
        pairs: list[tuple[str, Any]] = []
        self.pos += 1
        while self._skip() != "}":
            key = self._string()
            if self._skip() != ":":
                self._fail("a colon is missing after a key")
            self.pos += 1
            pairs.append((key, self._value(depth + 1)))
            if not depth and self._brace_missing():
                return _unique(pairs)
            self._comma("}")
        self.pos += 1
        return _unique(pairs)

    def _array(self, depth: int) -> list[Any]:
        items: list[Any] = []
        self.pos += 1
        while self._skip() != "]":
            items.append(self._value(depth + 1))
            self._comma("]")
        self.pos += 1
        return items

    def _value(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            self._fail("it is nested too deeply")
        char = self._skip()
        if char == "{":
            return self.read_object(depth)
        if char == "[":
            return self._array(depth)
        return self._string() if char in {'"', "'"} else self._bare()

    def _bare(self) -> Any:
        word = _taken(_BARE, self.text, self.pos)
        if not word:
            self._fail("a value is missing or not quoted")
        self.pos += len(word)
        if word in _PYTHON_WORDS:
            self.used.append("python_words")
            return _PYTHON_WORDS[word]
        return json.loads(word)

    def _string(self) -> str:
        quote = self._skip()
        if quote not in {'"', "'"}:
            self._fail("a quoted key is missing")
        if self.text.startswith(quote * 3, self.pos):
            return self._triple(quote * 3)
        body = _taken(_BODY[quote], self.text, self.pos + 1)
        self.pos = self.pos + 1 + len(body) if body else len(self.text)
        if not body:
            self._fail("a string is never closed")
        self._note(single_quotes=quote == "'", raw_newline=bool(_CONTROL.search(body)))
        return self._decode(body[:-1], quote)

    def _decode(self, raw: str, quote: str) -> str:
        """Decode what JSON decodes; refuse where the writer may have meant a plain backslash."""
        escapes = set(_ESCAPED.findall(raw)) - {quote}
        lone = {one for one in escapes if one not in _ESCAPES and len(one) == 1}
        letters = escapes - lone - {'"', "\\"}
        if lone & _AMBIGUOUS or (lone and letters):
            self._fail("a backslash in a string can be read in two ways; write it as \\\\")
        self._note(lone_backslash=bool(lone))
        decoded = _ESCAPED.sub(lambda found: _character(found[1], quote), raw)
        return decoded.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")

    def _triple(self, quotes: str) -> str:
        end = self.text.find(quotes, self.pos + 3)
        if end < 0:
            self._fail("a triple-quoted string is never closed")
        value = self.text[self.pos + 3 : end]
        self.used.append("triple_quotes")
        self.pos = end + 3
        return value

    def _note(self, **needed: bool) -> None:
        self.used.extend(rule for rule, is_needed in needed.items() if is_needed)

    def _skip(self) -> str:
        """Pass white space and return the next character, empty at the end."""
        self.pos += len(_taken(_SPACE, self.text, self.pos))
        return self.text[self.pos : self.pos + 1]

    def _comma(self, bracket: str) -> None:
        char = self._skip()
        if char not in {",", bracket}:
            self._fail(f"a comma or {bracket} is missing")
        if char == ",":
            self.pos += 1
            if self._skip() == bracket:
                self.used.append("trailing_comma")

    def _brace_missing(self) -> bool:
        """Whether only the outer brace is missing: its last value ends itself and nothing follows.

        A number may have been cut, and a string with raw line breaks may have swallowed the brace.
        """
        before = self.text[self.pos - 1]
        self._skip()
        over = before in "\"'}]" and _OVER.match(self.text, self.pos)
        if not over or "raw_newline" in self.used:
            return False
        self.used.append("missing_brace")
        return True

    def _fail(self, reason: str) -> NoReturn:
        over = self.pos >= len(self.text)
        raise _UnreadableError("the reply ends before the object does" if over else reason)
