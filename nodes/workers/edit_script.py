"""Edit Script (AI): a model rewrites a script as instructed (Table 1)."""

from __future__ import annotations

from core.actions import ActionSpec
from core.errors import ActionFailed
from core.offload import off_loop
from nodes.workers.base import Action, Done, Worker
from nodes.workers.code_block import code_block
from nodes.workers.edits import save
from prompts import render

SPEC = ActionSpec(
    name="Edit Script (AI)",
    kind="high-level",
    description=(
        "Have a script edited, or a new one written. The editor sees only the script and your "
        "instruction, not the task or earlier steps: say in full what is to be done."
    ),
    usage={
        "script_name": "the script to start from; a name that does not exist starts empty",
        "edit_instruction": "a complete, detailed description of the change",
        "save_name": "the name to save the result under; may be the same",
    },
    returns="the difference between the script before and after; it can be undone",
    profile="You are an expert in editing code files.",
)


async def work(action: Action) -> Done:
    """Write the edited file and return its diff; nothing is written unless a whole file came."""
    name, target = action.text("script_name"), action.text("save_name")
    workspace = action.deps.workspace
    path = await off_loop(workspace.resolve, name)
    await off_loop(workspace.resolve, target, write=True)
    before = await off_loop(workspace.read_text, name) if path.exists() else ""
    text = await rewritten(action, name, before)
    return Done(await save(action.deps, target, before, text))


async def rewritten(
    action: Action, name: str, text: str, segment: tuple[int, int] | None = None
) -> str:
    """The editor's text; a reply without a code block is asked for again (A15)."""
    feedback = ""
    for attempt in range(action.deps.config.worker_retry + 1):
        prompt = render(
            "edit",
            script_name=name,
            text=text,
            instruction=action.prose("edit_instruction"),
            segment=segment,
            feedback=feedback,
        )
        limit = action.deps.config.worker_max_tokens
        block = code_block(await action.ask("edit", prompt, ordinal=attempt, max_tokens=limit))
        if block is not None:
            return block
        feedback = "Your last reply held no complete code block; give the whole text in one."
    raise ActionFailed("The editor gave no complete code block, so the file was left as it is.")


WORKER = Worker(SPEC, work)
