"""The checkout keeps its promises: free names, locked installs, nothing of one machine in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from conftest import CHECKOUT

from core.settings import Settings

LAYERS = ["core", "prompts", "store", "sandbox", "models", "tasks", "nodes", "graph"]
LAYERS += ["engine", "api", "bench", "cli"]
PACKAGES = [name for name in LAYERS if (CHECKOUT / name / "__init__.py").is_file()]
LOCKS = [
    *sorted(CHECKOUT.glob("requirements*.lock")),
    *sorted(CHECKOUT.glob("tasks/envs/*.lock")),
]
HEAVY = {"langgraph", "langchain_core", "openai", "google.genai", "anthropic", "pandas"}
FOREIGN = re.compile(
    "|".join([r"py[p]i\.org", r"python[h]osted", r"deb\.de[b]ian\.org", r"/wor[k]/", r"/ho[m]e/\w"])
    + r"|/Us[e]rs/\w|/ro[o]t/|/op[t]/wheels"
)
PROJECT: dict[str, Any] = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())


def files_of_the_checkout() -> list[Path]:
    """What git tracks, or would once it is added."""
    if not (CHECKOUT / ".git").exists() or not shutil.which("git"):
        pytest.skip("only a git checkout can tell its own files from leftovers")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [path for name in listed.split("\0") if name and (path := CHECKOUT / name).is_file()]


def pins(lock: Path) -> dict[str, str]:
    """Package -> version of a lock file."""
    return dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", lock.read_text(), re.MULTILINE))


def test_no_package_of_ours_has_a_name_that_somebody_else_uses() -> None:
    installed = {
        name
        for name, distributions in packages_distributions().items()
        if set(distributions) != {PROJECT["project"]["name"]}
    }
    assert PACKAGES
    assert not set(LAYERS) & (installed | sys.stdlib_module_names)


def test_every_folder_with_code_is_a_layer_and_a_package() -> None:
    folders = {path.relative_to(CHECKOUT).parts[0] for path in CHECKOUT.glob("*/*.py")}
    assert folders - {"tests"} == set(PACKAGES)


def test_the_import_contract_knows_every_package_in_its_order() -> None:
    (contract,) = PROJECT["tool"]["importlinter"]["contracts"]
    assert contract["layers"] == PACKAGES[::-1]
    assert PROJECT["tool"]["importlinter"]["root_packages"] == PACKAGES


def test_tasks_and_tests_are_no_packages() -> None:
    inits = [*CHECKOUT.glob("tasks/*/**/__init__.py"), *CHECKOUT.glob("tests/**/__init__.py")]
    assert not inits


def test_the_wheel_carries_metadata_only_and_cannot_be_uploaded() -> None:
    build = PROJECT["tool"]["hatch"]["build"]
    assert build["targets"]["wheel"] == {"bypass-selection": True}
    assert build["dev-mode-dirs"] == ["."]
    assert "Private :: Do Not Upload" in PROJECT["project"]["classifiers"]


def test_no_file_names_a_registry_host_or_a_path_of_one_machine() -> None:
    found = [
        f"{path.relative_to(CHECKOUT)}: {match.group()}"
        for path in files_of_the_checkout()
        if (match := FOREIGN.search(path.read_bytes().decode(errors="replace")))
    ]
    assert not found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_a_lock_pins_every_package_by_hash_and_names_no_place(lock: Path) -> None:
    text = lock.read_text()
    entries = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert entries
    assert all(re.match(r"\S+==\S+.*\\\n +--hash=sha256:", entry) for entry in entries)
    assert "://" not in text
    assert not re.search(r"^-", text, re.MULTILINE), "no option lines: they name places"


def test_what_we_test_is_what_we_run() -> None:
    run, develop = (
        pins(CHECKOUT / name) for name in ("requirements.lock", "requirements-dev.lock")
    )
    assert run.items() <= develop.items()


@pytest.mark.parametrize(
    ("lock", "extras"),
    [("requirements.lock", []), ("requirements-dev.lock", ["dev", "studio"])],
)
def test_the_locks_hold_what_the_project_asks_for(lock: str, extras: list[str]) -> None:
    project = PROJECT["project"]
    wanted = [*project["dependencies"]]
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    missing = {re.split(r"[\[<>=]", name)[0] for name in wanted} - pins(CHECKOUT / lock).keys()
    assert not missing, f"run `make lock`: {missing}"


def test_every_dependency_is_justified() -> None:
    project = PROJECT["project"]
    wanted = sum(project["optional-dependencies"].values(), project["dependencies"])
    said = (CHECKOUT / "docs" / "dependencies.md").read_text()
    rows = {
        name.strip()
        for row in re.findall(r"^\| ([^|]+)\|", said, re.MULTILINE)
        for name in row.split(",")
    }
    missing = {re.split(r"[\[<>=]", name)[0] for name in wanted} - rows
    assert not missing


def test_the_image_gets_every_package_and_no_key() -> None:
    admitted = (CHECKOUT / ".dockerignore").read_text().split()
    assert {f"!{name}" for name in LAYERS} <= set(admitted)
    assert "*" in admitted
    assert "!.env" not in admitted


def test_the_gate_can_be_executed() -> None:
    gate = CHECKOUT / ".ci" / "run"
    assert os.access(gate, os.X_OK)
    assert subprocess.run(["bash", "-n", gate], check=False).returncode == 0


def test_studio_finds_the_graphs_it_is_told_about() -> None:
    graphs = json.loads((CHECKOUT / "langgraph.json").read_text())["graphs"]
    assert "budget" in graphs
    for place in graphs.values():
        path, _, attribute = place.partition(":")
        module = import_module(".".join(Path(path).with_suffix("").parts))
        assert getattr(module, attribute).checkpointer is None, "the server brings its own"


def test_the_example_settings_are_settings() -> None:
    """A misspelt variable in .env.example would be silently ignored."""
    text = (CHECKOUT / ".env.example").read_text()
    ours = set(re.findall(r"^#?BUDGETML_(\w+)=", text, re.MULTILINE))
    assert ours - {"LOCAL_API_KEY"} <= {name.upper() for name in Settings.model_fields}
    assert not re.search(r"_KEY=\S", text)


@pytest.mark.parametrize("arguments", [["--help"], ["tasks"], ["run", "--help"]])
def test_the_command_line_answers_without_loading_anything_heavy(arguments: list[str]) -> None:
    script = (
        "import atexit, sys\n"
        f"loaded = lambda: print('LOADED', sorted({HEAVY} & sys.modules.keys()), file=sys.stderr)\n"
        "atexit.register(loaded)\n"
        f"sys.argv = ['budgetml', *{arguments}]\n"
        "from cli.main import main\n"
        "sys.exit(main())\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=CHECKOUT,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()
    assert done.stderr.splitlines()[-1] == "LOADED []"
