"""What reading one planner reply gives: a step to execute, or a refusal that says why not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

PROSE: Final = ("Reflection", "Research Plan and Status", "Fact Check", "Thought")
ENTRIES: Final = (*PROSE, "Action", "Action Input")
"""The six entries of a reply in the order of the paper's protocol (arXiv 2411.07464, section 3)."""

RefusalKind = Literal["empty", "truncated", "missing_entry", "order", "unknown_action", "echo"]

RECOVERIES: Final = {
    "label_markup": "a label is bold, a heading, a bullet or numbered",
    "label_case": "a label is written in other letters (case, underscore)",
    "label_colon": "a label has no colon",
    "entry_missing": "some of the four prose entries have no label",
    "entry_order": "the prose entries come in another order",
    "repeated_label": "a prose label occurs again before the action; the nearest one counts",
    "echo_skipped": "the format instructions were repeated before the step",
    "action_markup": "the action name is wrapped in markdown, quotes or punctuation",
    "action_case": "the action name is written in another case",
    "input_markup": "a bullet or inline code mark stands around the input",
    "input_fence": "the input stands in a code fence",
    "unclosed_fence": "the fence around the input is never closed",
    "raw_newline": "a string holds raw line breaks or other control characters",
    "triple_quotes": "a string is triple-quoted; its characters are taken verbatim",
    "single_quotes": "a string is single-quoted",
    "python_words": "True, False or None instead of true, false or null",
    "trailing_comma": "a comma stands before a closing bracket",
    "lone_backslash": "a backslash starts no escape and stays as written",
    "missing_brace": "only the last closing brace is missing",
    "key_spelling": "a key differs from the required one in case, spaces or hyphens only",
    "trailing_text": "text follows the input",
    "run_on": "the reply runs on past its own observation line",
}
"""Every recovery rule of the default reader, with what it forgives."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A readable step: its action is offered and was named on an action line."""

    entries: dict[str, str]
    """The prose entries that are there, as given but for surrounding white space."""
    action: str
    """The offered name, in the spelling in which it is offered."""
    action_input: dict[str, Any]
    """JSON values by required key, never altered; empty when `input_error` is set."""
    input_text: str
    """The action input as the reply gives it."""
    recovered: tuple[str, ...]
    """Names from `RECOVERIES` in the order of need; empty for a clean reply."""
    input_error: str | None
    """Why the action must not run although the entries are there (rule R14), for the model."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A reply that gives no step."""

    reason: str
    """One or two sentences for the model and the user: what is wrong and what to do."""
    kind: RefusalKind
    missing: tuple[str, ...]
    """The entries that are not there, in protocol order."""
