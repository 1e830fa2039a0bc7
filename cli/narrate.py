"""Turns the events of a run into the lines that `run`, `resume` and `watch` print."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from rich.text import Text

from cli.layout import Layout
from cli.outcome import outcome, subject
from cli.standing import DOING, Standing
from cli.text import dollars, number, one_line, percent, plain, short_model
from core.actions import FINAL
from core.config import RunConfig
from core.events import LoggedEvent
from core.money import to_pico

Lines = list[Text]
_LEVELS = {"warning": ("⚠", "yellow")}


class Narrator:
    """Tells one run; remembers how it stands."""

    def __init__(self, config: RunConfig, width: int) -> None:
        self._config = config
        self._layout = Layout(width)
        self._try: tuple[int | None, int] = (None, 1)
        self._reply = "ok"
        self._why = ""
        self.headed = False
        """The header of the columns has been told."""
        self.standing = Standing(lifelines=config.limits.lifelines)
        self._tellers: dict[str, Callable[[LoggedEvent], Lines]] = {
            "run.prepared": self._prepared,
            "run.resumed": self._resumed,
            "run.graded": self._graded,
            "call.started": self._calling,
            "call.finished": self._called,
            "call.failed": self._refused,
            "cost": self._cost,
            "lifeline": self._lifeline,
            "escalation": self._escalation,
            "metric": self._metric,
            "log": self._log,
            "interrupt": self._interrupt,
            "step.started": self._begin,
            "step.rolled_back": self._rolled_back,
            "step.finished": self._step,
        }

    def tell(self, event: LoggedEvent) -> Lines:
        """The lines for one event; most events have none."""
        teller = self._tellers.get(event.type)
        return teller(event) if teller else []

    def _prepared(self, event: LoggedEvent) -> Lines:
        note, data = self._layout.note, event.data
        lines = [note("·", f"programs run in the sandbox “{data.get('sandbox')}”", "dim")]
        gaps = [one_line(str(gap)) for gap in data.get("unprotected", ())]
        return (
            [*lines, note("⚠", f"without protection: {' '.join(gaps)}", "yellow")]
            if gaps
            else lines
        )

    def _resumed(self, _: LoggedEvent) -> Lines:
        return [self._layout.note("↺", "going on from the last whole step", "yellow")]

    def _interrupt(self, event: LoggedEvent) -> Lines:
        return [self._layout.note("‖", str(event.data.get("reason", "")), "yellow")]

    def _begin(self, event: LoggedEvent) -> Lines:
        self.standing.step = event.step or 0
        self._try = (None, 1)
        if self.headed:
            return []
        self.headed = True
        limits = self._config.limits
        cap = f"of ${limits.budget_usd:f}"
        names = ("step", "model", "action", "what came of it", cap, f"♥{limits.lifelines}", "best")
        return [Text(), Text(self._layout.columns(*names), "dim")]

    def _calling(self, event: LoggedEvent) -> Lines:
        data, now = event.data, (event.tier, int(event.data["try"]))
        self.standing.start(DOING.get(data["purpose"], "calling a model"))
        if data["purpose"] != "plan" or now == self._try:
            return []
        self._try = now
        return [] if now[1] == 1 else self._retry(data["model"], *now)

    def _retry(self, model: str, tier: int | None, number_: int) -> Lines:
        tries = self._config.tiers[tier or 0].tries
        of = f" of {tries}" if number_ <= tries else ""
        plain_why = "could not be used" if self._reply == "ok" else f"was {self._reply}"
        why, self._why = self._why or f"its reply {plain_why}", ""
        text = f"try {number_}{of} for {short_model(model)}: {why}"
        return [self._layout.note("↻", text, "yellow")]

    def _called(self, event: LoggedEvent) -> Lines:
        if event.data["purpose"] in {"plan", "expert"}:
            self._reply = str(event.data["outcome"])
            self.standing.start("acting")
        return []

    def _refused(self, event: LoggedEvent) -> Lines:
        text = f"{short_model(event.data['model'])}: {event.data.get('reason', '')}"
        return [self._layout.note("↻", text, "yellow")]

    def _cost(self, event: LoggedEvent) -> Lines:
        self.standing.spent_pico = to_pico(Decimal(event.data["spent_usd"]))
        return []

    def _lifeline(self, event: LoggedEvent) -> Lines:
        left, used = event.data["left"], event.data["used"]
        given_back = left > self.standing.lifelines
        self.standing.lifelines = left
        what = "given back" if given_back else f"{used} of {used + left} used"
        return [self._layout.note("♥", f"lifeline {what}, {left} left", "magenta")]

    def _escalation(self, event: LoggedEvent) -> Lines:
        reason, detail = event.data["reason"], event.data.get("detail", "")
        if reason == "help":
            model = self._config.expert.model if self._config.expert else ""
            what = f"asks the expert {short_model(model)}"
        else:
            what = f"step up to {short_model(self._config.tiers[event.tier or 0].model)}"
        return [self._layout.note("▲", f"{what} ({reason}): {detail}", "bold magenta")]

    def _metric(self, event: LoggedEvent) -> Lines:
        if event.data["score"] is not None:
            self.standing.scored(event.data["score"], event.data["improvement"])
        return []

    def _graded(self, event: LoggedEvent) -> Lines:
        data = event.data
        if data["score"] is None:
            return [self._layout.note("✗", f"graded: no score; {data.get('reason', '')}", "red")]
        text = f"graded: {number(data['score'])}, the starter {number(data['baseline'])}"
        return [self._layout.note("✓", f"{text} ({percent(data['improvement'])})", "green")]

    def _log(self, event: LoggedEvent) -> Lines:
        if "message" in event.data:
            level = str(event.data.get("level", ""))
            if level == "retry":  # told with the try that follows
                self._why = str(event.data["message"])
                return []
            mark, style = _LEVELS.get(level, ("·", "dim"))
            return [self._layout.note(mark, str(event.data["message"]), style)]
        self.standing.start("running a script")
        lines = [x.strip() for x in plain(str(event.data.get("text", ""))).splitlines()]
        said = [x for x in lines if x]
        self.standing.said(said)
        return [self._layout.output(said[-1])] if said else []

    def _rolled_back(self, event: LoggedEvent) -> Lines:
        text = f"step {event.step} was cut off and is done again; paid calls are not paid again"
        return [self._layout.note("↺", text, "yellow")]

    def _step(self, event: LoggedEvent) -> Lines:
        data = event.data
        over = "ended" in data or data["action"] == FINAL
        self.standing.start("grading" if over else "planning")
        if "ended" in data:
            text = f"{data['ended']}: {data.get('detail', '')}"
            return [self._layout.note("■", text, "yellow")]
        helped = data.get("by") == "expert" and self._config.expert is not None
        cells = (
            str(event.step),
            short_model(self._model(event)),
            subject(data["action"] or "(no action)", data["input"]),
            outcome(data),
            dollars(self.standing.spent_pico),
            f"♥{self.standing.lifelines}",
            number(self.standing.best),
        )
        strong = helped or (event.tier or 0) > 0
        return [self._layout.step(cells, strong=strong, failed=bool(data["failed"]))]

    def _model(self, event: LoggedEvent) -> str:
        if event.data.get("by") == "expert" and self._config.expert:
            return self._config.expert.model
        return self._config.tiers[event.tier or 0].model
