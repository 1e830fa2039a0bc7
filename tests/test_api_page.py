"""The start page: open to anybody, made of our own files only, in step with the event log."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from api_kit import in_process

from api.page import FILES, WEB
from core.events import EVENT_TYPES
from store.tokens import NewToken


async def test_the_page_and_all_it_loads_are_served(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        page = (await api.http.get("/")).text
        wanted = set(re.findall(r'(?:src|href)="(/[^"]+)"', page))
        assert {"/page/app.js", "/page/style.css"} <= wanted
        seen = {"/"}
        while left := wanted - seen:
            seen.add(path := left.pop())
            answer = await api.http.get(path)
            assert answer.status_code == 200, path
            wanted |= {f"/page/{name}" for name in re.findall(r'from "\./(.+)"', answer.text)}
        assert seen == FILES.keys()


@pytest.mark.parametrize("path", FILES)
async def test_only_our_own_files_may_run(tmp_path: Path, path: str) -> None:
    async with in_process(tmp_path) as api:
        answer = await api.http.get(path)
        head = await api.http.head(path)
        policy = answer.headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"} <= {*policy}
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["content-type"] == f"{FILES[path][1]}; charset=utf-8"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert (head.status_code, head.content) == (200, b"")


async def test_a_stranger_gets_the_page_and_nothing_else(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        api.made.services.store.tokens.create(NewToken(name="someone"))
        for path in FILES:
            assert (await api.http.get(path)).status_code == 200
        for path in ("/tasks", "/page/", "/page/../app.py", "/page/app.js/", "/page/%2e%2e/app.py"):
            assert (await api.refused("GET", path))[0] == 401
        assert (await api.refused("POST", "/page/app.js"))[0] == 401


async def test_the_page_is_no_part_of_the_described_api(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        assert not FILES.keys() & (await api.get("/openapi.json"))["paths"].keys()


@pytest.mark.parametrize("file", sorted(WEB.iterdir()), ids=lambda path: path.name)
def test_nothing_comes_from_elsewhere_and_nothing_is_inline(file: Path) -> None:
    text = file.read_text()
    assert not re.search(r"//[\w-]+\.\w|url\(|@import|<style|\sstyle=|\son\w+=\"|javascript:", text)
    assert not re.search(r"<script(?![^>]*\ssrc=)", text)
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(", text)
    assert file.name in {name for name, _ in FILES.values()}


def test_a_token_outlives_neither_the_tab_nor_reaches_an_address() -> None:
    scripts = "".join(file.read_text() for file in WEB.glob("*.js"))
    assert "sessionStorage" in scripts
    assert not re.search(r"localStorage|document\.cookie|[?&]token=", scripts)


def test_the_page_listens_to_every_type_of_event() -> None:
    script = (WEB / "follower.js").read_text()
    (listed,) = re.findall(r"const TYPES = \[(.*?)\];", script, re.DOTALL)
    assert set(re.findall(r'"([\w.]+)"', listed)) == set(EVENT_TYPES)
    shown = re.findall(r"^  on_(\w+)\(", (WEB / "view.js").read_text(), re.MULTILINE)
    assert set(shown) <= {name.replace(".", "_") for name in EVENT_TYPES}
