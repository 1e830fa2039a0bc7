"""Decides whether a program may run at all, and in which sandbox; when in doubt it refuses."""

from __future__ import annotations

from pathlib import Path

from core.errors import CodeNotTrusted
from core.settings import Settings
from sandbox.base import Sandbox
from sandbox.plain import PlainSandbox

TRUSTED_TAPES = Path(__file__).with_name("trusted_tapes.txt")
CONSENT = "i-understand"


def choose(settings: Settings, *, trusted: bool) -> Sandbox:
    """The sandbox for one run's programs; `trusted` only for what `is_trusted` says so.

    Raises CodeNotTrusted when programs written by a model would run without isolation and nobody
    has agreed to that.
    """
    if trusted or (settings.sandbox == "none" and settings.allow_unsandboxed_code == CONSENT):
        return PlainSandbox()
    raise CodeNotTrusted(
        "This run would execute programs written by a language model, and there is no isolation "
        "for them here.\n"
        f"  found: {_found(settings)}\n"
        "  To watch a run that needs no trust, play a recorded one: --preset demo.\n"
        "  To run such programs with all rights of this user, on a machine whose loss would not "
        "hurt (a throw-away container or virtual machine), set both\n"
        f"  BUDGETML_SANDBOX=none and BUDGETML_ALLOW_UNSANDBOXED_CODE={CONSENT}."
    )


def is_trusted(tape_sha256: str | None, task_is_builtin: bool) -> bool:
    """Whether all programs of a run were written by us: a shipped tape on a built-in task."""
    return task_is_builtin and tape_sha256 is not None and tape_sha256.lower() in trusted_hashes()


def trusted_hashes(path: Path = TRUSTED_TAPES) -> frozenset[str]:
    """The first word of each line of the list."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return frozenset(line.split()[0] for line in lines if line.strip())


def _found(settings: Settings) -> str:
    consent = settings.allow_unsandboxed_code
    return (
        f"BUDGETML_SANDBOX={settings.sandbox}; BUDGETML_ALLOW_UNSANDBOXED_CODE="
        f"{consent if consent == CONSENT else 'not ' + CONSENT}; the calls do not come from a "
        "recording shipped with this version and one of its own tasks"
    )
