"""Transactions beside each other: readers keep their moment, writers wait for their turn."""

from __future__ import annotations

import threading
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from core.events import Event
from store.database import Store
from store.eventlog import EventLog
from store.runrows import NewRun
from store.sqlite import engine_for
from store.tables import events
from store.transactions import Transactions


def test_a_reader_sees_one_moment_while_others_write(tmp_path: Path) -> None:
    with Store.open(tmp_path / "a.db") as store:
        store.runs.create(NewRun("run-a", "t", "p", {}, cap_pico=1, lifelines=0))
        fence = store.runs.claim("run-a", "me")
        assert fence is not None
        engine = engine_for(tmp_path / "a.db")
        seqs = select(func.count()).select_from(events)
        with Transactions(engine).reading() as connection:
            before = connection.execute(seqs).scalar()
            EventLog(store, fence).emit(Event("log"))
            assert connection.execute(seqs).scalar() == before
        with Transactions(engine).reading() as connection:
            assert connection.execute(seqs).scalar() == 3
        engine.dispose()


def test_stores_of_two_processes_wait_for_each_other(tmp_path: Path) -> None:
    failures: list[Exception] = []

    def create(store: Store, name: str) -> None:
        try:
            for i in range(100):
                store.runs.create(NewRun(f"{name}-{i}", "t", "p", {}, cap_pico=1, lifelines=0))
        except SQLAlchemyError as error:
            failures.append(error)

    with Store.open(tmp_path / "a.db") as one, Store.open(tmp_path / "a.db") as two:
        threads = [threading.Thread(target=create, args=a) for a in ((one, "a"), (two, "b"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(one.runs.list(limit=1000)) == 200
