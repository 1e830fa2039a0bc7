"""The file itself: made, migrated, shared by processes, killed under, and full."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import event

from core.errors import ConfigurationError, StorageFull
from core.events import Event
from store.database import Store
from store.eventlog import EventLog
from store.fence import Fence
from store.migrate import HEAD, to_head
from store.runrows import NewRun, RunRow
from store.sqlite import engine_for, storage_error
from store.steprows import StepRow
from store.tables import metadata, runs, steps

BIG = Event("log", data={"text": "x" * 10_000})
CHECKOUT = Path(__file__).resolve().parents[1]
PREAMBLE = """
import sys
from pathlib import Path
from core.errors import StorageFull
from core.calls import CallKey
from core.events import Event
from core.money import Usage
from store.callrows import CallBill, CallSpec
from store.database import Store
from store.eventlog import EventLog
from store.runrows import NewRun
database = Path(sys.argv[1])
"""
OPEN = "Store.open(database).close(); print('alembic' in sys.modules)"
WORK = """
store = Store.open(database)
store.runs.create(NewRun("run-a", "t", "p", {}, cap_pico=10**9, lifelines=0))
fence = store.runs.claim("run-a", "child")
log = EventLog(store, fence)
for step in range(1, 10**6):
    log.begin(step)
    spec = CallSpec(CallKey(step, 0, 1, "plan"), "m", "h", 10, False, False, {}, "b")
    call = store.calls.reserve(fence, spec, events=log.stamp(Event("call.started")))
    bill = CallBill("settled", "ok", Usage(1, 1), 3, 3, 3, 3, 0.1)
    store.calls.settle(fence, call.call_id, bill, events=log.stamp(Event("call.finished")))
    print(step, flush=True)
"""
FILL = """
import resource
store = Store.open(database)
store.runs.create(NewRun("run-a", "t", "p", {}, cap_pico=1, lifelines=0))
log = EventLog(store, store.runs.claim("run-a", "child"))
resource.setrlimit(resource.RLIMIT_FSIZE, (10**6, resource.RLIM_INFINITY))
try:
    while True:
        seq = log.emit(Event("log", data={"text": "x" * 10_000}))
except StorageFull as error:
    print(seq, error)
"""


def child(code: str, database: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PREAMBLE + code, str(database)]
    return subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True)


def output(process: subprocess.Popen[str]) -> str:
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    return out


def fill(log: EventLog) -> None:
    for _ in range(100):
        log.emit(BIG)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "home" / "budgetml.db"


def claimed(store: Store) -> Fence:
    store.runs.create(NewRun("run-a", "t", "p", {}, cap_pico=1, lifelines=0))
    fence = store.runs.claim("run-a", "me")
    assert fence is not None
    return fence


def test_what_one_store_wrote_the_next_one_reads(database: Path) -> None:
    with Store.open(database) as store:
        claimed(store)
        row = store.runs.get("run-a")
    with Store.open(database) as store:
        assert store.runs.get("run-a") == row


def test_the_migrations_make_the_schema_the_queries_use(database: Path) -> None:
    engine = engine_for(database.with_name("a.db"))
    database.parent.mkdir()
    to_head(engine)
    with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_head_is_the_newest_migration() -> None:
    scripts = ScriptDirectory(str(CHECKOUT / "store" / "migrations"))
    assert scripts.get_current_head() == HEAD


def test_records_have_the_columns_of_their_tables() -> None:
    assert set(RunRow.__slots__) == set(runs.c.keys())
    assert set(StepRow.__slots__) == set(steps.c.keys())


def test_alembic_is_imported_only_to_migrate(database: Path) -> None:
    assert output(child(OPEN, database)) == "True\n"
    assert output(child(OPEN, database)) == "False\n"


def test_processes_that_open_a_new_file_at_once_all_succeed(database: Path) -> None:
    for process in [child(OPEN, database) for _ in range(4)]:
        output(process)
    with Store.open(database) as store:
        assert store.runs.list() == []


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 1), ("busy_timeout", 10_000), ("foreign_keys", 1)],
)
def test_every_connection_is_set_up_alike(database: Path, pragma: str, value: object) -> None:
    database.parent.mkdir()
    engine = engine_for(database)
    with engine.connect() as first, engine.connect() as second:
        found = [c.exec_driver_sql(f"PRAGMA {pragma}").scalar() for c in (first, second)]
    engine.dispose()
    assert found == [value, value]


def test_a_database_of_a_newer_version_is_refused(database: Path) -> None:
    Store.open(database).close()
    with sqlite3.connect(database) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="update the program"):
        Store.open(database)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageFull, match="BUDGETML_HOME"):
        Store.open(tmp_path / "file" / "budgetml.db")
    with pytest.raises(StorageFull, match="cannot be opened"):
        Store.open(tmp_path)


def test_a_full_database_says_so_keeps_what_it_has_and_goes_on_later(database: Path) -> None:
    Store.open(database).close()
    engine, pages = engine_for(database), [60]
    event.listen(
        engine, "checkout", lambda raw, *_: raw.execute(f"PRAGMA max_page_count={pages[0]}")
    )
    with Store(engine) as full:
        log = EventLog(full, claimed(full))
        with pytest.raises(StorageFull, match="disk is full"):
            fill(log)
        seq = full.runs.get("run-a").last_seq
        assert seq > 2
        pages[0] = 10_000
        log.begin(1)
        assert log.emit(Event("log")) == seq + 1
        assert [e.seq for e in full.events.read("run-a")] == list(range(1, seq + 2))


def test_a_disk_that_takes_no_more_bytes_stops_the_run_with_advice(database: Path) -> None:
    seq, message = output(child(FILL, database)).split(" ", 1)
    assert "Free space" in message
    with Store.open(database) as store:
        assert [e.seq for e in store.events.read("run-a")] == list(range(1, int(seq) + 1))


def test_a_process_killed_while_it_writes_leaves_no_gap_and_no_loose_cent(database: Path) -> None:
    process = child(WORK, database)
    assert process.stdout is not None
    for _ in range(50):
        process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    printed = 50 + len(process.stdout.readlines())
    process.wait(timeout=10)
    process.stdout.close()
    with Store.open(database) as store:
        assert store.runs.claim("run-a", "heir", stale_after_s=-1) == Fence("run-a", 2)
        row, calls = store.runs.get("run-a"), store.calls.read("run-a", limit=10**6)
        logged = store.events.read("run-a", limit=10**6)
    assert [e.seq for e in logged] == list(range(1, row.last_seq + 1))
    assert row.spent_pico == sum(c.cost_pico for c in calls)
    assert sum(c.status == "settled" for c in calls) >= printed
    assert {c.status for c in calls} <= {"settled", "lost"}
    assert row.reserved_pico == 0


def test_a_database_that_stays_locked_can_be_resumed_from(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path, timeout=0)) as one:
        one.execute("BEGIN EXCLUSIVE")
        with closing(sqlite3.connect(path, timeout=0)) as two, pytest.raises(sqlite3.Error) as busy:
            two.execute("BEGIN IMMEDIATE")
    assert "locked" in str(storage_error(busy.value))
