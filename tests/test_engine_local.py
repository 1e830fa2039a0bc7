"""The engine works on what was submitted, gives it up in order, and takes up what was lost."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from engine_kit import LIST, QUICK, dead_owner, shop, until

from bench.crash import log_problems
from core.errors import Conflict, QueueFull
from engine.local import Bounds
from engine.standing import is_abandoned
from graph.owner import new_owner
from store.queues import Submission

ONE = Bounds(slots=1, max_queued=1, look_s=0.05)
LONG = (LIST,) * 20


def test_a_submitted_run_is_worked_on_and_another_is_left_to_its_command(tmp_path: Path) -> None:
    with shop(tmp_path) as made:
        other, mine = made.run(LIST, submitted=False), made.run(LIST)
        with made.engine():
            until(lambda: made.status(mine) == "succeeded")
            until(lambda: not any(t.name == f"run-{mine}" for t in threading.enumerate()))
        assert made.status(other) == "queued"
        assert made.row(other).epoch == 0


def test_runs_begin_by_priority_and_then_by_age(tmp_path: Path) -> None:
    with shop(tmp_path) as made:
        ids = [made.run(priority=p) for p in (0, 5, 0, -1)]
        with made.engine(ONE):
            until(lambda: all(made.status(i) == "succeeded" for i in ids))
        begun = sorted(ids, key=lambda i: str(made.row(i).started))
        assert begun == [ids[1], ids[0], ids[2], ids[3]]


def test_no_more_runs_at_once_than_places(tmp_path: Path) -> None:
    with shop(tmp_path, delay_s=0.05) as made:
        ids = [made.run(LIST, LIST) for _ in range(5)]
        seen = 0
        with made.engine(QUICK) as engine:
            while not all(made.row(i).finished for i in ids):
                working = sum(t.name.startswith("run-") for t in threading.enumerate())
                seen = max(seen, working)
                assert engine.capacity().running <= 2
        assert seen == 2


def test_a_stopped_engine_leaves_its_runs_queued_and_the_next_one_ends_them(
    tmp_path: Path,
) -> None:
    with shop(tmp_path, delay_s=0.1) as made:
        ids = [made.run(LIST, LIST, LIST) for _ in range(2)]
        with made.engine():
            until(lambda: all(made.row(i).step_count >= 1 for i in ids))
        assert [made.status(i) for i in ids] == ["queued", "queued"]
        assert [made.row(i).owner for i in ids] == [None, None]
        with made.engine():
            until(lambda: all(made.status(i) == "succeeded" for i in ids))
        for run_id in ids:
            assert made.row(run_id).step_count == 4
            assert made.types(run_id).count("interrupt") == 1
            assert not log_problems(made.store.events.read(run_id))


def test_an_interrupted_run_waits_until_somebody_hands_it_over(tmp_path: Path) -> None:
    with shop(tmp_path) as made:
        run_id, later = made.run(LIST), made.run(LIST)
        fence = made.store.runs.claim(run_id, "somebody")
        assert fence is not None
        made.store.runs.release(fence, reason="Ctrl-C")
        with made.engine() as engine:
            until(lambda: made.status(later) == "succeeded")
            assert made.status(run_id) == "interrupted"
            made.store.queue.hand_over(run_id, Submission("test"))
            engine.submit(run_id)
            until(lambda: made.status(run_id) == "succeeded")


def test_a_dead_process_gives_its_run_up_and_a_living_one_keeps_it(tmp_path: Path) -> None:
    with shop(tmp_path) as made:
        orphan, kept = made.run(LIST), made.run(LIST)
        assert made.store.runs.claim(orphan, dead_owner())
        assert made.store.runs.claim(kept, new_owner())
        with made.engine():
            until(lambda: made.status(orphan) == "succeeded")
        assert made.status(kept) == "running"
        assert not is_abandoned(made.row(kept))
        assert "run.resumed" in made.types(orphan)


def test_a_running_run_is_cancelled_within_a_second(tmp_path: Path) -> None:
    with shop(tmp_path, delay_s=0.2) as made:
        run_id = made.run(*LONG)
        with made.engine() as engine:
            until(lambda: made.row(run_id).step_count >= 1)
            assert engine.cancel(run_id) == "cancelling"
            until(lambda: made.status(run_id) == "cancelled", 3)
        assert made.types(run_id)[-1] == "run.finished"


@pytest.mark.parametrize("submitted", [True, False])
def test_the_wish_to_cancel_survives_the_process_that_should_have_obeyed(
    tmp_path: Path, submitted: bool
) -> None:
    with shop(tmp_path) as made:
        run_id = made.run(LIST, submitted=submitted)
        assert made.store.runs.claim(run_id, dead_owner())
        assert made.store.runs.request_cancel(run_id) == "cancelling"
        with made.engine():
            until(lambda: made.status(run_id) == "cancelled")
        assert made.row(run_id).step_count == 0


def test_a_run_that_kills_its_process_again_and_again_is_given_up(tmp_path: Path) -> None:
    with shop(tmp_path) as made:
        run_id = made.run(LIST)
        owner = dead_owner()
        for _ in range(3):
            assert made.store.runs.claim(run_id, owner, gone=owner)
        with made.engine(Bounds(look_s=0.05, fruitless_claims=3)):
            until(lambda: made.status(run_id) == "failed")
        assert "3 times without finishing a step" in str(made.row(run_id).error)


def test_orderly_restarts_do_not_make_a_run_look_deadly(tmp_path: Path) -> None:
    with shop(tmp_path) as made:
        run_id = made.run(LIST)
        for _ in range(5):
            fence = made.store.runs.claim(run_id, "us")
            assert fence is not None
            made.store.runs.release(fence, reason="drained", requeue=True)
        assert made.store.runs.claim(run_id, dead_owner())
        with made.engine(Bounds(look_s=0.05, fruitless_claims=3)):
            until(lambda: made.status(run_id) == "succeeded")


def test_exactly_as_many_runs_are_let_in_as_there_is_room_for(tmp_path: Path) -> None:
    with shop(tmp_path, delay_s=0.5) as made, made.engine(Bounds(2, 3, 0.05)) as engine:
        ids = [made.run(*LONG, submitted=False) for _ in range(12)]

        def come(run_id: str) -> bool:
            try:
                with engine.admission():
                    made.store.queue.hand_over(run_id, Submission("test"))
                engine.submit(run_id)
            except QueueFull:
                return False
            return True

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(come, ids)) == 5
        until(lambda: engine.capacity().queued == 3)
        with pytest.raises(QueueFull, match="BUDGETML_MAX_QUEUE"), engine.admission():
            pass


def test_an_ended_run_is_not_handed_over(tmp_path: Path) -> None:
    with shop(tmp_path) as made:
        run_id = made.run(LIST, submitted=False)
        made.store.runs.request_cancel(run_id)
        with pytest.raises(Conflict, match="has ended"):
            made.store.queue.hand_over(run_id, Submission("test"))
        assert made.status(run_id) == "cancelled"


def test_a_run_that_cannot_go_on_frees_its_place(tmp_path: Path) -> None:
    with shop(tmp_path) as made:
        broken = made.run(LIST)
        (tmp_path / "run.tape.jsonl").rename(tmp_path / "hidden")
        with made.engine(ONE):
            until(lambda: made.status(broken) == "interrupted")
            (tmp_path / "hidden").rename(tmp_path / "run.tape.jsonl")
            fine = made.run(LIST)
            until(lambda: made.status(fine) == "succeeded")
        events = made.store.events.read(broken)
        assert "There is no tape" in events[-1].data["reason"]
