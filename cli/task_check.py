"""`budgetml tasks check`: whether a task folder of one's own can be used."""

from __future__ import annotations

from cli.console import console
from cli.home import settings
from cli.options import CheckArgs
from core.errors import InvalidFile
from tasks.loader import load_task
from tasks.prepared import prepared
from tasks.spec import LOCKS, Task


def main(args: CheckArgs) -> None:
    """Read it as a run would; InvalidFile names the first thing that is wrong."""
    task = load_task(args.folder.resolve())
    if not task.lock.is_file():
        known = ", ".join(sorted(p.stem for p in LOCKS.glob("*.lock")))
        raise InvalidFile(
            f"{task.root / 'task.yaml'}: interpreter: there is no {task.spec.interpreter!r}; "
            f"choose one of {known}."
        )
    _check_scripts(task)
    ready = prepared(task, settings().data_dir) is not None
    data = "needs none" if task.spec.data is None else "ready" if ready else "not prepared yet"
    shown = console()
    shown.print(f"{task.root} is a usable task: {task.spec.title}", soft_wrap=True)
    shown.print(f"  submission {', '.join(task.spec.submission)}; data: {data}", soft_wrap=True)
    shown.print(f"  budgetml run {task.id} --task-dir {args.folder}", style="dim", soft_wrap=True)


def _check_scripts(task: Task) -> None:
    names = ["grade.py", *(["prepare.py"] if task.spec.data else [])]
    for file in [task.root / name for name in names] + sorted(task.env_dir.rglob("*.py")):
        try:
            compile(file.read_bytes(), str(file), "exec")
        except (SyntaxError, ValueError) as error:
            line = getattr(error, "lineno", None)
            where = f", line {line}" if line else ""
            raise InvalidFile(f"{file}{where} is not a Python program: {error}; fix it.") from error
