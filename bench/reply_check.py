"""Reads a reply a second time, in the simplest way, so that the parser is not its own judge."""

from __future__ import annotations

import ast
import json
import re
import warnings
from typing import Any

from core.reply import Reply


def stands_in(text: str, reply: Reply) -> bool:
    """Whether the first filled-in pair of action lines of `text` gives this action and values."""
    lines = text.splitlines(keepends=True)
    words = [_words(line) for line in lines]
    named = ""
    for index, line in enumerate(words):
        if line.startswith("action input"):
            before, brace, block = "".join(lines[index:]).partition("{")
            if brace and _words(before) in {"action input", "action input json"}:
                return named == _words(reply.action) and _gives(brace + block, reply.action_input)
        elif line.startswith("action"):
            following = next((later for later in words[index + 1 :] if later), "")
            named = line.removeprefix("action").strip() or following
    return False


def _words(line: str) -> str:
    return re.sub(r"^[0-9]+ ", "", re.sub(r"[^a-z0-9()]+", " ", line.casefold()).strip())


def _gives(block: str, values: dict[str, Any]) -> bool:
    literal = _literal(block)
    if literal is None:
        return all(_occurs(leaf, block) for leaf in _leaves(values))
    return _by_plain_key(literal) == _by_plain_key(values)


def _literal(block: str) -> dict[str, Any] | None:
    """Read `block` as JSON, else up to one of its braces as a Python literal, else not at all."""
    try:
        return dict(json.JSONDecoder(strict=False).raw_decode(block)[0])
    except ValueError:
        ends = [brace.end() for brace in re.finditer("}", block)][:20]
    verbatim = re.search("\"{3}|'{3}", block)
    for end in [] if verbatim else ends:
        with warnings.catch_warnings(action="ignore"):
            try:
                return dict(ast.literal_eval(block[:end]))
            except (ValueError, SyntaxError):
                continue
    return None


def _by_plain_key(values: dict[str, Any]) -> dict[str, Any]:
    return {re.sub(r"[\W_]", "", key).casefold(): value for key, value in values.items()}


def _leaves(value: Any) -> list[Any]:
    inner = list(value.values()) if isinstance(value, dict) else value
    return [leaf for one in inner for leaf in _leaves(one)] if isinstance(inner, list) else [value]


def _occurs(leaf: Any, block: str) -> bool:
    if not isinstance(leaf, str):
        return json.dumps(leaf) in block or repr(leaf) in block
    forms = {leaf, json.dumps(leaf)[1:-1], json.dumps(leaf, ensure_ascii=False)[1:-1]}
    single = [f"(?<!{q}){q}{re.escape(form)}{q}(?!{q})" for q in "\"'" for form in forms]
    return (
        f'"""{leaf}"""' in block
        or f"'''{leaf}'''" in block
        or any(re.search(pattern, block) for pattern in single)
    )
