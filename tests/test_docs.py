"""What the documents say is so: commands exist, links lead somewhere, examples work."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from conftest import CHECKOUT

from bench.replies import measure, read_folder
from cli.main import app
from core.reply import RECOVERIES
from core.settings import Settings
from models.registry import PROVIDERS
from models.tape import Tape

README = CHECKOUT / "README.md"
PAGES = [README, CHECKOUT / "CONTRIBUTING.md", *sorted((CHECKOUT / "docs").glob("*.md"))]
PACKAGES = ["bench", "cli", "core", "graph", "models", "nodes", "prompts", "sandbox", "store"]
CODE = [*PACKAGES, "presets", "tasks", "tests"]
OTHER_VARIABLES = {"LOCAL_API_KEY", "REPLAY_DELAY_S", "REQUIRE_SHARED", "TEST_ENVS", "TRACEBACK"}
EXTENDING = CHECKOUT / "docs" / "extending.md"
LEFTOVERS = shutil.ignore_patterns("__pycache__")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block of a page."""

    language: str
    label: str
    """What follows the language, such as `file=core/x.py` or `check`."""
    text: str
    section: str


def blocks(page: Path) -> list[Block]:
    """Every fenced block, with the heading it stands under."""
    found: list[Block] = []
    section = ""
    pattern = r"^## ([^\n]+)$|^```(\w+)(?: (\S+))?\n(.*?)^```$"
    for match in re.finditer(pattern, page.read_text(), re.MULTILINE | re.DOTALL):
        heading, language, label, text = match.groups()
        section = heading or section
        if language:
            found.append(Block(language, label or "", text, section))
    return found


def commands(page: Path) -> list[list[str]]:
    """The words of every command line in the sh blocks of a page."""
    lines = [line for b in blocks(page) if b.language == "sh" for line in b.text.splitlines()]
    return [words for line in lines if (words := shlex.split(line, comments=True))]


def all_commands() -> list[list[str]]:
    """Those of every page."""
    return [words for page in PAGES for words in commands(page)]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)


@cache
def make_verbs() -> set[str]:
    """The verbs that `make help` lists."""
    return set(re.findall(r"^([a-z]+):.*## ", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))


@cache
def modules() -> set[str]:
    """What `python -m` can be given."""
    files = [*CHECKOUT.glob("bench/*.py"), *CHECKOUT.glob("sandbox/*.py")]
    return {f"{f.parent.name}.{f.stem}" for f in files if "__main__" in f.read_text()}


def check_budgetml(words: list[str]) -> None:
    """A command that exists, given only options and arguments that it has."""
    command: Any = typer.main.get_command(app)
    while words and words[0] in getattr(command, "commands", {}):
        command, words = command.commands[words[0]], words[1:]
    options = {name: p for p in command.params for name in (*p.opts, *p.secondary_opts)}
    given = [word for word in words if word.startswith("-")]
    assert set(given) <= options.keys(), f"{command.name} has no {set(given) - options.keys()}"
    values = sum(not options[word].is_flag for word in given)
    wanted = sum(p.param_type_name == "argument" for p in command.params)
    assert len(words) - len(given) - values == wanted, f"{command.name} takes {wanted} arguments"
    assert wanted or words or command.callback, "this only groups commands"


@pytest.mark.parametrize("words", all_commands(), ids=shlex.join)
def test_every_command_line_can_be_typed(words: list[str]) -> None:
    program, *rest = words
    if program == "make":
        assert {w for w in rest if "=" not in w} <= make_verbs()
    elif program == "budgetml":
        check_budgetml(rest)
    elif program == "python" and rest[0] == "-m":
        assert rest[1] in modules()
    elif program == "python":
        assert (CHECKOUT / rest[0]).is_file()
    else:
        assert program in {".", "export"}, f"nobody checks {program!r}"


def test_the_readme_shows_the_commands_that_matter() -> None:
    shown = [" ".join(words[:2]) for words in commands(README)]
    assert shown[:2] == ["make demo", "make test"]
    assert {"budgetml doctor", "budgetml run", "budgetml prepare", "budgetml resume"} <= set(shown)


def test_the_readme_links_to_every_page() -> None:
    linked = set(re.findall(r"\]\(([\w./-]+)", prose(README)))
    assert {str(page.relative_to(CHECKOUT)) for page in PAGES} - {"README.md"} <= linked


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name} links to {target}, which does not exist"
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_no_page_names_a_file_of_the_checkout_that_is_not_there(page: Path) -> None:
    named = [re.split(r"[\s:]", code)[0] for code in re.findall(r"`([^`\n]+)`", prose(page))]
    paths = [n for n in named if re.match(rf"({'|'.join(CODE)}|docs|\.ci)/[\w./*-]+$", n)]
    missing = [p for p in paths if not list(CHECKOUT.glob(p.rstrip("/")))]
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_variable_of_ours_is_a_setting(page: Path) -> None:
    known = {name.upper() for name in Settings.model_fields} | OTHER_VARIABLES
    known |= {f"{provider.upper()}_BASE_URL" for provider in PROVIDERS}
    assert set(re.findall(r"\bBUDGETML_([A-Z_]+)\b(?!<)", page.read_text())) <= known


def copy_of_the_checkout(folder: Path) -> None:
    """The packages, without what tests and tools leave behind."""
    for name in CODE:
        shutil.copytree(CHECKOUT / name, folder / name, ignore=LEFTOVERS)


def apply(block: Block, folder: Path) -> None:
    """Write the file, or put the new lines of a diff where its other lines stand."""
    file = folder / block.label.removeprefix("file=")
    if block.language != "diff":
        assert not file.exists(), f"{block.label} exists already"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(block.text)
        return
    lines = block.text.splitlines(keepends=True)
    old = "".join(line[1:] for line in lines if line[0] in " -")
    new = "".join(line[1:] for line in lines if line[0] in " +")
    text = file.read_text()
    assert text.count(old) == 1, f"{block.label}: the lines around the change are not there once"
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize("section", dict.fromkeys(b.section for b in blocks(EXTENDING)))
def test_the_example_works(section: str, tmp_path: Path) -> None:
    copy_of_the_checkout(tmp_path)
    *changes, check = [b for b in blocks(EXTENDING) if b.section == section]
    assert check.label == "check"
    for block in changes:
        apply(block, tmp_path)
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", check.text],
        cwd=tmp_path,
        env=environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def test_the_example_tape_can_be_played(tmp_path: Path) -> None:
    (block,) = [b for b in blocks(CHECKOUT / "docs" / "tapes.md") if b.language == "json"]
    file = tmp_path / "example.tape.jsonl"
    file.write_text(block.text)
    tape = Tape.read(file)
    assert tape.header.task_id == "vectorization"
    assert len(tape.rows) == len(block.text.splitlines()) - 1


def rows_of_replies() -> dict[str, str]:
    """Rule -> count, as docs/replies.md gives them."""
    page = (CHECKOUT / "docs" / "replies.md").read_text()
    return dict(re.findall(r"^\| `(\w+)` \|.*\| (\d+) \|$", page, re.MULTILINE))


def test_every_recovery_rule_is_documented() -> None:
    assert list(rows_of_replies()) == list(RECOVERIES)


def test_the_counts_of_replies_are_those_measured(shared_dir: Path) -> None:
    tally = measure(read_folder(shared_dir / "data" / "planner-responses"))
    told = {rule: int(count) for rule, count in rows_of_replies().items()}
    assert told == {rule: tally.rules[rule] for rule in RECOVERIES}
    said = README.read_text()
    assert f"{tally.parsed} of {tally.replies}" in said
    assert f"{tally.runnable} can be carried out" in said
    assert f"{tally.wrong} wrong" in said


def test_the_curve_of_the_papers_saving_follows_from_its_formula() -> None:
    rows = re.findall(r"^\| (\d+) \| ([\d.]+) % \|$", README.read_text(), re.MULTILINE)
    assert len(rows) >= 3
    for ratio, percent in rows:
        saving = 1 - (132 + 5.4 * int(ratio)) / (93.1 * int(ratio))
        assert float(percent) == pytest.approx(100 * saving, abs=0.06)
