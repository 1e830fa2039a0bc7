"""How figures, names and other people's words are written on a terminal."""

from __future__ import annotations

import re

from core.money import to_usd

_CONTROL = re.compile(
    r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2066-\u2069]"
)
NAME_WIDTH = 14


def plain(text: str) -> str:
    """Words of a model or a program without what could move a cursor or hide text."""
    return _CONTROL.sub("", text.replace("\r\n", "\n"))


def one_line(text: str) -> str:
    """The same in one line."""
    return " ".join(plain(text).split())


def clip(text: str, width: int) -> str:
    """At most `width` characters of one line, with an ellipsis where it was cut."""
    line = one_line(text)
    return line if len(line) <= width else line[: max(width - 1, 0)].rstrip() + "…"


def dollars(pico: int) -> str:
    """An amount as people read it: four decimals, or six below a cent."""
    usd = to_usd(pico)
    return f"${usd:.4f}" if usd >= to_usd(10**10) or not usd else f"${usd:.6f}"


def number(value: float | None) -> str:
    """A score with as many digits as are worth reading."""
    if value is None:
        return "–"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3f}" if abs(value) >= 1 else f"{value:.4g}"


def percent(fraction: float | None) -> str:
    """A fraction as signed percent."""
    return "–" if fraction is None else f"{fraction * 100:+.1f} %"


def duration(seconds: float) -> str:
    """Seconds, or minutes and hours when there are many."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {rest:02} s"


def bare(model: str) -> str:
    """The model's own name, without its provider."""
    return model.rpartition(":")[2]


def short_model(model: str) -> str:
    """The telling end of a model's name, at most 14 characters."""
    name = bare(model).rpartition("/")[2]
    parts = [p for p in name.split("-") if not (p.isdigit() and len(p) >= 4)] or [name]
    while len("-".join(parts)) > NAME_WIDTH and len(parts) > 1:
        parts = parts[1:]
    return clip("-".join(parts), NAME_WIDTH)
