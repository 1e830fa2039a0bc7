"""`budgetml cancel`: stop a run for good."""

from __future__ import annotations

from cli.console import console
from cli.opened import find_run, opened_store
from cli.options import CancelArgs


def main(args: CancelArgs) -> None:
    """Cancel at once what nobody works on; ask a live owner to stop."""
    with opened_store() as store:
        row = find_run(store, args.run)
        if row.finished is not None:
            console().print(f"Run {row.id} had ended before ({row.status}); nothing was changed.")
            return
        status = store.runs.request_cancel(row.id)
    if status == "cancelling":
        console().print(f"Run {row.id} was asked to stop; its process does so within a second.")
    else:
        console().print(f"Run {row.id} is {status}.")
