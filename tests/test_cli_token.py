"""`budgetml token`: made once, listed without its secret, revoked at once."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from store.database import Store


def budgetml(*args: str) -> Result:
    return CliRunner().invoke(app, ["token", *args])


def made(*args: str) -> str:
    done = budgetml("new", *args)
    assert done.exit_code == 0, done.stderr
    return done.stdout.strip()


def opened() -> Store:
    return Store.open(Path(os.environ["BUDGETML_HOME"]) / "budgetml.db")


def test_a_new_token_is_all_that_stands_on_stdout_and_works() -> None:
    token = made("ci", "--scope", "admin")
    with opened() as store:
        row = store.tokens.verify(token)
    assert row is not None
    assert (row.name, row.scope) == ("ci", "admin")


def test_the_secret_is_shown_only_once() -> None:
    token = made("ci")
    assert token.split("_", 2)[2] not in budgetml("list").stdout + budgetml("list", "--json").stdout
    assert token.split("_")[1] in budgetml("list").stdout


def test_json_holds_the_token_and_what_was_asked_for() -> None:
    asked = ["--runs-at-once", "2", "--usd-per-day", "$0.50", "--expires", "30", "--json"]
    facts = json.loads(made("ci", *asked))
    with opened() as store:
        assert store.tokens.verify(facts.pop("token")) is not None
    assert (facts["runs_at_once"], facts["usd_per_day"]) == (2, "0.5")
    ends, begins = (datetime.fromisoformat(facts[name]) for name in ("expires", "created"))
    assert timedelta(days=29, hours=23) < ends - begins < timedelta(days=30, hours=1)
    (listed,) = json.loads(budgetml("list", "--json").stdout)
    assert listed | {"last_used": None} == facts


def test_a_token_may_run_unless_it_says_otherwise() -> None:
    assert json.loads(made("ci", "--json"))["scope"] == "run"


def test_revoking_by_name_or_id_ends_it() -> None:
    first, second = made("a"), made("b")
    assert budgetml("revoke", "a").exit_code == 0
    assert budgetml("revoke", second.split("_")[1]).exit_code == 0
    with opened() as store:
        assert store.tokens.verify(first) is None
        assert store.tokens.verify(second) is None
    assert budgetml("list").stdout.count("revoked") == 2


def test_an_empty_list_says_what_that_means() -> None:
    assert json.loads(budgetml("list", "--json").stdout) == []
    assert "open to this machine" in " ".join(budgetml("list").stdout.split())


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["new", "a b"], "cannot name a token"),
        (["new", "local"], "cannot name a token"),
        (["new", "x", "--scope", "root"], "'admin'"),
        (["new", "x", "--usd-per-day", "0"], "dollars above 0"),
        (["new", "x", "--runs-at-once", "0"], "greater than or equal to 1"),
        (["new", "x", "--expires", "0"], "greater than or equal to 1"),
        (["revoke", "nobody"], "budgetml token list"),
    ],
)
def test_what_is_refused_says_what_to_do(args: list[str], said: str) -> None:
    done = budgetml(*args)
    assert done.exit_code == 2
    assert said in " ".join(done.stderr.replace("│", "").split())
    assert not done.stdout


def test_a_name_in_use_is_refused() -> None:
    made("ci")
    done = budgetml("new", "ci")
    assert done.exit_code == 2
    assert "budgetml token revoke ci" in " ".join(done.stderr.split())
