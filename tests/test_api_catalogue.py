"""What can be asked for, over HTTP: tasks, presets, models and the state of the server."""

from __future__ import annotations

from pathlib import Path

from api_kit import LIST, in_process


async def test_what_can_be_asked_for_is_listed(tmp_path: Path) -> None:
    async with in_process(tmp_path, LIST) as api:
        tasks = {task["id"]: task for task in (await api.get("/tasks"))["items"]}
        assert tasks["tiny"]["tape"] is True
        assert tasks["vectorization"]["data"] == "none needed"
        assert "answer.txt" in (await api.get("/tasks/tiny"))["brief"]
        presets = {p["name"]: p for p in (await api.get("/presets"))["items"]}
        assert presets["demo"]["tiers"][0].startswith("replay:")
        models = {m["model"]: m for m in (await api.get("/models"))["items"]}
        assert models["openai:gpt-5.4"]["usable"] is False, "there is no key here"
        ready = await api.get("/readyz")
        assert (ready["status"], ready["slots"]) == ("ready", 4)
        assert any("sandbox plain" in text for text in ready["warnings"])
        assert (await api.get("/healthz")) == {"status": "ok"}
