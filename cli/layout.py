"""Where things stand in the lines of a run: columns for steps, an indent for all between them."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from rich.cells import set_cell_size
from rich.text import Text

from cli.text import NAME_WIDTH, clip, one_line

STEP, MODEL, ACTION, FIGURES = 6, NAME_WIDTH + 1, 29, 24
"""Widths in characters; what came of a step takes the rest of the line."""
NOTE_LINES = 4


@dataclass(frozen=True, slots=True)
class Layout:
    """Lines for a terminal of this width."""

    width: int

    def columns(self, *cells: str) -> str:
        """One line of the seven cells step, model, action, outcome, dollars, lifelines, best."""
        step, model, action, what, spent, lifelines, best = cells
        rest = max(self.width - STEP - MODEL - ACTION - FIGURES, 12)
        fitted = (
            set_cell_size(model, MODEL),
            set_cell_size(clip(action, ACTION - 1), ACTION),
            set_cell_size(clip(what, rest), rest),
        )
        return f"{step:>4}  {''.join(fitted)} {spent:>9} {lifelines:>4} {best:>8}"

    def step(self, cells: tuple[str, ...], *, strong: bool, failed: bool) -> Text:
        """The line of a step, coloured by who planned it and whether it failed."""
        text = Text(self.columns(*cells))
        text.stylize("dim", 0, STEP)
        text.stylize("magenta" if strong else "cyan", STEP, STEP + MODEL)
        if failed:
            text.stylize("red", STEP + MODEL + ACTION, -FIGURES)
        return text

    def note(self, mark: str, words: str, style: str) -> Text:
        """Something between two steps, over at most four lines."""
        filled = textwrap.fill(
            one_line(words),
            max(self.width, 40),
            initial_indent=f"{'':{STEP}}{mark} ",
            subsequent_indent=" " * (STEP + 2),
            max_lines=NOTE_LINES,
            placeholder=" …",
        )
        return Text(filled, style)

    def output(self, line: str) -> Text:
        """A line a script wrote."""
        return Text(f"{'':{STEP}}│ {clip(line, self.width - STEP - 2)}", "dim")
