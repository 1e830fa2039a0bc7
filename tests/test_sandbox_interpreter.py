"""The scripts' interpreter is built once, from a local package here, and never half."""

from __future__ import annotations

import asyncio
import hashlib
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from core.errors import ConfigurationError, InvalidFile
from sandbox.interpreter import ensure_interpreter

CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that pip takes packages from, instead of any network."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    return folder


def add_wheel(index: Path) -> Path:
    """A package of one line."""
    wheel = index / "tiny-1.0-py3-none-any.whl"
    info = "tiny-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("tiny.py", "answer = 42\n")
        archive.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return wheel


def write_lock(folder: Path, digest: str) -> Path:
    """A lock file that pins the package."""
    lock = folder / "tiny.lock"
    lock.write_text(f"tiny==1.0 --hash=sha256:{digest}\n")
    return lock


def output_of(python: Path, script: str) -> str:
    """What a script prints in an interpreter, errors included."""
    command = [str(python), "-I", "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


async def test_built_once_rebuilt_when_broken_and_awaited_by_others(
    tmp_path: Path, index: Path
) -> None:
    wheel = add_wheel(index)
    lock = write_lock(tmp_path, hashlib.sha256(wheel.read_bytes()).hexdigest())
    envs, lines = tmp_path / "envs", list[str]()
    first, second = await asyncio.gather(
        *(ensure_interpreter(lock, envs, lines.append) for _ in range(2))
    )
    assert first == second
    assert sum("happens once" in line for line in lines) == 1
    assert sum("waiting" in line for line in lines) == 1
    assert output_of(first, "import tiny; print(tiny.answer)") == "42\n"
    assert "ModuleNotFoundError" in output_of(first, "import pygit2")

    lines.clear()
    assert await ensure_interpreter(lock, envs, lines.append) == first
    assert lines == []

    (first.parent.parent / ".complete").unlink()
    (first.parent.parent / "half-built").touch()
    assert await ensure_interpreter(lock, envs, lines.append) == first
    assert not (first.parent.parent / "half-built").exists()


async def test_a_package_that_was_tampered_with_is_refused(tmp_path: Path, index: Path) -> None:
    add_wheel(index)
    lock, envs = write_lock(tmp_path, "0" * 64), tmp_path / "envs"
    with pytest.raises(ConfigurationError, match=r"(?is)hash.*PIP_INDEX_URL"):
        await ensure_interpreter(lock, envs, lambda line: None)
    assert not list(envs.glob("*/.complete"))


async def test_a_missing_lock_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"absent\.lock"):
        await ensure_interpreter(tmp_path / "absent.lock", tmp_path / "envs", lambda line: None)
    assert not (tmp_path / "envs").exists()


def test_a_builder_that_is_killed_holds_nobody_up(tmp_path: Path, index: Path) -> None:
    """Its lock is free again and its pip does not go on in the folder."""
    lock = write_lock(tmp_path, hashlib.sha256(add_wheel(index).read_bytes()).hexdigest())
    script = f"""
import asyncio, sys
from pathlib import Path
from sandbox.interpreter import ensure_interpreter
asyncio.run(ensure_interpreter(Path({str(lock)!r}), Path({str(tmp_path / "envs")!r}), print))
"""
    builder = subprocess.Popen(
        [sys.executable, "-u", "-c", script],
        cwd=CHECKOUT,
        env={"PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert builder.stdout is not None
    assert "happens once" in builder.stdout.readline()
    builder.kill()
    builder.wait()
    builder.stdout.close()
    python = asyncio.run(ensure_interpreter(lock, tmp_path / "envs", lambda line: None))
    subprocess.run([python, "-c", "import tiny"], cwd=tmp_path, check=True)


def test_the_committed_locks_are_pinned_by_hash_and_name_no_place() -> None:
    locks = sorted((CHECKOUT / "tasks" / "envs").glob("*.lock"))
    assert locks
    for lock in locks:
        text = lock.read_text()
        assert not re.search(r"^--|://|file:|(^|\s)/", text, re.MULTILINE)
        pinned = re.findall(r"^\S+==\S+ \\\n    --hash=sha256:", text, re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^[a-z0-9]", text, re.MULTILINE))
