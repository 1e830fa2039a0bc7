"""Files of snapshots over HTTP: as they were after a step, to be saved, and nothing else."""

from __future__ import annotations

from pathlib import Path

from api_kit import LIST, Api, in_process

from bench.kit import reply

SCRIPT = """\
import os
from pathlib import Path
Path("data.bin").write_bytes(bytes([0, 255]))
Path("page.html").write_text("<script>alert(1)</script>")
Path("latin.txt").write_bytes("é".encode("latin-1"))
Path("deep/er").mkdir(parents=True)
Path("deep/er/x.json").write_text("{}")
os.symlink("/etc/passwd", "link")
Path(os.fsdecode(b"odd\\xff\\nname")).write_text("x")
with open("large.bin", "wb") as file:
    file.truncate(60 * 1024 * 1024)
"""
WRITE = reply("Write File", file_name="make.py", content=SCRIPT)
MAKE = reply("Execute Script", script_name="make.py")
AGAIN = reply("Write File", file_name="make.py", content="print(1)\n")


async def made(api: Api) -> str:
    """A run that has ended."""
    run_id = await api.start()
    assert (await api.ended(run_id))["status"] == "succeeded"
    return run_id


async def test_files_are_listed_as_they_were_after_a_step(tmp_path: Path) -> None:
    async with in_process(tmp_path, WRITE, MAKE, AGAIN) as api:
        run_id = await made(api)
        listed = {
            step: {
                f["path"]: f for f in (await api.get(f"/runs/{run_id}/files", step=step))["items"]
            }
            for step in (0, 1, 2)
        }
        assert list(listed[0]) == ["train.py"]
        assert list(listed[1]) == ["make.py", "train.py"]
        assert listed[2]["deep/er/x.json"] == {"path": "deep/er/x.json", "kind": "file", "size": 2}
        assert (listed[2]["link"]["kind"], listed[2]["link"]["size"]) == ("link", None)
        assert (listed[2]["large.bin"]["kind"], listed[2]["large.bin"]["size"]) == (
            *("large", 60 * 1024 * 1024),
        )
        assert "odd\\xff\\nname" in listed[2]
        status, _ = await api.refused("GET", f"/runs/{run_id}/files", params={"step": 9})
        assert status == 404


async def test_a_file_comes_as_an_attachment_no_browser_would_run(tmp_path: Path) -> None:
    async with in_process(tmp_path, WRITE, MAKE, AGAIN) as api:
        run_id = await made(api)
        expected = {
            "page.html": "text/plain; charset=utf-8",
            "data.bin": "application/octet-stream",
            "latin.txt": "application/octet-stream",
            "deep/er/x.json": "application/json",
            "large.bin": "application/octet-stream",
        }
        for name, kind in expected.items():
            answer = await api.http.get(f"/runs/{run_id}/files/{name}")
            assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
            assert answer.headers["content-disposition"].startswith("attachment")
            assert answer.headers["x-content-type-options"] == "nosniff"
        now = await api.http.get(f"/runs/{run_id}/files/make.py")
        then = await api.http.get(f"/runs/{run_id}/files/make.py", params={"step": 1})
        assert (now.text, then.text) == ("print(1)\n", SCRIPT)


TRICKS = (
    *(
        "../train.py",
        "..%2Ftrain.py",
        "%2e%2e/%2e%2e/budgetml.db",
        "/etc/passwd",
        "%2Fetc%2Fpasswd",
    ),
    *("link", "deep", "deep/", "deep//er/x.json", ".%2Ftrain.py", "train.py/x", "train.py%00"),
    *("none", "%ff", "a" * 3000, "a" * 5000, ".git/config", "../history.git/HEAD"),
)


async def test_no_path_leads_out_of_the_snapshot(tmp_path: Path) -> None:
    async with in_process(tmp_path, WRITE, MAKE) as api:
        run_id = await made(api)
        for trick in TRICKS:
            status, _ = await api.refused("GET", f"/runs/{run_id}/files/{trick}")
            assert status in {404, 422}, trick


async def test_the_live_workspace_is_not_what_is_shown(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await made(api)
        workspace = api.made.services.settings.runs_dir / run_id / "workspace"
        (workspace / "train.py").write_text("changed behind our back")
        answer = await api.http.get(f"/runs/{run_id}/files/train.py")
        assert answer.text == "print('hello')\n"


async def test_the_diff_of_a_step_names_what_it_changed(tmp_path: Path) -> None:
    async with in_process(tmp_path, WRITE, MAKE, AGAIN) as api:
        run_id = await made(api)
        first = await api.get(f"/runs/{run_id}/diff", step=1)
        assert first["items"] == [{"change": "A", "path": "make.py"}]
        assert "+import os" in first["patch"]
        third = await api.get(f"/runs/{run_id}/diff", step=3)
        assert third["items"] == [{"change": "M", "path": "make.py"}]
        assert "-import os" in third["patch"]
        assert "+print(1)" in third["patch"]
        last = await api.get(f"/runs/{run_id}/diff")
        assert (last["step"], last["patch"]) == (4, "")
        start = await api.get(f"/runs/{run_id}/diff", step=0)
        assert start["items"] == [{"change": "A", "path": "train.py"}]


async def test_a_run_that_has_not_begun_has_no_files(tmp_path: Path) -> None:
    async with in_process(tmp_path) as api:
        row = api.made.run({"tiers": [{"model": "replay:openai:gpt-5.4"}]}, [])
        assert await api.get(f"/runs/{row.id}/files") == {"snapshot": None, "items": []}
        assert (await api.get(f"/runs/{row.id}/diff"))["patch"] == ""
        assert (await api.refused("GET", f"/runs/{row.id}/files/a"))[0] == 404


async def test_lost_files_are_gone_and_not_an_error_of_ours(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        run_id = await made(api)
        root = api.made.services.settings.runs_dir / run_id
        (root / "history.git").rename(root / "elsewhere")
        for path in ("files", "files/train.py", "diff?step=0"):
            status, _ = await api.refused("GET", f"/runs/{run_id}/{path}")
            assert status == 410
