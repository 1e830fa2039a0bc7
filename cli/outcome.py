"""What came of a step, in a few words for its line."""

from __future__ import annotations

import re
from typing import Any

from cli.text import one_line, plain

_ENDED = re.compile(r"The script (?:ended with exit code (-?\d+)|was stopped) after ([\d.]+) s\.?")
_STDERR = "\n\nStandard error:\n"
EVENT_CHARS = 2000
"""An event carries this much of an observation; the whole of it is with the step."""
_SKIPPED = ("Standard output:", "Standard error:")


def subject(action: str, given: dict[str, Any]) -> str:
    """The action with the file it is about."""
    named = [v for k, v in given.items() if k.endswith(("_name", "_path", "source"))]
    target = next((v for v in named if isinstance(v, str) and v != "."), "")
    return one_line(f"{action} {target}")


def outcome(data: dict[str, Any]) -> str:
    """The gist of an observation: how a script ended and its last line, or the size of an edit."""
    text = plain(str(data.get("observation", ""))).lstrip()
    if not data.get("executed", True):
        return f"nothing run: {one_line(text)}"
    ended = _ENDED.match(text)
    if ended:
        return _of_script(ended, text)
    if text.startswith("--- "):
        return _of_edit(text)
    return one_line(text)


def _of_script(ended: re.Match[str], text: str) -> str:
    code, seconds = ended.groups()
    how = f"stopped at {seconds} s" if code is None else f"exit {code} in {seconds} s"
    said = text if code not in {None, "0"} else text.partition(_STDERR)[0]
    lines = [x.strip() for x in said[ended.end() :].splitlines() if x.strip()]
    last = next((x for x in reversed(lines) if x not in _SKIPPED), "")
    return f"{how}: {one_line(last)}" if last else how


def _of_edit(text: str) -> str:
    changed = [x for x in text.splitlines() if not x.startswith(("---", "+++"))]
    added = sum(x.startswith("+") for x in changed)
    removed = sum(x.startswith("-") for x in changed)
    cut = " or more" if len(text) >= EVENT_CHARS else ""
    return f"+{added} -{removed} lines{cut}"
