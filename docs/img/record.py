"""Draws a stored run as the terminal shows it: `python docs/img/record.py RUN docs/img/demo.svg`.

Everything is read from the run's own events; only the home folder is shown as its default.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

from cli.narrate import Narrator
from cli.opening import opening
from cli.reporting import print_report
from core.config import RunConfig
from core.settings import Settings
from graph.report import build_report
from store.database import Store

WIDTH = 100
CELL = 12.2
"""Width of a character in the picture."""
SHOWN_HOME = Path("~/.local/share/budgetml/runs")
TEMPLATE = """\
<svg viewBox="0 0 {terminal_width} {terminal_height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{ font: {char_height}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono",
  monospace; line-height: {line_height}px; font-variant-east-asian: full-width; }}
{styles}
</style>
<defs>{lines}</defs>
<rect fill="#191919" width="100%" height="100%" rx="8"/>
<g transform="translate(14 14) scale(0.977)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g></g></svg>
"""


def draw(store: Store, run_id: str) -> str:
    """The SVG of a run's opening, its steps and its report."""
    console = Console(
        record=True, width=WIDTH, file=io.StringIO(), force_terminal=True, color_system="truecolor",
        highlight=False, emoji=False,
    )  # fmt: skip
    row = store.runs.get(run_id)
    narrator = Narrator(RunConfig.model_validate(row.config), WIDTH)
    opening(console, row)
    for event in store.events.read(run_id, limit=100_000):
        lines = narrator.tell(event)
        if "text" not in event.data:  # a terminal shows a script's output only while it runs
            for line in lines:
                console.print(line, soft_wrap=True)
    print_report(console, build_report(store, run_id), SHOWN_HOME)
    picture = console.export_svg(theme=DIMMED_MONOKAI, code_format=TEMPLATE, unique_id="demo")
    return re.sub(
        r'x="([\d.]+)"( y="[\d.]+") textLength="([\d.]+)"([^>]*>)((?:&#160;)+)', _shifted, picture
    )


def _shifted(found: re.Match[str]) -> str:
    """Indentation as a position: not every viewer keeps spaces at the start of a text."""
    x, y, length, rest, spaces = found.groups()
    shift = CELL * spaces.count(";")
    return f'x="{float(x) + shift:g}"{y} textLength="{float(length) - shift:g}"{rest}'


def main() -> None:
    """Write the picture of one run of BUDGETML_HOME."""
    run_id, target = sys.argv[1:]
    with Store.open(Settings().database) as store:
        Path(target).write_text(draw(store, run_id), encoding="utf-8")


if __name__ == "__main__":
    main()
