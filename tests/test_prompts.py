"""Every prompt renders strictly, and the planner's says what the method needs, in its order."""

from __future__ import annotations

import re
from typing import Any

import pytest
from jinja2 import TemplateNotFound, UndefinedError

from core.actions import ActionSpec
from core.reply import ENTRIES
from nodes.prompting import HELP_SPEC
from nodes.workers import WORKERS
from prompts import names, render

STEP = {"number": 4, "entries": {"Thought": "t"}, "action": "a", "input": "{}", "observation": "o"}
BLOCK = {"index": 1, "total": 2, "text": "TEXT"}
FILE = {"file_name": "f.csv", "question": "q", "start": 1, "end": 9}
SAMPLES: dict[str, dict[str, Any]] = {
    "edit": {
        "script_name": "a.py", "text": "x = 1", "instruction": "make x 2", "segment": (2, 3),
        "feedback": "no block",
    },
    "expert": {"request": "stuck", "last_error": "E", "lifelines": 0, "advice": False},
    "history": {"steps": [STEP], "skipped": 3},
    "log_entry": {"entries": "e", "action": "a", "action_input": "{}", "observation": "o"},
    "plan": {"actions": [w.spec for w in WORKERS.values()], "brief": "THE BRIEF"},
    "profile_assistant": {},
    "profile_expert": {},
    "profile_planner": {},
    "recall": {"log": "l", "plan": "p"},
    "recalled": {"summary": "s"},
    "reflect": {"log": "l", "question": "q"},
    "summarise_block": BLOCK | {"action": "a", "action_input": "{}"},
    "summarise_merge": {"parts": ["one", "two"]},
    "tail": {"first": False, "lifelines": 2, "feedback": "bad"},
    "understand_block": BLOCK | FILE,
    "understand_merge": {"file_name": "f.csv", "parts": ["one", "two"], "question": "q"},
}  # fmt: skip
TABLE_1 = {
    "profile_planner": "You are a planner for solving machine learning tasks.",
    "profile_expert": "You are an expert in planning for solving machine learning tasks.",
}


def test_every_prompt_has_a_sample() -> None:
    assert names() == sorted(SAMPLES)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_value_reaches_the_text_and_no_markup_is_left(name: str) -> None:
    text = render(name, **SAMPLES[name])
    assert not re.search(r"{%|{{|%}|}}", text)
    assert text.endswith("\n")
    assert "\n\n\n" not in text
    for value in SAMPLES[name].values():
        if isinstance(value, str):
            assert value in text


@pytest.mark.parametrize("name", [n for n, given in SAMPLES.items() if given])
def test_a_value_that_was_forgotten_is_an_error_and_not_an_empty_text(name: str) -> None:
    with pytest.raises(UndefinedError):
        render(name)


def test_an_unknown_prompt_is_an_error() -> None:
    with pytest.raises(TemplateNotFound):
        render("plann")


@pytest.mark.parametrize("name", TABLE_1)
def test_the_profiles_are_those_of_table_1(name: str) -> None:
    assert render(name).strip() == TABLE_1[name]


def test_the_workers_profiles_are_those_of_table_1() -> None:
    profiles = {name: worker.spec.profile for name, worker in WORKERS.items()}
    assert profiles["Understand File"].endswith("files containing both code and natural language.")
    assert profiles["Edit Script (AI)"] == "You are an expert in editing code files."
    assert profiles["Reflection"].startswith("You are an expert in reflecting on previous actions")
    assert not any(profiles[name] for name in ("List Files", "Execute Script", "Final Answer"))


def test_the_planner_reads_tools_task_instructions_and_format_in_this_order() -> None:
    text = render("plan", **SAMPLES["plan"])
    places = [text.index(part) for part in ("# Actions", "THE BRIEF", "# How", "# Form")]
    assert places == sorted(places)
    entries = [text.index(f"\n{label}: ") for label in ENTRIES]
    assert entries == sorted(entries)
    assert entries[0] > places[-1]


@pytest.mark.parametrize("spec", [*(w.spec for w in WORKERS.values()), HELP_SPEC])
def test_an_action_is_shown_with_its_keys_and_what_it_returns(spec: ActionSpec) -> None:
    text = render("plan", actions=[spec], brief="b")
    shown = text[text.index("# Actions") : text.index("# Task")]
    assert f"## {spec.name}\n{spec.description}" in shown
    assert re.findall(r'^  "(\w+)": ', shown, re.MULTILINE) == list(spec.usage)
    assert f"Returns: {spec.returns}" in shown


def test_what_changes_with_every_call_stands_at_the_end() -> None:
    first = render("tail", first=True, lifelines=None, feedback="")
    assert first == "Nothing has been done yet. Begin.\n"
    spent = render("tail", first=False, lifelines=0, feedback="")
    assert spent.endswith("Lifelines left: 0. The expert can no longer be asked: that action is spent.\n")  # fmt: skip  # noqa: E501
    retry = render("tail", **SAMPLES["tail"])
    assert retry.index("Lifelines left: 2.") < retry.index("could not be used: bad")


def test_text_of_files_and_programs_is_not_altered() -> None:
    odd = "a {{ b }} <c> & 'd' {% e %}"
    assert odd in render("understand_block", **BLOCK | FILE | {"text": odd})
    assert odd in render("history", steps=[STEP | {"observation": odd}], skipped=0)
