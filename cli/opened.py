"""What commands open: the store or all services, and the run a person means."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cli.home import settings
from core.errors import UnknownName
from store.database import Store
from store.runrows import RunRow


@contextmanager
def opened_store() -> Iterator[Store]:
    """The store of the home folder, closed at the end."""
    with Store.open(settings().database) as store:
        yield store


def find_run(store: Store, name: str) -> RunRow:
    """The run with this id, the only one that begins so, or the newest for "last".

    Raises:
        UnknownName: none, or several.
    """
    if name != "last":
        return store.runs.find(name)
    newest = store.runs.list(limit=1)
    if not newest:
        raise UnknownName("There is no run yet; `budgetml run vectorization --preset demo` is one.")
    return newest[0]
