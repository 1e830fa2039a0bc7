"""Reads one planner reply into a step: tolerant about form, never about an action or a value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final, Literal

from core.reply import ENTRIES, PROSE, RECOVERIES, Refusal, RefusalKind, Reply
from nodes.reply_input import read_input

Offered = Mapping[str, tuple[str, ...]]

_LABEL: Final = re.compile(
    r"^(?P<lead>[ \t*_#>+•-]*+(?:[0-9]{1,2}[.)][ \t*_]*+)?)"
    r"(?P<name>Reflection|Research[ \t_]+Plan[ \t_]+and[ \t_]+Status|Fact[ \t_]+Check|Thought"
    r"|Action[ \t_]*Input|Action|Observation)(?![A-Za-z0-9])"
    r"(?P<close>[*_]*+)(?:[ \t]*+(?P<colon>:))?(?P<after>[*_]*+)",
    re.IGNORECASE | re.MULTILINE,
)
_CANONICAL: Final = {re.sub(r"\W", "", name).casefold(): name for name in (*ENTRIES, "Observation")}
_REST: Final = re.compile(r"([^\n]*+)\s*+([^\n]*+)")
_AROUND_ACTION: Final = " \t\r\n*_#`\"'“”[]<>+•-.,;:!"
_ABOUT_ACTIONS: Final = re.compile(r"\b(?:action|tool)s?\b", re.IGNORECASE)
_ABOUT_INPUTS: Final = re.compile(r"\b(?:input|json|object|keys?)\b", re.IGNORECASE)
_PAPER_ALLOWS: Final = frozenset({"run_on", "repeated_label"})  # its stop sequence cuts a run-on


@dataclass(frozen=True, slots=True)
class _Label:
    """A label line; `entry` may be Observation, `body` is where the text of the entry begins."""

    entry: str
    start: int
    body: int
    flaws: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    """The offered `action`; `labels` are the prose by position, Action, Action Input."""

    action: str
    labels: tuple[_Label, ...]
    flaws: tuple[str, ...]


def parse_reply(
    text: str, offered: Offered, *, rule: Literal["paper", "default"] = "default"
) -> Reply | Refusal:
    """Read the first complete step of `text`; never raises.

    `offered` maps each action that may be named now to the exact keys of its input. The rule
    `paper` is R3 (arXiv 2411.07464, section 3.2): six plain labels at line starts, in order, and
    a plain JSON object; `default` also accepts what `core.reply.RECOVERIES` lists. An input that
    cannot be used is no refusal but `Reply.input_error` (R14).
    """
    text = text.removeprefix("\ufeff")
    if not text.strip(" \t\r\n\0"):
        return Refusal("The reply is empty; answer with all six entries.", "empty", ENTRIES)
    step = _first_step(text, list(_labels(text, offered)), offered)
    if isinstance(step, Refusal):
        return step
    reply = _build(text, step, offered[step.action])
    return _as_the_paper_reads(reply, step) if rule == "paper" else reply


def _labels(text: str, offered: Offered) -> Iterator[_Label]:
    for found in _LABEL.finditer(text):
        entry = _CANONICAL[re.sub(r"[\W_]", "", found["name"]).casefold()]
        if not found["colon"] and not _is_label(text, entry, found, offered):
            continue
        marked = bool(found["lead"].strip() or found["close"])
        other, bare = found["name"] != entry, not found["colon"]
        flaws = _which(label_markup=marked, label_case=other, label_colon=bare)
        end = found.end("colon") if found["colon"] and not marked else found.end()
        yield _Label(entry, found.start(), end, flaws)


def _which(**needed: bool) -> tuple[str, ...]:
    return tuple(rule for rule, is_needed in needed.items() if is_needed)


def _is_label(text: str, entry: str, found: re.Match[str], offered: Offered) -> bool:
    """Whether a name without a colon is a label and not the first word of a sentence."""
    rest = _REST.match(text, found.end())
    same_line, next_line = (rest[1].strip(), rest[2].strip()) if rest else ("", "")
    line = same_line or next_line
    if entry == "Action":
        return _name(line, offered)[0] is not None
    if entry == "Action Input":
        return line.startswith(("{", "```"))
    return not same_line or (found["name"] == entry in PROSE and not found["lead"].strip())


def _name(body: str, offered: Offered) -> tuple[str | None, tuple[str, ...]]:
    """Return the offered action that `body` names, if it names one and nothing else."""
    body = body.strip()
    if body in offered:
        return body, ()
    lines = [line for line in body.splitlines() if line.strip(_AROUND_ACTION)]
    bare = lines[0].strip(_AROUND_ACTION) if len(lines) == 1 else ""
    flaws = ("action_markup",) if bare != body else ()
    if bare in offered:
        return bare, flaws
    same = [name for name in offered if name.casefold() == bare.casefold()]
    return (same[0], (*flaws, "action_case")) if len(same) == 1 else (None, ())


def _first_step(text: str, labels: list[_Label], offered: Offered) -> _Step | Refusal:
    begin = 0
    action: _Label | None = None
    for index, label in enumerate(labels):
        if label.entry == "Action Input":
            if not action:
                break
            pair = [action, *labels[index : index + 2]]
            if not _is_echo(text, pair, offered):
                return _complete(text, labels[begin:index], pair[:2], offered, echo=begin > 0)
            begin, action = index + 1, None
        elif label.entry == "Observation":
            if action and _name(text[action.body : label.start], offered)[0]:
                return _incomplete(labels[begin:index])
            action = None
        elif label.entry == "Action":
            action = label
    return _incomplete(labels[begin:], echo=begin > 0)


def _is_echo(text: str, pair: list[_Label], offered: Offered) -> bool:
    """Whether the action line speaks about actions and the input line about inputs."""
    action, given, end = pair[0], pair[1], pair[2].start if len(pair) > 2 else len(text)
    if not _ABOUT_ACTIONS.search(text, action.body, given.start) or "{" in text[given.body : end]:
        return False
    named = _name(text[action.body : given.start], offered)[0]
    return not named and bool(_ABOUT_INPUTS.search(text, given.body, end))


def _incomplete(labels: list[_Label], *, echo: bool = False) -> Refusal:
    present = {label.entry for label in labels}
    missing = tuple(entry for entry in ENTRIES if entry not in present)
    kind: RefusalKind
    fault, kind = f"has no {', '.join(missing)}", "missing_entry"
    if not missing:
        fault, kind = "gives Action Input before Action", "order"
    elif echo:
        fault, kind = "repeats the format instructions", "echo"
    elif present & set(ENTRIES) and missing == ENTRIES[-len(missing) :]:
        fault, kind = f"stops before {', '.join(missing)}", "truncated"
    reason = f"The reply {fault}; give all six entries in order, each at the start of a line."
    return Refusal(reason, kind, missing)


def _complete(
    text: str, before: list[_Label], pair: list[_Label], offered: Offered, *, echo: bool
) -> _Step | Refusal:
    body = text[pair[0].body : pair[1].start].strip()
    name, name_flaws = _name(body, offered)
    chosen, flaws = _prose([label for label in before if label.start < pair[0].start])
    if not chosen or not body:
        return _incomplete([*chosen, *(pair if body else pair[1:])])
    if name is None:
        reason = f"The action {body[:60]!r} is not offered; choose one of: {', '.join(offered)}."
        return Refusal(reason, "unknown_action", ())
    flaws = [*(flaw for label in (*chosen, *pair) for flaw in label.flaws), *flaws, *name_flaws]
    flaws += _which(echo_skipped=echo)
    return _Step(name, (*chosen, *pair), tuple(dict.fromkeys(flaws)))


def _prose(before: list[_Label]) -> tuple[list[_Label], list[str]]:
    """Choose one label for each prose entry, from the action backwards, in order if possible."""
    chosen: list[_Label] = []
    flaws: list[str] = []
    for entry in reversed(PROSE):
        own = [label for label in before if label.entry == entry]
        own = [label for label in own if "label_colon" not in label.flaws] or own
        in_order = [label for label in own if not chosen or label.start < chosen[-1].start]
        chosen += (in_order or own)[-1:]
        out_of_order, repeated = bool(own) and not in_order, len(own) > 1
        flaws += _which(entry_missing=not own, entry_order=out_of_order, repeated_label=repeated)
    return sorted(chosen, key=lambda label: label.start), flaws


def _build(text: str, step: _Step, required: tuple[str, ...]) -> Reply:
    read = read_input(text, step.labels[-1].body)
    values, error, renamed = _fit(read.values, required)
    if read.error:
        values, error = {}, f"it cannot be read: {read.error}"
    prose = pairwise(step.labels[:-1])
    entries = {label.entry: text[label.body : after.start].strip() for label, after in prose}
    recovered = dict.fromkeys((*step.flaws, *read.recovered, *renamed))
    if error:
        keys = ", ".join(required) or "no keys"
        error = (
            f"Action Input of {step.action}: {error}. Give one JSON object with exactly: {keys}."
        )
    return Reply(
        entries=entries,
        action=step.action,
        action_input={} if error else values,
        input_text=read.text,
        recovered=tuple(recovered),
        input_error=error,
    )


def _fit(
    given: dict[str, Any], required: tuple[str, ...]
) -> tuple[dict[str, Any], str | None, tuple[str, ...]]:
    """Match the keys of `given` with the required ones; a value is never dropped or made up."""
    known = {_plain_key(key): key for key in required}
    values = {known.get(_plain_key(key), key): value for key, value in given.items()}
    wrong = [f"the key {key} is missing" for key in required if key not in values]
    wrong += [f"the key {key[:40]!r} is not known" for key in values if key not in required]
    wrong += ["a key is given twice"] if len(values) < len(given) else []
    if wrong:
        return {}, "; ".join(wrong), ()
    return values, None, () if given.keys() == values.keys() else ("key_spelling",)


def _plain_key(key: str) -> str:
    return re.sub(r"[ _-]+", "_", key.strip().casefold())


def _as_the_paper_reads(reply: Reply, step: _Step) -> Reply | Refusal:
    flaws = [flaw for flaw in reply.recovered if flaw not in _PAPER_ALLOWS]
    why = "; ".join(RECOVERIES[flaw] for flaw in flaws)
    structural = [flaw for flaw in flaws if flaw in step.flaws]
    if structural:
        exact = {label.entry for label in step.labels if not label.flaws}
        missing = tuple(entry for entry in ENTRIES if entry not in exact)
        kind: RefusalKind = "order" if "entry_order" in structural else "unknown_action"
        kind = "missing_entry" if missing else kind
        return Refusal(f"Not in the exact format: {why}; give six plain labels.", kind, missing)
    if not flaws or reply.input_error:
        return reply
    error = f"Action Input is not a plain JSON object: {why}. Give the object alone."
    return replace(reply, action_input={}, input_error=error)
