"""One Jinja template per prompt, rendered strictly: a missing variable is an error."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

FOLDER = Path(__file__).parent
SUFFIX = ".md.j2"


def names() -> list[str]:
    """Every prompt there is."""
    return sorted(p.name.removesuffix(SUFFIX) for p in FOLDER.glob(f"*{SUFFIX}"))


def render(name: str, **variables: Any) -> str:
    """The text of a prompt.

    Raises:
        jinja2.UndefinedError: a variable the template uses was not given.
        jinja2.TemplateNotFound: no such prompt.
    """
    return _environment().get_template(name + SUFFIX).render(**variables).strip() + "\n"


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(FOLDER),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
