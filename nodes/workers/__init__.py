"""One file per action; the registry below is also the order in which actions are documented."""

from __future__ import annotations

from nodes.workers import (
    append_file,
    copy_file,
    edit_script,
    edit_script_segment,
    execute_script,
    final_answer,
    inspect_script_lines,
    list_files,
    read_file,
    reflection,
    understand_file,
    undo_edit_script,
    write_file,
)
from nodes.workers.base import Worker

WORKERS: dict[str, Worker] = {
    module.WORKER.spec.name: module.WORKER
    for module in (
        list_files,
        copy_file,
        undo_edit_script,
        execute_script,
        final_answer,
        understand_file,
        inspect_script_lines,
        edit_script,
        reflection,
        read_file,
        write_file,
        append_file,
        edit_script_segment,
    )
}
