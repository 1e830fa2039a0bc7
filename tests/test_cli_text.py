"""Figures, names and foreign words on a terminal."""

from __future__ import annotations

import pytest

from cli.outcome import EVENT_CHARS, outcome, subject
from cli.text import clip, dollars, duration, number, one_line, percent, plain, short_model
from core.money import PICO

ESCAPES = "a\x1b[31mb\x1b[0m\x1b]0;title\x07c\u202ed\x9be\rf\x00"


def test_words_of_a_model_cannot_move_the_cursor_or_hide_text() -> None:
    assert plain(ESCAPES) == "abcdef"
    assert plain("keeps\ttabs\nand lines") == "keeps\ttabs\nand lines"
    assert one_line(" a\n  b\tc ") == "a b c"


@pytest.mark.parametrize(
    ("text", "width", "shown"), [("short", 5, "short"), ("longer", 5, "long…"), ("a\nb", 9, "a b")]
)
def test_clipping_never_passes_the_width(text: str, width: int, shown: str) -> None:
    assert clip(text, width) == shown


@pytest.mark.parametrize(
    ("model", "short"),
    [
        ("replay:google_genai:gemini-2.5-flash-lite", "2.5-flash-lite"),
        ("openai:gpt-4-0125-preview", "gpt-4-preview"),
        ("openai:gpt-5.4", "gpt-5.4"),
        ("local:org/Mixtral-8x7B", "Mixtral-8x7B"),
        ("local:averyveryverylongname", "averyveryvery…"),
    ],
)
def test_short_names_keep_the_telling_end(model: str, short: str) -> None:
    assert short_model(model) == short


@pytest.mark.parametrize(
    ("pico", "shown"),
    [(0, "$0.0000"), (123_456_789, "$0.000123"), (PICO // 100, "$0.0100"), (PICO * 3, "$3.0000")],
)
def test_dollars(pico: int, shown: str) -> None:
    assert dollars(pico) == shown


def test_figures() -> None:
    assert [number(x) for x in (None, 21934.2, 1.35, 0.1119)] == ["–", "21,934", "1.350", "0.1119"]
    assert [percent(x) for x in (None, 0.917, -0.5)] == ["–", "+91.7 %", "-50.0 %"]
    assert [duration(x) for x in (3.14, 75, 7265)] == ["3.1 s", "1 min 15 s", "2 h 01 min"]


@pytest.mark.parametrize(
    ("observation", "gist"),
    [
        (
            "The script ended with exit code 0 after 1.4 s.\n\nStandard output:\nfirst\nMAE 5\n\n"
            "Standard error:\na warning",
            "exit 0 in 1.4 s: MAE 5",
        ),
        (
            "The script ended with exit code 1 after 0.2 s.\n\nStandard output:\nx\n\n"
            "Standard error:\nTraceback\nValueError: no",
            "exit 1 in 0.2 s: ValueError: no",
        ),
        ("The script was stopped after 9.0 s: too long.", "stopped at 9.0 s: : too long."),
        ("--- a (before)\n+++ a (after)\n@@ -1 +1,2 @@\n-x\n+y\n+z", "+2 -1 lines"),
        ("one\ntwo", "one two"),
    ],
)
def test_the_gist_of_an_observation(observation: str, gist: str) -> None:
    assert outcome({"observation": observation}) == gist


def test_the_size_of_a_cut_edit_is_a_lower_bound() -> None:
    observation = ("--- a (before)\n+++ a (after)\n" + "+x\n" * EVENT_CHARS)[:EVENT_CHARS]
    assert outcome({"observation": observation}).endswith("lines or more")


def test_a_step_in_which_nothing_ran_says_so() -> None:
    assert outcome({"observation": "no\naction", "executed": False}) == "nothing run: no action"


def test_an_action_is_shown_with_its_file_only() -> None:
    assert subject("Execute Script", {"script_name": "train.py"}) == "Execute Script train.py"
    given = {"edit_instruction": "all", "script_name": "a.py", "save_name": "b.py"}
    assert subject("Edit Script (AI)", given) == "Edit Script (AI) a.py"
    assert subject("List Files", {"dir_path": "."}) == "List Files"
    assert subject("Understand File", {"file_name": 3}) == "Understand File "[:-1]
