"""Understand File: a model reads a file and describes it (Table 1)."""

from __future__ import annotations

from core.actions import ActionSpec
from core.calls import Purpose
from core.errors import ActionFailed
from core.offload import off_loop
from nodes.texts import inside
from nodes.workers.base import Action, Done, Worker
from prompts import render

SPEC = ActionSpec(
    name="Understand File",
    kind="high-level",
    description="Have a whole file read and described, without seeing it yourself.",
    usage={
        "file_name": "the file to read",
        "things_to_look_for": "what you want to know about it",
    },
    returns="a description of the file",
    profile=("You are an expert in understanding files containing both code and natural language."),
)
PURPOSE: Purpose = "understand"
MOST_BLOCKS = 40


async def work(action: Action) -> Done:
    """One call per block of the file, and one more that joins several."""
    name, question = action.text("file_name"), action.prose("things_to_look_for")
    text = await off_loop(action.deps.workspace.read_text, name)
    size = action.deps.config.memory.block_chars
    if len(text) > size * MOST_BLOCKS:
        raise ActionFailed(
            f"{name} has {len(text)} characters; at most {size * MOST_BLOCKS} are read at once. "
            "Look at its first lines with Inspect Script Lines, or have a script summarise it."
        )
    blocks = [text[i : i + size] for i in range(0, len(text), size)] or [""]
    parts = []
    for index, block in enumerate(blocks):
        prompt = render(
            "understand_block",
            file_name=name,
            text=inside("file", block),
            question=question,
            index=index + 1,
            total=len(blocks),
            start=index * size + 1,
            end=index * size + len(block),
        )
        parts.append(await action.ask(PURPOSE, prompt, ordinal=index))
    if len(parts) == 1:
        return Done(parts[0])
    merged = render("understand_merge", file_name=name, parts=parts, question=question)
    return Done(await action.ask(PURPOSE, merged, ordinal=len(parts)))


WORKER = Worker(SPEC, work)
