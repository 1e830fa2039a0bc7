"""A model names files of its workspace: none outside, no data changed, no text altered."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from core.errors import ActionFailed, BadRequest, DataMissing, InvalidFile, WorkspaceLost
from tasks.workspace import Workspace


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """What no name may reach: a neighbour whose path starts like the workspace's."""
    folder = tmp_path / "run" / "workspace_secret"
    folder.mkdir(parents=True)
    (folder / "answers.csv").write_text("1\n")
    return folder


@pytest.fixture
def workspace(tmp_path: Path, outside: Path) -> Workspace:
    starter, data = tmp_path / "starter", tmp_path / "data"
    (starter / "lib").mkdir(parents=True)
    (starter / "train.py").write_text("print(1)\n")
    (starter / "lib" / "fixed.py").write_text("x = 1\n")
    (starter / "eval.py").write_text("y = 1\n")
    for name in ("train.py", "eval.py"):
        (starter / name).chmod(0o444)
    (data / "images").mkdir(parents=True)
    (data / "images" / "a.txt").write_text("pixel\n")
    (data / "train.csv").write_text("id\n1\n")
    (data / ".prepared").touch()
    root = tmp_path / "run" / "workspace"
    return Workspace.create(root, starter, data, ("./lib/*", "eval.py"))


def test_a_new_workspace_has_writable_copies_and_links_to_the_data(workspace: Workspace) -> None:
    assert workspace.listing() == ["eval.py", "images/", "lib/", "train.csv", "train.py"]
    assert (workspace.root / "train.csv").is_symlink()
    assert stat.S_IMODE((workspace.root / "train.py").stat().st_mode) == 0o644
    assert workspace.read_text("images/a.txt") == "pixel\n"


@pytest.mark.parametrize(
    "name",
    [
        "../workspace_secret/answers.csv",
        "..",
        "lib/../../workspace_secret/answers.csv",
        "/etc/passwd",
        "//etc/passwd",
        "link.csv",
        "linked/answers.csv",
        "hop",
        "images/../../data/../run/workspace_secret/answers.csv",
    ],
)
def test_no_name_leads_outside(workspace: Workspace, outside: Path, name: str) -> None:
    (workspace.root / "link.csv").symlink_to(outside / "answers.csv")
    (workspace.root / "linked").symlink_to("../workspace_secret")
    (workspace.root / "hop").symlink_to("link.csv")
    with pytest.raises(ActionFailed, match=r"outside|out of the workspace|absolute"):
        workspace.read_text(name)
    with pytest.raises(ActionFailed):
        workspace.write_text(name, "x")
    with pytest.raises(ActionFailed):
        workspace.copy(name, "stolen.csv")
    with pytest.raises(ActionFailed):
        workspace.copy("train.py", name)
    assert (outside / "answers.csv").read_text() == "1\n"
    assert not (workspace.root / "stolen.csv").exists()


@pytest.mark.parametrize("name", ["", "a\0b", "\ud800", "x" * 300, "d/" * 600 + "f"])
def test_what_is_no_file_name_is_refused_with_printable_words(
    workspace: Workspace, name: str
) -> None:
    with pytest.raises(ActionFailed) as caught:
        workspace.write_text(name, "x")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "name",
    [
        *("eval.py", "./eval.py", "lib/../eval.py", "none/../eval.py", ".//eval.py", "alias.py"),
        *("lib/fixed.py", "lib/new.py", "lib/deep/new.py", "liblink/fixed.py"),
        *("train.csv", "./train.csv", "images/a.txt", "images/new.txt", "datalink/train.csv"),
    ],
)
def test_read_only_files_and_data_stay_as_they_are(workspace: Workspace, name: str) -> None:
    (workspace.root / "alias.py").symlink_to("eval.py")
    (workspace.root / "liblink").symlink_to("lib")
    assert workspace.data is not None
    (workspace.root / "datalink").symlink_to(workspace.data)
    before = {path: path.read_bytes() for path in workspace.data.rglob("*") if path.is_file()}
    with pytest.raises(ActionFailed, match="read-only"):
        workspace.write_text(name, "changed")
    with pytest.raises(ActionFailed, match="read-only"):
        workspace.copy("train.py", name)
    assert {p: p.read_bytes() for p in workspace.data.rglob("*") if p.is_file()} == before
    assert (workspace.root / "eval.py").read_text() == "y = 1\n"


@pytest.mark.parametrize("text", ["", "a\r\nb\rc", "\ufeffmark", "no newline", "ünï\u2028\n"])
def test_text_comes_back_unaltered(workspace: Workspace, text: str) -> None:
    workspace.write_text("new folder/-rf *.py", text)
    assert workspace.read_text("new folder/-rf *.py") == text


def test_writing_keeps_the_mode_and_leaves_no_temporary_file(workspace: Workspace) -> None:
    (workspace.root / "train.py").chmod(0o755)
    workspace.write_text("train.py", "new")
    assert stat.S_IMODE((workspace.root / "train.py").stat().st_mode) == 0o755
    assert not list(workspace.root.rglob(".writing*"))


def test_writing_breaks_a_hard_link_instead_of_following_it(
    workspace: Workspace, outside: Path
) -> None:
    (workspace.root / "hard.csv").hardlink_to(outside / "answers.csv")
    workspace.write_text("hard.csv", "mine")
    assert (outside / "answers.csv").read_text() == "1\n"


def test_unreadable_contents_are_refused_and_left_alone(workspace: Workspace) -> None:
    for name, content in (("latin.txt", b"caf\xe9"), ("bin", b"a\0b"), ("big", b"x" * 4_000_001)):
        (workspace.root / name).write_bytes(content)
        with pytest.raises(ActionFailed, match="script"):
            workspace.read_text(name)
        assert (workspace.root / name).read_bytes() == content


@pytest.mark.parametrize("name", ["pipe", "lib", "loop", "absent", "train.py/below"])
def test_what_is_not_a_file_neither_hangs_nor_crashes(workspace: Workspace, name: str) -> None:
    os.mkfifo(workspace.root / "pipe")
    (workspace.root / "loop").symlink_to("loop")
    with pytest.raises(ActionFailed):
        workspace.read_text(name)
    with pytest.raises(ActionFailed):
        workspace.copy(name, "copy")
    assert not (workspace.root / "copy").exists()


@pytest.mark.parametrize("name", [".", "images/..", "train.py/below"])
def test_folders_and_files_below_files_cannot_be_written(workspace: Workspace, name: str) -> None:
    with pytest.raises(ActionFailed):
        workspace.write_text(name, "x")


def test_a_copy_of_data_can_be_written(workspace: Workspace) -> None:
    (workspace.root / "train.csv").resolve().chmod(0o444)
    workspace.copy("train.csv", "my/train.csv")
    workspace.write_text("my/train.csv", "changed")
    assert workspace.read_text("train.csv") == "id\n1\n"
    with pytest.raises(ActionFailed, match="same file"):
        workspace.copy("my/train.csv", "./my/train.csv")


def test_listing_marks_and_escapes_names(workspace: Workspace, outside: Path) -> None:
    folder = workspace.root / "odd"
    folder.mkdir()
    (folder / "run").touch(mode=0o755)
    (folder / "two\nlines").touch()
    (folder / os.fsdecode(b"\xff")).touch()
    (folder / ".hidden").touch()
    (folder / "out").symlink_to(outside)
    os.mkfifo(folder / "pipe")
    assert workspace.listing("odd") == ["out@", "pipe|", "run*", r"two\nlines", r"\xff"]
    with pytest.raises(ActionFailed, match="not a directory"):
        workspace.listing("train.py")


def test_the_agreement_with_ls_on_plain_files(workspace: Workspace) -> None:
    names = subprocess.run(
        ["ls", "-F", workspace.root / "lib"], capture_output=True, text=True, check=True
    )
    assert workspace.listing("lib") == names.stdout.split()


def test_an_existing_workspace_is_never_overwritten(workspace: Workspace, tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="already holds files"):
        Workspace.create(workspace.root, tmp_path / "starter", None)
    assert workspace.read_text("train.py") == "print(1)\n"


def test_a_workspace_that_cannot_be_made_is_not_half_made(tmp_path: Path, outside: Path) -> None:
    root, starter = tmp_path / "new" / "workspace", outside
    with pytest.raises(DataMissing):
        Workspace.create(root, starter, tmp_path / "absent")
    with pytest.raises(InvalidFile, match=r"answers\.csv"):
        Workspace.create(root, starter, outside)
    with pytest.raises(InvalidFile, match="starter"):
        Workspace.create(root, tmp_path / "absent", None)
    assert not root.exists()
    assert not root.parent.exists() or not list(root.parent.iterdir())


def test_a_lost_workspace_is_an_error_of_the_run(workspace: Workspace) -> None:
    workspace.root.rename(workspace.root.with_name("moved"))
    with pytest.raises(WorkspaceLost):
        workspace.read_text("train.py")
