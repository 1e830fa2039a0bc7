"""`budgetml run`: solve a task."""

from __future__ import annotations

from contextlib import nullcontext

from cli.choices import DEFAULT, DEMO, labels, played, run_options
from cli.drive import drive
from cli.home import settings
from cli.options import RunArgs
from core.errors import UnknownName
from graph.services import Services
from graph.start import create_run


def main(args: RunArgs) -> None:
    """Create the run, or refuse before anything is paid, and drive it to its end."""
    kept = labels(args.label)
    task = task_of(args)
    options = run_options(args, DEMO if args.tape else DEFAULT)
    services = Services.open(settings())
    try:
        with played(options, args.tape) if args.tape else nullcontext(options) as chosen:
            row = create_run(services, task, chosen, labels=kept)
        drive(services, row, json=args.json)
    finally:
        services.close()


def task_of(args: RunArgs) -> str:
    """A task's name, or the path of its folder when one was given.

    Raises:
        UnknownName: the given folder is not that task's and does not hold it.
    """
    if args.task_dir is None:
        return args.task
    for folder in (args.task_dir, args.task_dir / args.task):
        if (folder / "task.yaml").is_file() and folder.resolve().name == args.task:
            return str(folder.resolve())
    raise UnknownName(
        f"Neither {args.task_dir} nor {args.task_dir / args.task} is the folder of a task "
        f"{args.task!r}; it must be named so and hold a task.yaml (see `budgetml tasks check`)."
    )
