"""No program of a model runs without isolation unless it is ours or somebody said so twice."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from core.errors import CodeNotTrusted
from core.settings import Settings
from sandbox.gate import choose, is_trusted, trusted_hashes
from sandbox.trust import write_list


def test_shipped_tapes_run_without_any_setting() -> None:
    assert choose(Settings(), trusted=True).name == "plain"


def test_two_settings_together_allow_everything() -> None:
    settings = Settings(sandbox="none", allow_unsandboxed_code="i-understand")
    sandbox = choose(settings, trusted=False)
    assert sandbox.name == "plain"
    assert any("network" in sentence for sentence in sandbox.unprotected)


@pytest.mark.parametrize(
    ("sandbox", "consent"),
    [
        ("auto", ""),
        ("none", ""),
        ("none", "yes"),
        ("none", "I-UNDERSTAND"),
        ("auto", "i-understand"),
    ],
)
def test_anything_less_is_refused_with_the_way_out(sandbox: str, consent: str) -> None:
    settings = Settings.model_validate({"sandbox": sandbox, "allow_unsandboxed_code": consent})
    with pytest.raises(CodeNotTrusted) as caught:
        choose(settings, trusted=False)
    text = str(caught.value)
    assert f"BUDGETML_SANDBOX={sandbox}" in text
    assert "BUDGETML_ALLOW_UNSANDBOXED_CODE=i-understand" in text
    assert caught.value.exit_code == 4


def test_a_tape_is_trusted_by_its_content_on_our_tasks_only(tmp_path: Path) -> None:
    for digest in trusted_hashes():
        assert is_trusted(digest, task_is_builtin=True)
        assert not is_trusted(digest, task_is_builtin=False)
    unknown = hashlib.sha256(b"another tape").hexdigest()
    assert not is_trusted(unknown, task_is_builtin=True)
    assert not is_trusted(None, task_is_builtin=True)


def test_the_list_is_rebuilt_from_the_tapes(tmp_path: Path) -> None:
    tapes = [tmp_path / task / "demo.tape.jsonl" for task in ("b-task", "a-task")]
    for tape in tapes:
        tape.parent.mkdir()
        tape.write_text(tape.parent.name)
    target = tmp_path / "trusted.txt"
    assert write_list(tapes, target) == 2
    assert [line.split()[1] for line in target.read_text().splitlines()] == ["a-task", "b-task"]
    assert trusted_hashes(target) == {
        hashlib.sha256(name.encode()).hexdigest() for name in ("a-task", "b-task")
    }
    tapes[0].write_text("changed by one letter")
    assert hashlib.sha256(tapes[0].read_bytes()).hexdigest() not in trusted_hashes(target)


def test_the_committed_list_belongs_to_the_committed_tapes(tmp_path: Path) -> None:
    checkout = Path(__file__).resolve().parents[1]
    write_list(checkout.glob("tasks/*/demo.tape.jsonl"), tmp_path / "trusted.txt")
    fresh = (tmp_path / "trusted.txt").read_text()
    committed = (checkout / "sandbox" / "trusted_tapes.txt").read_text()
    assert committed == fresh, "run: python -m sandbox.trust tasks/*/demo.tape.jsonl"
