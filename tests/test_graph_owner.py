"""A process of this machine that has died gives its runs up at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from graph.owner import claim, is_gone, new_owner
from store.database import Store
from store.runrows import NewRun


def dead_owner() -> str:
    code = "from graph.owner import new_owner; print(new_owner())"
    root = Path(__file__).resolve().parents[1]
    return subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()


def test_only_an_ended_process_of_this_machine_is_gone() -> None:
    assert is_gone(dead_owner())
    assert not is_gone(new_owner())
    assert not is_gone("elsewhere:1:abc")
    assert not is_gone("somebody")
    assert not is_gone(new_owner().split(":")[0] + ":not-a-pid:x")


def test_a_dead_owners_run_is_taken_at_once_and_a_live_ones_is_not(tmp_path: Path) -> None:
    with Store.open(tmp_path / "budgetml.db") as store:
        for run_id in ("dead", "live"):
            store.runs.create(NewRun(run_id, "t", "p", {}, cap_pico=1, lifelines=0))
        assert store.runs.claim("dead", dead_owner()) is not None
        assert store.runs.claim("live", "elsewhere:1:abc") is not None
        taken = claim(store.runs, "dead", new_owner())
        assert taken is not None
        assert taken.epoch == 2
        assert claim(store.runs, "live", new_owner()) is None
