"""The Python client when servers die, stall, lie or repeat secrets."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

import httpx
import pytest
from api_kit import CONFIG, LIST, serving
from client_kit import answering, threaded

from api.client import Client, ServiceError, ServiceUnreachable
from api.client_events import PATIENCE_S, Place
from api.client_link import Link
from core.errors import ConfigurationError
from store.tokens import NewToken

pytestmark = pytest.mark.loopback
SECRET = "bml_0123456789ab_" + "s" * 43


def refusal_of(text: str) -> bytes:
    """A proxy's way to say no."""
    return f"HTTP/1.1 502 Bad\r\nContent-Length: {len(text)}\r\n\r\n{text}".encode()


def event(seq: int, kind: str = "log") -> bytes:
    """An event on the wire."""
    data = f'{{"seq":{seq},"ts":"","run_id":"r","type":"{kind}","step":null,"attempt":1,'
    return f'event: {kind}\ndata: {data}"tier":null,"node":"","data":{{}}}}\nid: {seq}\n\n'.encode()


def test_a_follower_survives_a_killed_server(tmp_path: Path) -> None:
    with serving(tmp_path, *([LIST] * 6), delay_s=0.15) as server, Client(server.url) as client:
        run_id = server.new_run()
        seen: list[int] = []
        follower = threading.Thread(
            target=lambda: seen.extend(e.seq for e in client.events(run_id))
        )
        follower.start()
        server.until(run_id, "running", steps=2)
        server.stop(signal.SIGKILL)
        server.start()
        follower.join(30)
        assert seen == list(range(1, server.run(run_id)["last_seq"] + 1))


def test_only_a_token_opens_a_service_and_no_error_shows_it(tmp_path: Path) -> None:
    with threaded(tmp_path) as served:
        token, _ = served.store.tokens.create(NewToken(name="me", scope="read"))
        for wrong in (None, SECRET):
            with Client(served.url, wrong) as stranger, pytest.raises(ServiceError) as refused:
                stranger.tasks()
            assert (refused.value.status, refused.value.exit_code) == (401, 4)
        with Client(served.url, token) as known:
            assert "tiny" in [task.id for task in known.tasks()]
            with pytest.raises(ServiceError) as forbidden:
                known.start("tiny", config=CONFIG)
        assert forbidden.value.status == 403
        assert token not in f"{forbidden.value!r} {known!r} {vars(known)}"


def test_a_proxy_that_repeats_the_token_does_not_make_us_show_it() -> None:
    raw = refusal_of(f"Authorization: Bearer {SECRET} <b>no</b>")
    with (
        answering(raw) as (url, seen),
        Client(url, SECRET) as client,
        pytest.raises(ServiceError) as refused,
    ):
        client.tasks()
    assert SECRET.encode() in seen[0]
    assert (refused.value.status, refused.value.title) == (502, "Bad Gateway")
    assert "Bearer [token] <b>no</b>" in refused.value.detail
    assert SECRET not in repr(refused.value) + str(vars(refused.value))


@pytest.mark.parametrize("end", ["\n", "\r\nX: y", " ", "é"])
def test_a_token_with_foreign_characters_is_refused_unseen(end: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        Client("http://localhost:1", SECRET + end)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["localhost:8000", "ftp://localhost", "http://a:pw@b", "", "http://\0"]
)
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="http://localhost:8000"):
        Client(url)


def test_a_server_that_never_answers_is_left_in_time_and_not_asked_twice() -> None:
    with answering(None) as (url, seen), Client(url, timeout_s=0.2) as client:
        begun = time.monotonic()
        with pytest.raises(ServiceUnreachable, match="longer timeout") as late:
            client.run("r1")
        assert time.monotonic() - begun < 5
        assert (late.value.status, late.value.exit_code) == (0, 3)
    assert len(seen) == 1


def test_a_port_where_nobody_listens_says_so() -> None:
    with answering(None) as (url, _):
        pass
    with Client(url) as client, pytest.raises(ServiceUnreachable, match="server running"):
        client.tasks()


@pytest.mark.parametrize("body", ["<html>", "[]", "{}", '{"items": [{"id": 1}]}'])
def test_another_server_is_not_taken_for_ours(body: str) -> None:
    raw = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
    with answering(raw) as (url, _), Client(url) as client:
        with pytest.raises(ServiceError, match="Unexpected answer"):
            client.tasks()
        with pytest.raises(ServiceError, match="no event stream"):
            list(client.events("r1"))


def test_a_redirect_does_not_get_the_token() -> None:
    with answering(None) as (target, seen):
        raw = f"HTTP/1.1 307 T\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
        with (
            answering(raw) as (url, _),
            Client(url, SECRET) as client,
            pytest.raises(ServiceError, match=target),
        ):
            client.tasks()
    assert not seen


def test_a_follower_takes_each_event_once_and_stops_at_a_gap() -> None:
    place = Place("/runs/r/events", 3, Link("http://localhost", None, 1))
    wire = event(3) + event(4) + b": still here\n\n" + event(4) + event(5)
    assert [e.seq for byte in wire for e in place.read(bytes([byte]))] == [4, 5]
    assert place.request()["headers"]["Last-Event-ID"] == "5"
    with pytest.raises(ServiceError, match="event 7 came after event 5"):
        list(place.read(event(7)))
    assert [e.seq for e in place.read(event(6, "run.finished"))] == [6]
    assert place.over


def test_half_an_event_is_forgotten_with_its_connection() -> None:
    place = Place("/runs/r/events", 0, Link("http://localhost", None, 1))
    assert list(place.read(event(1)[:-1])) == []
    place.request()
    assert [e.seq for e in place.read(event(1))] == [1]


def test_patience_with_a_lost_server_ends_and_begins_anew_with_each_sign_of_life() -> None:
    now = [0.0]
    place = Place("/runs/r/events", 0, Link("http://localhost", None, 1), clock=lambda: now[0])

    def fail(at: float) -> None:
        now[0] = at
        with place.patience():
            raise httpx.ReadError("cut")

    fail(0)
    fail(PATIENCE_S)
    list(place.read(b": still here\n\n"))
    fail(PATIENCE_S + 1)
    with pytest.raises(ServiceUnreachable):
        fail(2 * PATIENCE_S + 2)
    assert sum(place.pause() for _ in range(20)) < 100
