"""The edge where errors become a message on stderr and an exit code."""

from __future__ import annotations

import errno
import importlib
import os
import traceback

import typer

from core.errors import BudgetMLError

FAILED, INTERRUPTED = 3, 130
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def call(module: str, args: object) -> None:
    """Load a command's module and hand it its options.

    Raises:
        typer.Exit: with the error's exit code after its message was printed.
    """
    try:
        importlib.import_module(module).main(args)
    except typer.Exit:
        raise
    except KeyboardInterrupt as error:
        raise typer.Exit(INTERRUPTED) from error
    except BudgetMLError as error:
        raise _stop(error, str(error), error.exit_code) from error
    except OSError as error:
        if error.errno == errno.EPIPE:
            raise
        raise _stop(error, _of_system(error), FAILED) from error
    except Exception as error:
        text = (
            f"This should not have happened: {type(error).__name__}: {error}\n"
            "Set BUDGETML_TRACEBACK=1 and repeat the command to see where, and report it."
        )
        raise _stop(error, text, FAILED) from error


def _of_system(error: OSError) -> str:
    if error.errno in _FULL:
        return (
            f"There is no room left on the disk ({error.strerror}). Free some, or move the home "
            "folder with BUDGETML_HOME; what was stored before is kept."
        )
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}; `budgetml doctor` shows what works here."


def _stop(error: BaseException, text: str, code: int) -> typer.Exit:
    if os.environ.get("BUDGETML_TRACEBACK"):
        typer.echo("".join(traceback.format_exception(error)), err=True)
    typer.secho("Error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo("\n".join([text, *getattr(error, "__notes__", ())]), err=True)
    return typer.Exit(code)
