"""The whole configuration of a run: what a preset file holds and what is stored with the run.

Field descriptions name the open point (A1–A25) or rule (R1–R19) of the paper's reading they settle;
`docs/configuration.md` lists them with the paper's reading and ours.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

TABLE_1 = (
    "List Files",
    "Copy File",
    "Undo Edit Script",
    "Execute Script",
    "Final Answer",
    "Understand File",
    "Inspect Script Lines",
    "Edit Script (AI)",
    "Reflection",
)
"""The nine worker actions of the paper's Table 1; the help action depends on `expert`."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelConfig(_Part):
    """One model and how it is called."""

    model: str = Field(description="provider:name, such as google_genai:gemini-2.5-flash-lite")
    max_tokens: int = Field(2000, ge=1, description="output tokens a call may use at most")
    timeout_s: float = Field(120, gt=0, description="seconds one attempt may take")
    base_url: str | None = Field(None, description="address of an OpenAI-compatible server")
    free_tier: bool = Field(
        False, description="count the bill as paid at 0 (a provider's free tier); list price kept"
    )


class TierConfig(ModelConfig):
    """One place of the cascade."""

    tries: int = Field(3, ge=1, le=20, description="R4: m, tries per step before escalation")
    metered: bool = Field(False, description="R8, A20: every call takes a lifeline")


class CascadeConfig(_Part):
    """When a step is escalated, and what happens when nothing is left to escalate to (§3.2)."""

    repetition_window: int = Field(3, ge=0, description="R6: r, executed actions alike; 0 = off")
    repetition_basis: Literal["action", "action_and_input"] = Field(
        "action_and_input", description="A1: what makes two actions alike"
    )
    repetition_of_failure: bool = Field(
        True, description="A1: the same action with r equal failing observations is alike too"
    )
    sticky_steps: int = Field(0, ge=0, description="A2: further steps that start escalated")
    last_tier_repetition: Literal["accept", "fail"] = Field(
        "accept", description="A3: a repeated action of the last tier is accepted and flagged"
    )
    tries_count: Literal["total", "after_first"] = Field(
        "total", description="A4: m counts tries, or retries after the first"
    )
    lifeline_per: Literal["call", "billed_attempt"] = Field(
        "billed_attempt", description="A5: refused requests (429, 5xx, connect) give it back"
    )
    last_resort: Literal["failed_step", "end_run"] = Field(
        "failed_step", description="A6, R12: when no tier gives an acceptable reply"
    )
    failed_steps_in_a_row: int = Field(3, ge=1, description="A6: that many end the run")
    without_lifelines: Literal["accept", "fail"] = Field(
        "accept", description="A7: a repeated action when no lifeline is left"
    )
    spent_help: Literal["say_so", "unknown_action"] = Field(
        "say_so", description="A8, R9: how using the spent help action is refused"
    )
    hide_spent_help: bool = Field(
        False, description="R9: drop the help action from the prompt; else it is marked at the tail"
    )
    escalated_profile: Literal["planner", "expert"] = Field(
        "planner", description="A14: system profile of a strong model called by the cascade"
    )
    input_repair_tries: int = Field(
        1, ge=0, le=3, description="A16, R14: tries at the same tier for unusable Action Input"
    )
    escalation_sees_error: bool = Field(False, description="A18: tier i+1 sees tier i's error text")
    cost_order: Literal["paid", "list", "expected"] = Field(
        "paid", description="A19, R2: the price by which tiers must not get cheaper"
    )
    truncated_reply: Literal["retry", "accept_if_wellformed"] = Field(
        "retry", description="A24: a reply cut at its token limit"
    )
    reply_rule: Literal["default", "paper"] = Field(
        "default", description="R3: tolerant typed parser, or the paper's rule to the letter"
    )


class ExpertConfig(ModelConfig):
    """The Planning Expert of §3.3, called by the help action."""

    returns: Literal["step", "advice"] = Field("step", description="A9: a full step, or a text")
    sees_last_error: bool = Field(True, description="A11: lifelines left and last error as well")
    malformed: Literal["observation", "end_run"] = Field(
        "observation", description="A12: an unusable expert reply"
    )
    asked_by: Literal["base", "any_tier"] = Field("base", description="A13: who may ask")
    help_steps: Literal[1, 2] = Field(
        1, description="A10: steps that help and the expert's action count as"
    )


class MemoryConfig(_Part):
    """What the planner sees of the past (§3.4)."""

    window: int = Field(3, ge=1, description="steps always shown in full")
    block: int = Field(
        6, ge=1, description="older steps are dropped this many at a time (1 = sliding window)"
    )
    retrieval: bool = Field(False, description="A25, R16: research log with retrieval (R / no R)")
    recall_after: int = Field(4, ge=0, description="R16: planner calls before the first retrieval")
    recall_at: Literal["tail", "before_steps"] = Field(
        "tail", description="where the retrieved summary stands; the paper: before the steps"
    )
    observation_limit: int = Field(5000, ge=200, description="longer ones are summarised, chars")
    block_chars: int = Field(10_000, ge=1000, description="characters per summarising call")
    bookkeeping_model: Literal["base", "worker"] = Field(
        "base", description="A23: who summarises and retrieves; always charged"
    )


class LimitsConfig(_Part):
    """Where a run stops by itself."""

    budget_usd: Decimal = Field(Decimal("0.50"), gt=0, description="hard cap in dollars")
    cap_basis: Literal["paid", "list"] = Field("paid", description="which bill the cap counts")
    lifelines: int = Field(5, ge=0, description="R8: l, calls to metered models and the expert")
    steps: int = Field(30, ge=1, le=10_000, description="R15: planner decisions")
    steps_count: Literal["all", "executed"] = Field(
        "all", description="A17: failed and unparsed steps count too, or executed ones only"
    )
    time_s: float = Field(18_000, gt=0, description="seconds of running, resumes added up")
    script_s: float = Field(3600, gt=0, description="wall seconds of one script")
    script_memory_mb: int = Field(4096, ge=64, description="memory of one script's process tree")


class RunConfig(_Part):
    """Everything that decides how a run goes; frozen with the run."""

    preset: str = Field("custom", description="the preset this came from")
    description: str = ""
    tiers: tuple[TierConfig, ...] = Field(min_length=1, description="the cascade, cheapest first")
    expert: ExpertConfig | None = Field(None, description="None: no help action")
    worker: ModelConfig | None = Field(
        None, description="R13: model of the LLM workers; None = the model of tier 0"
    )
    worker_max_tokens: int = Field(4000, ge=1, description="output tokens of an edit at most")
    worker_retry: int = Field(
        1, ge=0, le=3, description="A15: extra tries for an edit without a code block"
    )
    cascade: CascadeConfig = CascadeConfig()
    memory: MemoryConfig = MemoryConfig()
    limits: LimitsConfig = LimitsConfig()
    actions: tuple[str, ...] = Field(TABLE_1, description="offered actions, in prompt order")
    reflection_without_retrieval: bool = Field(
        True, description="offer Reflection over the run's own log when retrieval is off"
    )
    profile: Literal["planner", "assistant"] = Field(
        "planner", description="Table 1 profiles, or one general assistant for every role"
    )
    system_profile: Literal["system", "user_turn"] = Field(
        "system", description="A21: send the profile as system message or first user lines"
    )
    protocol: Literal["text"] = Field(
        "text", description="how the six entries are asked for; so far as text only"
    )
    plan_temperature: float = Field(0.2, ge=0, le=2, description="R18: planner calls, all tiers")
    work_temperature: float = Field(0.01, ge=0, le=2, description="R18: internal calls")
    grade_live: bool = Field(
        True, description="score changed submissions during the run (never shown to the agent)"
    )
    failed_runs: Literal["count", "drop"] = Field(
        "count", description="A22: whether failed runs stay in success rates"
    )
    tape: str | None = Field(None, description='tape for the model "replay:"; "task" = its own')
    data_version: str | None = Field(
        None, description="version of the task's data, set when the run is created"
    )
    seed: int = Field(
        0, ge=0, le=4_294_967_295, description="hash seed of the scripts; recorded with the run"
    )

    @model_validator(mode="after")
    def _consistent(self) -> RunConfig:
        if not self.actions or "Final Answer" not in self.actions:
            raise ValueError('actions must contain "Final Answer", or no run could ever submit')
        if len(set(self.actions)) != len(self.actions):
            raise ValueError("actions lists a name twice; keep each once")
        return self

    @property
    def replayed(self) -> bool:
        """True when every model answers from a tape."""
        return all(m.model.startswith("replay:") for m in self.models())

    def models(self) -> tuple[ModelConfig, ...]:
        """Every model of the run: tiers, expert, worker."""
        others = tuple(m for m in (self.expert, self.worker) if m is not None)
        return (*self.tiers, *others)

    def worker_model(self) -> ModelConfig:
        """The model of the LLM workers (R13)."""
        return self.worker or self.tiers[0]

    def bookkeeping_model(self) -> ModelConfig:
        """The model of summaries and retrieval (A23)."""
        base = self.memory.bookkeeping_model == "base"
        return self.tiers[0] if base else self.worker_model()

    def offered(self) -> tuple[str, ...]:
        """The worker actions on offer; Reflection is hidden without a log when asked so."""
        hidden = not self.memory.retrieval and not self.reflection_without_retrieval
        return tuple(a for a in self.actions if not (hidden and a == "Reflection"))


class RunOptions(BaseModel):
    """What a caller says when starting a run: a preset and changes to it (Studio's form)."""

    model_config = ConfigDict(extra="forbid")

    preset: str = Field("default", description="name of a preset in presets/")
    budget_usd: Decimal | None = Field(None, gt=0, description="hard cap in dollars")
    steps: int | None = Field(None, ge=1, le=10_000, description="planner decisions at most")
    lifelines: int | None = Field(None, ge=0, description="calls to metered models at most")
    retrieval: bool | None = Field(None, description="research log with retrieval")
    model_cheap: str | None = Field(None, description="provider:name for tier 0")
    model_expert: str | None = Field(None, description="provider:name for last tier and expert")
    seed: int | None = None
