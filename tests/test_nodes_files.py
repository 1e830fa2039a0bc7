"""The actions that touch files: what they show, what they refuse, and what they leave alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from tape_kit import LIST, on_tape, undo, write

from bench.kit import reply

BINARY = bytes(range(256))
LINES = "".join(f"line {n}\n" for n in range(1, 151))


def inspect(start: object, end: object, name: str = "long.txt") -> str:
    return reply("Inspect Script Lines", script_name=name, start_line_number=start,
                 end_line_number=end)  # fmt: skip


def below(folder: Path, name: str) -> list[Path]:
    return list(folder.rglob(name))


def copy(source: str, destination: str) -> str:
    return reply("Copy File", source=source, destination=destination)


async def test_lines_are_shown_as_they_stand_with_the_length_of_the_file(tmp_path: Path) -> None:
    asked = [inspect(2, 3), inspect("149", "160"), inspect(1, 100)]
    with on_tape(tmp_path, *asked, files={"long.txt": LINES}) as tried:
        await tried.go()
        assert tried.saw(1) == "Lines 2 to 3 of long.txt (150 lines in all):\n\nline 2\nline 3"
        assert tried.saw(2).startswith("Lines 149 to 150 of")
        assert tried.saw(3).endswith("\nline 100")


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (0, 5, "at least 1"),
        (5, 4, "at most end_line_number"),
        (1, 101, "101 lines; at most 100"),
        (151, 152, "only 150 lines"),
        ("two", 5, 'must be a whole number, not "two"'),
        (True, 5, "must be a whole number"),
        (1.5, 5, "must be a whole number"),
    ],
)
async def test_lines_that_cannot_be_shown_are_refused_with_the_bound(
    tmp_path: Path, start: object, end: object, said: str
) -> None:
    with on_tape(tmp_path, inspect(start, end), files={"long.txt": LINES}) as tried:
        await tried.go()
        assert tried.steps[0].failed
        assert said in tried.saw(1)


async def test_unusable_files_are_refused_and_the_run_goes_on(tmp_path: Path) -> None:
    asked = {
        inspect(1, 2, "blob.bin"): "binary file",
        inspect(1, 2, "none.py"): "no such file",
        inspect(1, 2, "../../../budgetml.db"): "leads out of the workspace",
        inspect(1, 2, "/etc/passwd"): "absolute path",
        reply("List Files", dir_path="train.py"): "Cannot list",
        copy("train.py", "../stolen.py"): "leads out of the workspace",
        copy("/etc/passwd", "mine"): "absolute path",
        write("../outside.txt", "x"): "leads out of the workspace",
        reply("Read File", file_name=["a", "b"]): "must be a string, not list",
        reply("Execute Script", script_name="gone.py"): "List Files shows what there is",
        undo("train.py"): "no edit of train.py",
    }
    with on_tape(tmp_path, *asked, files={"blob.bin": BINARY}) as tried:
        await tried.go()
        for number, expected in enumerate(asked.values(), start=1):
            assert tried.steps[number - 1].failed
            assert expected in tried.saw(number)
        assert tried.outcome == ("succeeded", "final_answer")
        assert not below(tmp_path, "stolen.py") + below(tmp_path, "outside.txt")


async def test_text_is_written_added_to_read_and_listed(tmp_path: Path) -> None:
    add = reply("Append File", file_name="new/a.txt", content="two\n")
    read = reply("Read File", file_name="new/a.txt")
    empty = reply("Read File", file_name="empty.txt")
    folder = reply("List Files", dir_path="new")
    asked = [write("new/a.txt", "one\n"), add, read, write("empty.txt", ""), empty, LIST, folder]
    with on_tape(tmp_path, *asked) as tried:
        await tried.go()
        assert tried.saw(3) == "one\ntwo\n"
        assert tried.saw(5) == "(the file is empty)"
        assert tried.saw(6).splitlines() == ["empty.txt", "new/", "train.py"]
        assert tried.saw(7) == "a.txt"


async def test_undo_takes_back_one_edit_at_a_time_until_there_is_none(tmp_path: Path) -> None:
    asked = [write("a.py", "one\n"), write("a.py", "two\n"), *[undo("a.py")] * 3]
    with on_tape(tmp_path, *asked) as tried:
        await tried.go()
        assert "-two\n+one" in tried.saw(3)
        assert tried.saw(4) == "a.py did not exist before its last edit and was removed."
        assert not (tried.workspace / "a.py").exists()
        assert tried.steps[4].failed


@pytest.mark.parametrize("name", ["sub/a.py", "./sub/a.py", "sub//a.py", "sub/../sub/a.py"])
async def test_undo_knows_a_file_by_every_spelling_of_its_name(tmp_path: Path, name: str) -> None:
    asked = [write("sub/a.py", "mine\n"), write("other/a.py", "not mine\n"), undo(name)]
    with on_tape(tmp_path, *asked, files={"sub/a.py": "first\n"}) as tried:
        await tried.go()
        assert tried.text("sub/a.py") == "first\n"
        assert tried.text("other/a.py") == "not mine\n"


async def test_undo_leaves_what_others_changed_in_between(tmp_path: Path) -> None:
    asked = [write("a.py", "mine\n"), write("b.py", "later\n"), undo("a.py")]
    with on_tape(tmp_path, *asked, files={"a.py": "first\n"}) as tried:
        await tried.go()
        assert (tried.text("a.py"), tried.text("b.py")) == ("first\n", "later\n")


async def test_undo_of_a_copy_brings_back_the_very_bytes_that_were_there(tmp_path: Path) -> None:
    asked = [copy("train.py", "model.bin"), undo("model.bin"), copy("model.bin", "again.bin")]
    with on_tape(tmp_path, *asked, files={"model.bin": BINARY}) as tried:
        await tried.go()
        assert (tried.workspace / "model.bin").read_bytes() == BINARY
        assert (tried.workspace / "again.bin").read_bytes() == BINARY
        assert "binary file" in tried.saw(2)


async def test_undo_does_not_count_edits_that_were_refused_or_changed_nothing(
    tmp_path: Path,
) -> None:
    same = write("a.py", "first\n")
    asked = [write("a.py", "second\n"), copy("gone.py", "a.py"), undo("a.py"), same, undo("a.py")]
    with on_tape(tmp_path, *asked, files={"a.py": "first\n"}) as tried:
        await tried.go()
        assert tried.steps[1].failed
        assert tried.text("a.py") == "first\n"
        assert "changed nothing" in tried.saw(5)


async def test_undo_of_a_file_that_became_a_folder_is_refused(tmp_path: Path) -> None:
    starter = "from pathlib import Path\nPath('a.py').unlink()\nPath('a.py/b').mkdir(parents=True)"
    run = reply("Execute Script", script_name="train.py")
    with on_tape(
        tmp_path, write("a.py", "x\n"), run, undo("a.py"), files={"train.py": starter}
    ) as tried:
        await tried.go()
        assert "is a folder now" in tried.saw(3)
        assert tried.outcome == ("succeeded", "final_answer")
