"""Makes the output of a program safe to show and small enough to keep, as it streams by."""

from __future__ import annotations

import codecs
import re

ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\`-~])"
)
UNFINISHED_ESCAPE = re.compile(
    r"\x1b(?:\[[0-?]{0,64}[ -/]{0,8}|[\]PX^_][^\x07\x1b]{0,4000}\x1b?|[ -/]{0,8})?\Z"
)
CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
LONGEST_LINE = 65536


class Cleaner:
    """Bytes to text without terminal escapes and control characters, over any chunk borders."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """What can be shown by now; tabs, newlines and carriage returns stay."""
        text = ESCAPE.sub("", self._held + self._decoder.decode(data, final))
        unfinished = None if final else UNFINISHED_ESCAPE.search(text)
        self._held = text[unfinished.start() :] if unfinished else ""
        return CONTROL.sub("", text[: len(text) - len(self._held)])


class Kept:
    """The first and the last part of a text; of a line drawn over itself, the last drawing."""

    def __init__(self, most_bytes: int) -> None:
        self._half = max(most_bytes // 2, 1)
        self._head = bytearray()
        self._tail = bytearray()
        self._dropped = 0
        self._line = ""

    def add(self, text: str) -> None:
        """Take a piece of any length."""
        *lines, rest = (self._line + text).split("\n")
        self._store("".join(_last_drawing(line.rstrip("\r")) + "\n" for line in lines))
        drawn, ending = rest.rstrip("\r"), "\r" if rest.endswith("\r") else ""
        self._line = _last_drawing(drawn) + ending
        if len(self._line) > LONGEST_LINE:
            self._store(self._line.rstrip("\r"))
            self._line = ""

    def finish(self) -> str:
        """Everything kept, with a note where something is missing; nothing may be added after."""
        self._store(_last_drawing(self._line.rstrip("\r")))
        self._shorten_tail(self._half)
        note = f"\n[... {self._dropped} bytes left out ...]\n" if self._dropped else ""
        return (self._head + note.encode() + self._tail).decode(errors="ignore")

    def _store(self, text: str) -> None:
        content = text.encode(errors="replace")
        room = self._half - len(self._head)
        self._head += content[:room]
        self._tail += content[room:]
        if len(self._tail) > 2 * self._half:
            self._shorten_tail(self._half)

    def _shorten_tail(self, most: int) -> None:
        extra = max(len(self._tail) - most, 0)
        del self._tail[:extra]
        self._dropped += extra


def _last_drawing(line: str) -> str:
    return line.rpartition("\r")[2]
