"""The `budgetml` command: declares every command and loads its module only when it is called."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from importlib import metadata
from typing import Annotated

import typer

from cli import options, token_options
from cli.edge import call

app = typer.Typer(
    help="Solves machine-learning engineering tasks with LLM agents for cents.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: dict[str, tuple[str, type]] = {
    "run": ("cli.run", options.RunArgs),
    "tasks": ("cli.tasks", options.TasksArgs),
    "tasks check": ("cli.task_check", options.CheckArgs),
    "prepare": ("cli.prepare", options.PrepareArgs),
    "presets": ("cli.presets", options.PresetsArgs),
    "presets show": ("cli.preset", options.PresetArgs),
    "runs": ("cli.runs", options.RunsArgs),
    "show": ("cli.show", options.ShowArgs),
    "watch": ("cli.watch", options.WatchArgs),
    "resume": ("cli.resume", options.ResumeArgs),
    "cancel": ("cli.cancel", options.CancelArgs),
    "report": ("cli.report", options.ReportArgs),
    "fork": ("cli.fork", options.ForkArgs),
    "tape export": ("cli.tape_export", options.TapeExportArgs),
    "tape import": ("cli.tape_import", options.TapeImportArgs),
    "token new": ("cli.token_new", token_options.TokenNewArgs),
    "token list": ("cli.token_list", token_options.TokenListArgs),
    "token revoke": ("cli.token_revoke", token_options.TokenRevokeArgs),
    "serve": ("cli.serve", options.ServeArgs),
    "doctor": ("cli.doctor", options.DoctorArgs),
}
"""Command -> its module, whose `main` takes the record of its options."""
GROUPS = {
    "tape": "Record the calls of a run and play them again for nothing.",
    "token": "Who may use the service beyond this machine.",
}
"""Words that are no command themselves."""


def _command(module: str, record: type) -> Callable[..., None]:
    def run(**values: object) -> None:
        call(module, record(**values))

    return _like(run, record, [])


def _list_command(module: str, record: type) -> Callable[..., None]:
    """A command that has commands below it, and runs itself when none of them is named."""

    def run(context: typer.Context, **values: object) -> None:
        if context.invoked_subcommand is None:
            call(module, record(**values))

    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    return _like(run, record, [inspect.Parameter("context", kind, annotation=typer.Context)])


def _like(
    run: Callable[..., None], record: type, first: list[inspect.Parameter]
) -> Callable[..., None]:
    """Give a function the parameters of a record, for typer to read."""
    fields = inspect.signature(record, eval_str=True).parameters.values()
    vars(run)["__signature__"] = inspect.Signature([*first, *fields])
    return run


def _register() -> None:
    groups = {name: typer.Typer(help=text, no_args_is_help=True) for name, text in GROUPS.items()}
    for name, (module, record) in COMMANDS.items():
        group, _, sub = name.partition(" ")
        if sub:
            groups[group].command(sub, help=record.__doc__)(_command(module, record))
        elif any(other.startswith(f"{name} ") for other in COMMANDS):
            groups[name] = typer.Typer(invoke_without_command=True, help=record.__doc__)
            groups[name].callback()(_list_command(module, record))
            app.add_typer(groups[name], name=name)
        else:
            app.command(name, help=record.__doc__)(_command(module, record))
    for name in GROUPS:
        app.add_typer(groups[name], name=name)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"budgetml {metadata.version('budgetml-agent')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="and exit")
    ] = False,
) -> None:
    pass


_register()


def main() -> None:
    """Entry point of the `budgetml` script."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="budgetml")
