"""List Files: the names in a folder of the workspace."""

from __future__ import annotations

from core.actions import ActionSpec
from core.offload import off_loop
from nodes.workers.base import Action, Done, Worker

SPEC = ActionSpec(
    name="List Files",
    kind="low-level",
    description="List the files and folders in a folder.",
    usage={"dir_path": 'the folder, relative to the workspace; "." is the workspace itself'},
    returns="one name per line; folders end with /, programs with *, links with @",
)


async def work(action: Action) -> Done:
    """The listing, as text."""
    names = await off_loop(action.deps.workspace.listing, action.text("dir_path"))
    return Done("\n".join(names) or "(the folder is empty)")


WORKER = Worker(SPEC, work)
