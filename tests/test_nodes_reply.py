"""The planner-reply parser: R3, R14, every tolerance it has and every guess it refuses."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.reply import ENTRIES, PROSE, RECOVERIES, Refusal, Reply
from nodes.reply import parse_reply

OFFERED = {
    "List Files": ("dir_path",),
    "Write File": ("file_name", "content"),
    "Execute Script": ("script_name",),
    "Inspect Script Lines": ("script_name", "start_line_number", "end_line_number"),
    "Edit Script (AI)": ("script_name", "edit_instruction", "save_name"),
    "Reflection": ("things_to_reflect_on",),
    "Final Answer": ("final_answer",),
}
PROSE_TEXT = """\
Reflection: the folder is new
Research Plan and Status: 1. look
**2. measure the baseline**
Fact Check: nothing is confirmed
Thought: look first
"""


def step(action: str = "List Files", given: str = '{"dir_path": "."}') -> str:
    return f"{PROSE_TEXT}Action: {action}\nAction Input: {given}\n"


def read(text: str) -> Reply:
    reply = parse_reply(text, OFFERED)
    assert isinstance(reply, Reply), reply
    return reply


def values(text: str) -> dict[str, Any]:
    reply = read(text)
    assert reply.input_error is None, reply.input_error
    return reply.action_input


def refusal(text: str) -> Refusal:
    refused = parse_reply(text, OFFERED)
    assert isinstance(refused, Refusal), refused
    return refused


def test_a_clean_reply_needs_no_recovery_under_either_rule() -> None:
    reply = read(step())
    assert reply == parse_reply(step(), OFFERED, rule="paper")
    assert (reply.action, reply.action_input) == ("List Files", {"dir_path": "."})
    assert reply.recovered == ()
    assert list(reply.entries) == list(PROSE)
    assert reply.entries["Research Plan and Status"] == "1. look\n**2. measure the baseline**"
    assert reply.input_text == '{"dir_path": "."}'


WRITE = '{{"file_name": "a.py", "content": {}}}'
RECOVERED: list[tuple[str, str, dict[str, Any]]] = [
    ("label_markup", step().replace("Action:", "**Action:**"), {"dir_path": "."}),
    ("label_markup", step().replace("Action Input:", "**Action Input**:"), {"dir_path": "."}),
    ("label_markup", step().replace("Thought: ", "## Thought:\n"), {"dir_path": "."}),
    ("label_markup", step().replace("Thought:", "4. Thought:"), {"dir_path": "."}),
    ("label_case", step().replace("Action Input", "action_input"), {"dir_path": "."}),
    ("label_case", step().replace("Fact Check:", "FACT CHECK:"), {"dir_path": "."}),
    ("label_colon", step().replace("Action:", "Action"), {"dir_path": "."}),
    ("label_colon", step().replace("Action Input:", "## Action Input\n"), {"dir_path": "."}),
    ("label_colon", step().replace("Thought:", "Thought"), {"dir_path": "."}),
    ("entry_missing", step().replace("Fact Check: nothing is confirmed\n", ""), {"dir_path": "."}),
    ("entry_order", "Thought: early\n" + step().replace("Thought: look first\n", ""),
     {"dir_path": "."}),
    ("repeated_label", "Reflection: first try\n" + step(), {"dir_path": "."}),
    ("echo_skipped", "Action: the action to take, one of the tool names\n"
     "Action Input: the input as a JSON object\n" + step(), {"dir_path": "."}),
    ("action_markup", step("* `List Files`."), {"dir_path": "."}),
    ("action_markup", step('\n"List Files"\n'), {"dir_path": "."}),
    ("action_case", step("list files"), {"dir_path": "."}),
    ("input_markup", step(given='\n* {"dir_path": "."}'), {"dir_path": "."}),
    ("input_markup", step(given='`{"dir_path": "."}`'), {"dir_path": "."}),
    ("input_fence", step(given='\n```json\n{"dir_path": "."}\n```'), {"dir_path": "."}),
    ("unclosed_fence", step(given='\n```\n{"dir_path": "."}'), {"dir_path": "."}),
    ("raw_newline", step("Write File", WRITE.format('"x = 1\n\tprint(\\"y\\")\n"')),
     {"file_name": "a.py", "content": 'x = 1\n\tprint("y")\n'}),
    ("triple_quotes", step("Write File", WRITE.format('"""print("a\\n")\n"""')),
     {"file_name": "a.py", "content": 'print("a\\n")\n'}),
    ("single_quotes", step(given="{'dir_path': 'it\\'s \"here\"'}"),
     {"dir_path": "it's \"here\""}),
    ("python_words", step(given='{"dir_path": [True, None]}'), {"dir_path": [True, None]}),
    ("trailing_comma", step(given='{"dir_path": ["a", "b",],}'), {"dir_path": ["a", "b"]}),
    ("lone_backslash", step(given='{"dir_path": "7\\CLRS\\é"}'), {"dir_path": "7\\CLRS\\é"}),
    ("missing_brace", step(given='{"dir_path": "."\nObservation: x'), {"dir_path": "."}),
    ("key_spelling", step(given='{"Dir Path": "."}'), {"dir_path": "."}),
    ("trailing_text", step() + "Let me know if that helps.", {"dir_path": "."}),
    ("run_on", step() + "Observation: a.py\n" + step("Execute Script", '{"script_name": "a"}'),
     {"dir_path": "."}),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "text", "expected"), RECOVERED)
def test_a_recovery_is_named_and_changes_no_value(
    rule: str, text: str, expected: dict[str, Any]
) -> None:
    assert values(text) == expected
    assert rule in read(text).recovered


def test_every_recovery_rule_is_covered_above() -> None:
    assert {rule for rule, _, _ in RECOVERED} == set(RECOVERIES)


@pytest.mark.parametrize(("rule", "text", "expected"), RECOVERED)
def test_r3_the_paper_rule_takes_no_recovery(
    rule: str, text: str, expected: dict[str, Any]
) -> None:
    reply = parse_reply(text, OFFERED, rule="paper")
    if set(read(text).recovered) <= {"run_on", "repeated_label"}:
        assert reply == read(text)
    else:
        assert isinstance(reply, Refusal) or (reply.input_error and reply.action_input == {})


def test_empty_entries_are_allowed_when_their_labels_are_there() -> None:
    text = "\n".join(f"{name}:" for name in PROSE)
    reply = read(f'{text}\nAction:\nFinal Answer\nAction Input:\n{{"final_answer": "done"}}')
    assert reply.recovered == ()
    assert reply.entries == dict.fromkeys(PROSE, "")


def test_an_action_may_have_the_name_of_an_entry() -> None:
    text = step("\nReflection\n", '{"things_to_reflect_on": "speed"}')
    assert read(text).action == "Reflection"
    assert read(text).entries["Reflection"] == "the folder is new"


def test_only_the_first_complete_step_counts() -> None:
    second = step("Execute Script", '{"script_name": "a.py"}')
    assert read(step() + second).action == "List Files"


def test_an_observation_inside_a_value_does_not_cut_it() -> None:
    content = "a\nObservation: b\nAction: Execute Script\nAction Input: {}"
    for written in (json.dumps(content), f'"{content}"', f'"""{content}"""'):
        assert values(step("Write File", WRITE.format(written)))["content"] == content


def test_lists_and_numbers_are_kept_as_given() -> None:
    given = {"script_name": ["a", "b"], "start_line_number": "1", "end_line_number": 9}
    assert values(step("Inspect Script Lines", json.dumps(given))) == given


@pytest.mark.parametrize("value", ["a/b", "\\d+\\n", 'say "hi"', "\u2028é\U0001f600\x00", "{}"])
@pytest.mark.parametrize("ascii_only", [True, False])
def test_values_survive_unaltered(value: str, ascii_only: bool) -> None:
    text = json.dumps({"dir_path": value}, ensure_ascii=ascii_only)
    assert values(step(given=text)) == {"dir_path": value}
    assert values(step(given=f"```json\n{text[:-1]},}}\n```")) == {"dir_path": value}


def test_windows_line_ends_and_a_byte_order_mark_do_not_matter() -> None:
    reply = read("\ufeff" + step().replace("\n", "\r\n"))
    assert (reply.action, reply.action_input, reply.recovered) == (
        "List Files", {"dir_path": "."}, (),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("", "the reply ends"),
        ("list everything", "does not begin with {"),
        ('["."]', "does not begin with {"),
        ('{"dir_path": ".", "depth": 1}', "'depth' is not known"),
        ("{}", "dir_path is missing"),
        ('{"dir_path": "a", "dir_path": "b"}', "given twice"),
        ('{"dir_path": "a", "dir path": "b"}', "given twice"),
        ('{"dir_path": "a" "b"}', "a comma"),
        ('{"dir_path": "say "hi""}', "a comma"),
        ('{"dir_path": "C:\\users"}', "two ways"),
        ('{"dir_path": "it\\\'s"}', "two ways"),
        ('{"dir_path": "a\\/b",}', "two ways"),
        ('{"dir_path": "7\\CLRS\\new"}', "two ways"),
        ('{"dir_path": 1', "ends before"),
        ('{"dir_path": "a', "ends before"),
        ('{"dir_path": "a\nb"', "ends before"),
        ('{"dir_path": here}', "not quoted"),
        ('{"dir_path": NaN}', "not JSON compliant"),
        ('{"dir_path": 1e999}', "not JSON compliant"),
        ('{"dir_path": "\\ud800"}', "surrogate"),
        ('{"dir_path": ' + "[" * 5000, "nested too deeply"),
        ('{"dir_path": ' + "9" * 5000 + "}", "digits"),
        ('{\'dir_path\': """a}', "never closed"),
    ],
)
def test_r14_an_input_that_cannot_be_used_is_an_error_with_advice(given: str, says: str) -> None:
    reply = read(step(given=given))
    assert reply.input_error is not None
    assert says in reply.input_error
    assert "exactly: dir_path" in reply.input_error
    assert reply.action_input == {}
    assert reply.action == "List Files"


@pytest.mark.parametrize(
    ("text", "kind", "missing"),
    [
        ("", "empty", ENTRIES),
        (" \n\0\t\n", "empty", ENTRIES),
        ("I cannot help with that.", "missing_entry", ENTRIES),
        (PROSE_TEXT, "truncated", ("Action", "Action Input")),
        ("Reflection: a\nResearch Plan and Status:", "truncated", ENTRIES[2:]),
        (PROSE_TEXT + "Action Input: {}", "missing_entry", ("Action",)),
        (PROSE_TEXT + "Action:\nAction Input: {}", "missing_entry", ("Action",)),
        (PROSE_TEXT + "Action: List Files\n{}", "truncated", ("Action Input",)),
        (PROSE_TEXT + "Action Input: {}\nAction: List Files", "order", ()),
        ('Action: List Files\nAction Input: {"dir_path": "."}', "missing_entry", PROSE),
        (step("Debug Script"), "unknown_action", ()),
        (step("List Files and Execute Script"), "unknown_action", ()),
        (step("List Files\nExecute Script"), "unknown_action", ()),
        (step("Edit Script"), "unknown_action", ()),
    ],
)
def test_r3_a_refusal_names_what_is_missing(text: str, kind: str, missing: tuple[str, ...]) -> None:
    refused = refusal(text)
    assert (refused.kind, refused.missing) == (kind, missing)
    assert all(entry in refused.reason for entry in missing if kind not in {"empty", "echo"})


def test_an_unknown_action_is_answered_with_the_offered_ones() -> None:
    reason = refusal(step("Debug Script")).reason
    assert "'Debug Script'" in reason
    assert all(name in reason for name in OFFERED)


ECHO = """\
Reflection: what the observation means
Research Plan and Status: the whole plan
Fact Check: what is confirmed
Thought: what is done now
Action: the action to take, should be one of the names of the tools
Action Input: the input to the action as a valid JSON string
Observation: what the action returned
"""


def test_an_echo_of_the_format_gives_no_action_of_its_own() -> None:
    assert refusal(ECHO).kind == "echo"
    reply = read(ECHO + step())
    assert (reply.action, reply.entries["Thought"]) == ("List Files", "look first")


def test_a_step_after_an_invented_observation_is_not_taken() -> None:
    unfinished = f"{PROSE_TEXT}Action: List Files\nObservation: a.py\n"
    text = unfinished + step("Execute Script", '{"script_name": "a.py"}')
    assert refusal(text).missing == ("Action Input",)
    unknown = step("Debug Script") + "Observation: fixed\n" + step()
    assert refusal(unknown).kind == "unknown_action"


@pytest.mark.parametrize(
    "piece",
    ["\n", " ", "*", " \n", "Action: x\n", "Action\n", "Action Input: {\n", "Thought\n", "'''",
     "Action: the tool\nAction Input: json\n", "Observation:\n", "{", "\\", '"""a""",', "\x00"],
)  # fmt: skip
def test_a_megabyte_of_garbage_takes_linear_time(piece: str) -> None:
    garbage = piece * (1_000_000 // len(piece))
    begun = time.process_time()
    for text in (garbage, step(given=garbage), step(given='{"dir_path": [' + garbage)):
        parse_reply(text, OFFERED)
    assert time.process_time() - begun < 20, "quadratic work would take minutes"


PIECES = st.sampled_from(
    [*(f"{entry}:" for entry in ENTRIES), *OFFERED, "\n", " ", "**", "```", "{", "}", '"', "'",
     '"dir_path": ".",', "\\", "Observation:", "\r\n", "Debug Script", "[", ",", step(), ECHO]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(PIECES | st.text(max_size=5), max_size=25), st.sampled_from(["paper", "default"]))
def test_no_reply_raises_and_every_action_stands_on_an_action_line(
    parts: list[str], rule: Any
) -> None:
    text = "".join(parts)
    reply = parse_reply(text, OFFERED, rule=rule)
    if isinstance(reply, Refusal):
        assert reply.reason
        return
    assert reply.action in OFFERED
    assert set(reply.recovered) <= set(RECOVERIES)
    assert reply.input_error or set(reply.action_input) == set(OFFERED[reply.action])
    after_label = text.lower().split("action")[1:]
    assert any(reply.action.lower() in part.split("action")[0] for part in after_label)


@settings(max_examples=200, deadline=None)
@given(st.dictionaries(st.sampled_from(["script_name"]), st.text(), min_size=1))
def test_any_json_string_comes_back_as_json_reads_it(given: dict[str, str]) -> None:
    text = json.dumps(given)
    assert values(step("Execute Script", text)) == given
    assert values(step("Execute Script", f"{text[:-1]},}}")) == given
