"""Measures the reply parser on recorded planner replies: `python -m bench.replies FOLDER [--json]`.

It reads every `*.jsonl.gz` of the folder, one object per line: completion, entries_ok, input_parse.
A second, much simpler reading that shares no code with the parser checks each parsed reply.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Final

from bench.reply_check import stands_in
from core.errors import BadRequest, DataMissing, InvalidFile
from core.reply import RECOVERIES, Reply
from nodes.reply import parse_reply

MIN_PARSED: Final = 0.60
_EDIT: Final = ("script_name", "edit_instruction", "save_name")
_LINES: Final = ("script_name", "start_line_number", "end_line_number")
OFFERED: Final[dict[str, tuple[str, ...]]] = {
    "List Files": ("dir_path",),
    "Read File": ("file_name",),
    "Write File": ("file_name", "content"),
    "Append File": ("file_name", "content"),
    "Copy File": ("source", "destination"),
    "Undo Edit Script": ("script_name",),
    "Execute Script": ("script_name",),
    "Python REPL": ("command",),
    "Request Help": ("request",),
    "Final Answer": ("final_answer",),
    "Understand File": ("file_name", "things_to_look_for"),
    "Inspect Script Lines": _LINES,
    "Edit Script (AI)": _EDIT,
    "Edit Script Segment (AI)": (*_LINES, "edit_instruction", "save_name"),
    "Reflection": ("things_to_reflect_on",),
}
"""Every action MLAgentBench registers, with its input keys: it accepts each in any run."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """One recorded reply and whether MLAgentBench's own parser accepted it as it is."""

    text: str
    strict: bool
    """It found all entries, and plain `json.loads` gave the exact keys: nothing was repaired."""


@dataclass(slots=True)
class Tally:
    """Counts of replies; `bounds` says which figures must hold."""

    replies: int = 0
    parsed: int = 0
    """A complete step was read, whether or not its action is offered and its input usable."""
    well_formed: int = 0
    """Parsed, and the action is offered (R3), whatever the input (R14)."""
    runnable: int = 0
    """Well formed, and the input is complete."""
    parsed_paper_rule: int = 0
    accepted_by_mlagentbench_strict: int = 0
    same_as_mlagentbench_strict: int = 0
    recovered: int = 0
    """Parsed by us, and rejected or repaired by MLAgentBench."""
    wrong: int = 0
    rules: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)

    def bounds(self) -> list[tuple[str, bool]]:
        """Return each stated bound and whether it holds."""
        lost = self.accepted_by_mlagentbench_strict - self.same_as_mlagentbench_strict
        return [
            (f"at least {MIN_PARSED:.0%} parsed", self.parsed >= MIN_PARSED * self.replies),
            ("all strict ones the same", lost == 0),
            ("none wrong", self.wrong == 0),
        ]


def read_folder(folder: Path) -> Iterator[Recorded]:
    """Yield the replies of every `*.jsonl.gz`; raise `DataMissing` or `InvalidFile`."""
    if not folder.is_dir():
        raise DataMissing(f"{folder} is not a folder; name the one with the recorded replies")
    files = sorted(folder.glob("*.jsonl.gz"))
    if not files:
        raise DataMissing(f"{folder} holds no *.jsonl.gz; name the folder of the recorded replies")
    for file in files:
        yield from _read_file(file)


def _read_file(file: Path) -> Iterator[Recorded]:
    done = 0
    try:
        with gzip.open(file, "rt", encoding="utf-8", newline="\n") as lines:
            for done, line in enumerate(lines, 1):  # noqa: B007 - the number of the broken line
                yield _recorded(json.loads(line))
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        hint = "give one JSON object per line with completion, entries_ok and input_parse"
        raise InvalidFile(f"{file}, line {max(done, 1)}: {error!r}; {hint}") from error


def _recorded(row: dict[str, Any]) -> Recorded:
    if not isinstance(row["completion"], str):
        raise TypeError("completion is not a string")
    return Recorded(row["completion"], row["entries_ok"] and row["input_parse"] == "strict")


def measure(replies: Iterator[Recorded]) -> Tally:
    """Parse every reply under both rules and check each result against a second reading."""
    tally = Tally()
    for one in replies:
        tally.replies += 1
        tally.accepted_by_mlagentbench_strict += one.strict
        paper = parse_reply(one.text, OFFERED, rule="paper")
        tally.parsed_paper_rule += isinstance(paper, Reply)
        reply = parse_reply(one.text, OFFERED)
        if not isinstance(reply, Reply):
            tally.refused[reply.kind] += 1
            tally.parsed += reply.kind == "unknown_action"
            continue
        tally.parsed += 1
        tally.well_formed += 1
        tally.rules.update(reply.recovered)
        if reply.input_error:
            tally.refused["input_error"] += 1
            continue
        _count_parsed(tally, one, reply)
    return tally


def _count_parsed(tally: Tally, one: Recorded, reply: Reply) -> None:
    tally.runnable += 1
    tally.recovered += not one.strict
    tally.wrong += not stands_in(one.text, reply)
    if one.strict:
        last = _last_as_upstream(one.text)
        tally.same_as_mlagentbench_strict += last == (reply.action, reply.action_input)


def _last_as_upstream(text: str) -> tuple[str, Any]:
    """Return the action and input after the last labels, as a greedy expression finds them."""
    before, _, given = text.rpartition("Action Input:")
    return before.rpartition("Action:")[2].strip(), json.loads(given)


def render(tally: Tally) -> str:
    """Return the figures as a table for people."""
    share = f"{tally.parsed / max(tally.replies, 1):.1%}: a complete step was read"
    counts: list[tuple[str, object, str]] = [
        ("replies", tally.replies, f"offered: the {len(OFFERED)} actions MLAgentBench registers"),
        ("parsed", tally.parsed, share),
        ("... well formed", tally.well_formed, "and its action is offered (R3); others never run"),
        ("... runnable", tally.runnable, "and its input is complete"),
        ("parsed, paper's rule", tally.parsed_paper_rule, "six plain labels and a plain object"),
        ("MLAgentBench, strict", tally.accepted_by_mlagentbench_strict, "accepted unrepaired"),
        ("... same as ours", tally.same_as_mlagentbench_strict, "action and every value"),
        ("recovered", tally.recovered, "parsed by us, rejected or repaired by MLAgentBench"),
        ("wrong", tally.wrong, "an action or value that the text does not give"),
    ]
    counts += [(f"rule {rule}", n, RECOVERIES[rule]) for rule, n in tally.rules.most_common()]
    counts += [(f"refused {kind}", n, "") for kind, n in tally.refused.most_common()]
    counts += [(f"bound: {name}", "holds" if ok else "FAILS", "") for name, ok in tally.bounds()]
    return "".join(f"{name:<40} {n!s:>6}  {note}".rstrip() + "\n" for name, n, note in counts)


def main(arguments: list[str] | None = None) -> int:
    """Print the table; return 0 when every bound holds, 1 when one fails, 2 for bad input."""
    parser = argparse.ArgumentParser(prog="python -m bench.replies", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with recorded replies, *.jsonl.gz")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    options = parser.parse_args(arguments)
    try:
        tally = measure(read_folder(options.folder))
    except BadRequest as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    ok = all(holds for _, holds in tally.bounds())
    sys.stdout.write(render(tally))
    if options.json:
        counts = {one.name: getattr(tally, one.name) for one in fields(tally)}
        sys.stdout.write(json.dumps({"ok": ok, **counts}) + "\n")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
