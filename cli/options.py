"""What every command takes: one record per command, from which typer makes its options."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated

import typer

_RUN_HELP = 'run id, the beginning of one, or "last"'


def usd(text: str) -> Decimal:
    """An amount of dollars above 0, such as 0.50 or $0.50; BadParameter for anything else."""
    try:
        amount = Decimal(str(text).strip().removeprefix("$"))
    except InvalidOperation as error:
        raise typer.BadParameter(f"{text!r} is no amount; give dollars such as 0.50") from error
    if not (amount.is_finite() and amount > 0):
        raise typer.BadParameter(f"{text!r} is no budget; give dollars above 0, such as 0.50")
    return amount


TaskName = Annotated[str, typer.Argument(metavar="TASK", help="a name from `budgetml tasks`")]
RunId = Annotated[str, typer.Argument(metavar="RUN", help=_RUN_HELP)]
Json = Annotated[bool, typer.Option("--json", help="JSON on stdout, everything else on stderr")]
Preset = Annotated[str | None, typer.Option(help="name from `budgetml presets`, or a .yaml file")]
Cheap = Annotated[
    str | None, typer.Option(metavar="MODEL", help="provider:name for the cheapest tier")
]
Expert = Annotated[
    str | None, typer.Option(metavar="MODEL", help="provider:name for the last tier and the expert")
]
Budget = Annotated[
    Decimal | None, typer.Option(parser=usd, metavar="USD", help="hard cap in dollars")
]
Steps = Annotated[int | None, typer.Option(min=1, max=10_000, help="planner decisions at most")]
Lifelines = Annotated[int | None, typer.Option(min=0, help="calls of metered models at most")]
Retrieval = Annotated[
    bool | None, typer.Option("--retrieval/--no-retrieval", help="research log with retrieval")
]
Seed = Annotated[int | None, typer.Option(help="seed of the run")]
ExistingFile = Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """A preset and what is changed about it."""

    preset: Preset = None
    model_cheap: Cheap = None
    model_expert: Expert = None
    budget: Budget = None
    steps: Steps = None
    lifelines: Lifelines = None
    retrieval: Retrieval = None
    seed: Seed = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunArgs(Changes):
    """Solve a task: live progress, then a report of score and dollars."""

    task: TaskName
    task_dir: Annotated[
        Path | None,
        typer.Option(exists=True, file_okay=False, help="your task's folder, or the one around it"),
    ] = None
    tape: Annotated[
        Path | None,
        typer.Option(exists=True, dir_okay=False, help="play the calls recorded here, for nothing"),
    ] = None
    label: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="kept with the run; repeatable")
    ] = None
    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ForkArgs(Changes):
    """Start a new run from the state another one had after a step."""

    run: RunId
    step: Annotated[int, typer.Option(min=1, metavar="K", help="the last step to keep")]
    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOnly:
    """A command about one run."""

    run: RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchArgs(RunOnly):
    """Follow a run that another process works on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelArgs(RunOnly):
    """Stop a run for good; what it did and paid stays on record."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeArgs(RunOnly):
    """Go on with an interrupted run; no paid call is paid again."""

    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportArgs(RunOnly):
    """Score, dollars, escalations and lifelines of a run."""

    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowArgs(RunOnly):
    """The steps of a run, one whole step, or what a step changed."""

    step: Annotated[int | None, typer.Option(min=1, metavar="K", help="show step K whole")] = None
    diff: Annotated[
        int | None, typer.Option(min=1, metavar="K", help="what step K changed in the workspace")
    ] = None
    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunsArgs:
    """The runs there are, newest first."""

    status: Annotated[str | None, typer.Option(help="only runs with this status")] = None
    task: Annotated[str | None, typer.Option(help="only runs of this task")] = None
    limit: Annotated[int, typer.Option(min=1, help="how many")] = 20
    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TasksArgs:
    """The tasks there are."""

    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckArgs:
    """Check a task folder of your own."""

    folder: Annotated[Path, typer.Argument(metavar="DIR", exists=True, file_okay=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareArgs:
    """Make a task's data ready and measure its baseline."""

    task: TaskName
    sample: Annotated[bool, typer.Option("--sample", help="a small synthetic set")] = False
    source: Annotated[
        Path | None,
        typer.Option("--from", metavar="DIR", exists=True, file_okay=False, help="your copy"),
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetsArgs:
    """The presets there are."""

    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PresetArgs:
    """Every field of a preset, defaults included."""

    preset: Annotated[str, typer.Argument(metavar="PRESET", help="name, or a .yaml file")]
    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeExportArgs(RunOnly):
    """Write the recorded calls of a run to a file that may be shared."""

    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="default: RUN.tape.jsonl")
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeImportArgs:
    """Check a tape, keep a copy, and say how to play it."""

    file: ExistingFile


@dataclass(frozen=True, slots=True, kw_only=True)
class DoctorArgs:
    """What works here and what is missing; calls no model."""

    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeArgs:
    """The service over HTTP: start, watch and audit runs from anywhere."""

    host: Annotated[str | None, typer.Option(metavar="ADDRESS", help="default: 127.0.0.1")] = None
    port: Annotated[int | None, typer.Option(min=0, max=65_535, help="default: 8000")] = None
