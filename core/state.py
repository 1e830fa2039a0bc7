"""The state of the `budget` graph: small, plain JSON, bounded in size for a run of any length.

Everything that grows (steps, events, calls, files) lives in the store and the history.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

OutcomeKind = Literal[
    "ok",
    "malformed",
    "truncated",
    "blocked",
    "empty",
    "transient",
    "permanent",
    "overflow",
    "broken",
    "over_budget",
    "no_lifeline",
]


class Policy(TypedDict):
    """The part of the configuration the routers need, copied in at the start."""

    tries: list[int]
    """R4: tries per tier and step."""
    metered: list[bool]
    expert: bool
    asked_by: str
    expert_returns: str
    expert_malformed: str
    help_steps: int
    window: int
    """R6: r; 0 switches the repetition rule off."""
    basis: str
    repetition_of_failure: bool
    last_tier_repetition: str
    without_lifelines: str
    last_resort: str
    failed_in_a_row: int
    spent_help: str
    input_repair_tries: int
    truncated_reply: str
    sticky_steps: int
    max_steps: int
    steps_count: str
    time_s: float
    retrieval: bool
    recall_after: int


class Turn(TypedDict):
    """The last planner (or expert) reply, parsed."""

    kind: OutcomeKind
    reason: str
    """Why it is not `ok`, in words fit for a retry prompt."""
    tier: int
    action: str
    input: dict[str, Any]
    input_error: str | None
    """R14: entries fine, Action Input unusable."""
    by: Literal["planner", "expert"]
    model: str
    entries: dict[str, str]
    """The prose entries of the reply, as given."""
    recovered: list[str]
    """Names of the parser's recovery rules that were needed."""


class Executed(TypedDict):
    """One executed action as the repetition rule sees it."""

    action: str
    key: str
    failed: bool
    observation: str
    """Hash of the observation, not its text."""


class Result(TypedDict):
    """What a worker node hands to `observe`."""

    observation: str
    failed: bool
    final: bool
    executed: bool
    """False for a failed or unparsed step: nothing was run."""
    artifact: str | None
    """Path of the whole output below the run's artifacts, when it was cut."""


class RunState(TypedDict):
    """One LangGraph thread is one run."""

    task_id: str
    run_id: NotRequired[str]
    policy: NotRequired[Policy]
    step: NotRequired[int]
    """The step in progress, from 1."""
    counted: NotRequired[int]
    """Steps that count towards the limit (A17)."""
    planner_calls: NotRequired[int]
    tier: NotRequired[int]
    tried: NotRequired[int]
    """Tries used at this tier in this step."""
    repairs: NotRequired[int]
    trimmed: NotRequired[bool]
    """The window was cut to one step after a context overflow in this step."""
    feedback: NotRequired[str]
    """What a retry prompt says about the last try."""
    turn: NotRequired[Turn | None]
    kept: NotRequired[Turn | None]
    """A6: a well-formed but repeated reply of a cheaper tier, kept in case nothing better comes."""
    sticky_left: NotRequired[int]
    sticky_tier: NotRequired[int]
    recent: NotRequired[list[Executed]]
    failed_in_row: NotRequired[int]
    lifelines_left: NotRequired[int]
    disabled: NotRequired[list[int]]
    """Tiers a permanent error has switched off for this run."""
    recalled: NotRequired[str]
    window_from: NotRequired[int]
    """First step shown in the prompt; moves in blocks."""
    result: NotRequired[Result | None]
    snapshot: NotRequired[str]
    """Commit of the workspace after the last finished step."""
    elapsed_s: NotRequired[float]
    end_reason: NotRequired[str | None]


class RunInput(TypedDict):
    """What starts the graph (Studio's input form)."""

    task_id: str
    run_id: NotRequired[str]


END_REASONS = (
    "final_answer",
    "steps",
    "time",
    "budget",
    "no_valid_reply",
    "models_unavailable",
    "cancelled",
    "error",
)
