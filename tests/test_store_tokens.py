"""Tokens: what is kept of them, when they are good, and what their runs may take."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Engine, event, text

from core.errors import BadRequest, UnknownName
from store.database import Store
from store.sqlite import engine_for
from store.tokens import NewToken
from store.transactions import ago

MIGRATIONS = Path(__file__).resolve().parents[1] / "store" / "migrations"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "budgetml.db"


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with Store.open(database) as opened:
        yield opened


@pytest.fixture
def engine(database: Path) -> Iterator[Engine]:
    """A second way to the same file, to turn back clocks."""
    made = engine_for(database)
    yield made
    made.dispose()


def test_a_token_is_good_and_only_its_hash_is_kept(store: Store, database: Path) -> None:
    token, made = store.tokens.create(NewToken(name="ci"))
    found = store.tokens.verify(token)
    assert found is not None
    assert found.name == "ci"
    assert found.scopes == {"read", "run"}
    secret = token.split("_", 2)[2]
    assert len(secret) == 43, "256 bits"
    for file in database.parent.iterdir():
        assert secret.encode() not in file.read_bytes()
    assert token.startswith(f"bml_{made.id}_")


def test_no_two_tokens_are_alike(store: Store) -> None:
    assert len({store.tokens.create(NewToken(name=f"t{i}"))[0] for i in range(50)}) == 50


@pytest.mark.parametrize(
    ("scope", "scopes"),
    [("read", {"read"}), ("run", {"read", "run"}), ("admin", {"read", "run", "admin"})],
)
def test_a_scope_includes_those_before_it(
    store: Store, scope: Literal["read", "run", "admin"], scopes: set[str]
) -> None:
    assert store.tokens.create(NewToken(name="x", scope=scope))[1].scopes == scopes


def test_what_is_not_exactly_a_live_token_is_nobody(store: Store) -> None:
    token, row = store.tokens.create(NewToken(name="ci"))
    other, _ = store.tokens.create(NewToken(name="other"))
    mixed = f"bml_{row.id}_{other.split('_', 2)[2]}"
    last = "A" if token[-1] != "A" else "B"
    wrong = [mixed, token[:-1] + last, token[:-1], token + "A", token.upper(), f" {token}", row.id]
    wrong += ["", "bml", "bml__", f"bml_{row.id}_", f"bml_{'0' * 12}_{'A' * 43}", token + "\n"]
    assert [text for text in wrong if store.tokens.verify(text) is not None] == []
    assert store.tokens.verify(token) is not None


def test_a_revoked_or_expired_token_is_worth_nothing(store: Store) -> None:
    token, row = store.tokens.create(NewToken(name="ci"))
    old, old_row = store.tokens.create(NewToken(name="old", expires=ago(1)))
    new, _ = store.tokens.create(NewToken(name="new", expires=ago(-60)))
    assert store.tokens.revoke("ci").state == "revoked"
    assert store.tokens.verify(token) is None
    assert store.tokens.verify(old) is None
    assert store.tokens.verify(new) is not None
    assert store.tokens.living(row.id) is None
    assert store.tokens.living(old_row.id) is None
    assert [t.state for t in store.tokens.list()] == ["revoked", "expired", "live"]


def test_a_token_is_replaced_under_its_name_after_it_was_revoked(store: Store) -> None:
    first, _ = store.tokens.create(NewToken(name="ci"))
    with pytest.raises(BadRequest, match="token revoke ci"):
        store.tokens.create(NewToken(name="ci"))
    store.tokens.revoke("ci")
    second, row = store.tokens.create(NewToken(name="ci"))
    assert store.tokens.verify(first) is None
    assert store.tokens.verify(second) is not None
    assert store.tokens.revoke(row.id).name == "ci"
    assert store.tokens.revoke(row.id).state == "revoked", "twice does no harm"
    with pytest.raises(UnknownName, match="token list"):
        store.tokens.revoke("ci")


@pytest.mark.parametrize("name", ["", "local", "a b", "-x", "ab" * 33, "é", "0123456789ab", "a\n"])
def test_a_name_that_would_mislead_is_refused(store: Store, name: str) -> None:
    with pytest.raises(BadRequest, match="cannot name a token"):
        store.tokens.create(NewToken(name=name))


def test_revoking_the_last_token_does_not_make_it_never_made(store: Store) -> None:
    assert not store.tokens.exist()
    store.tokens.create(NewToken(name="ci"))
    store.tokens.revoke("ci")
    assert store.tokens.exist()


def test_the_last_use_is_kept_to_the_minute(store: Store, engine: Engine) -> None:
    token, _ = store.tokens.create(NewToken(name="ci"))

    def use() -> str | None:
        store.tokens.verify(token)
        return store.tokens.list()[0].last_used

    first = use()
    assert first is not None
    assert use() == first, "no write for every request"
    with engine.begin() as connection:
        connection.execute(text("UPDATE tokens SET last_used = :at"), {"at": ago(61)})
    assert (use() or "") > first


def test_a_database_that_cannot_be_written_locks_no_reader_out(database: Path) -> None:
    with Store.open(database) as store:
        token, _ = store.tokens.create(NewToken(name="ci"))
    engine = engine_for(database)
    event.listen(engine, "checkout", lambda raw, *_: raw.execute("PRAGMA query_only=ON"))
    with Store(engine) as read_only:
        assert read_only.tokens.verify(token) is not None


def test_a_database_of_the_version_before_keeps_its_runs(database: Path) -> None:
    engine = engine_for(database)
    with engine.execution_options(sqlite_begin="BEGIN IMMEDIATE").begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
        names = "id, task_id, preset, status, created, config, labels"
        row = "'run-a', 't', 'p', 'interrupted', '2026', '{}', '{}'"
        connection.execute(text(f"INSERT INTO runs ({names}) VALUES ({row})"))
    engine.dispose()
    with Store.open(database) as store:
        assert [r.id for r in store.runs.list()] == ["run-a"]
        assert store.tokens.list() == []
        assert store.figures.runs_by_status() == {"interrupted": 1}
