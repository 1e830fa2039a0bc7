"""Takes the one code block out of an editor's reply; a cut or missing one is refused."""

from __future__ import annotations

import re

_OPENING = re.compile(r"^(`{3,}|~{3,})[ \t]*(?:python3?|py)?[ \t]*$", re.IGNORECASE)


def code_block(reply: str) -> str | None:
    """The text of the first fenced block up to the last fence that closes it; None if incomplete.

    Inner fences (a docstring with a code sample) stay in the text: the block ends at the last
    line that is exactly the opening fence.
    """
    lines = reply.replace("\r\n", "\n").split("\n")
    start = next((i for i, line in enumerate(lines) if _OPENING.match(line.strip())), None)
    if start is None:
        return None
    fence = lines[start].strip()[:3]
    ends = [i for i in range(start + 1, len(lines)) if lines[i].strip() == fence]
    if not ends:
        return None
    body = lines[start + 1 : ends[-1]]
    return "\n".join(body) + "\n" if any(line.strip() for line in body) else None
