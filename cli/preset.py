"""`budgetml presets show`: every field of a preset, ready to be copied into a file of one's own."""

from __future__ import annotations

import yaml
from rich.syntax import Syntax
from rich.text import Text

from cli.console import console, print_json
from cli.options import PresetArgs
from core.presets import load_preset


def main(args: PresetArgs) -> None:
    """Print it as YAML, or as JSON."""
    config = load_preset(args.preset).model_dump(mode="json")
    if args.json:
        print_json(config)
        return
    text, shown = yaml.safe_dump(config, sort_keys=False, allow_unicode=True, width=90), console()
    if shown.is_terminal:
        shown.print(Syntax(text, "yaml", background_color="default"))
    else:
        shown.print(Text(text.rstrip("\n")), soft_wrap=True)
