"""Finds task folders and reads them; imports nothing heavy, so that listing tasks is quick."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from core.errors import InvalidFile, UnknownName
from tasks.spec import Task, TaskSpec


def builtin_dir() -> Path:
    """The folder of the tasks that belong to the project."""
    return Path(__file__).resolve().parent


def list_tasks(extra: Path | None = None) -> list[Task]:
    """All tasks, the built-in ones first, each group by name.

    Raises InvalidFile for a task folder that cannot be used, or an id that exists twice.
    """
    folders = _folders(extra)
    return [_read(folder) for folder in folders.values()]


def load_task(name_or_dir: str | Path, extra: Path | None = None) -> Task:
    """The task of this name, or of this folder when a Path is given.

    Raises UnknownName, naming what there is, or InvalidFile.
    """
    if isinstance(name_or_dir, Path):
        return _read(name_or_dir.resolve())
    folders = _folders(extra)
    if name_or_dir not in folders:
        raise UnknownName(_unknown(name_or_dir, list(folders)))
    return _read(folders[name_or_dir])


def _unknown(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=3)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    return f"There is no task {name[:80]!r}.{hint} Known tasks: {', '.join(known)}."


def _folders(extra: Path | None) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for place in (builtin_dir(), extra):
        if place is None:
            continue
        if not place.is_dir():
            raise InvalidFile(f"{place} is not a folder; BUDGETML_TASKS_DIR must name one.")
        for file in sorted(place.glob("*/task.yaml")):
            name = file.parent.name
            if name in found:
                raise InvalidFile(f"{file}: the task {name!r} exists already; rename this folder.")
            found[name] = file.parent.resolve()
    return found


def _read(root: Path) -> Task:
    file = root / "task.yaml"
    spec = _spec(file)
    if spec.id != root.name:
        raise InvalidFile(f"{file}: id: is {spec.id!r} but must be the folder's name, {root.name}.")
    needed = [root / spec.brief, root / "grade.py", root / "env"]
    needed += [root / "prepare.py"] if spec.data else []
    for path in needed:
        if not path.exists():
            raise InvalidFile(f"{path} is missing; task {spec.id!r} needs it, so add it.")
    return Task(
        spec=spec,
        root=root,
        env_dir=root / "env",
        brief=_text(root / spec.brief),
        builtin=root.parent == builtin_dir(),
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as e:
        raise InvalidFile(f"{file} is not UTF-8 text (byte {e.start}); save it as UTF-8.") from e
    except OSError as e:
        raise InvalidFile(f"{file} cannot be read ({e.strerror}); a task folder needs it.") from e


def _spec(file: Path) -> TaskSpec:
    try:
        raw = yaml.safe_load(_text(file))
    except yaml.YAMLError as e:
        where = " ".join(str(e).split())
        raise InvalidFile(f"{file} is not valid YAML: {where}; correct that place.") from e
    if not isinstance(raw, dict):
        raise InvalidFile(f"{file} must be a mapping with the fields {_names(TaskSpec)}.")
    try:
        return TaskSpec.model_validate(raw)
    except ValidationError as e:
        problems = "; ".join(_problem(error["loc"], error["msg"]) for error in e.errors())
        raise InvalidFile(f"{file}: {problems}") from e


def _problem(loc: tuple[int | str, ...], message: str) -> str:
    field = ".".join(str(part) for part in loc)
    parent = _model_at(loc[:-1])
    if parent is None or loc[-1] in parent.model_fields:
        return f"{field}: {message}"
    return f"{field}: there is no such field; allowed are {_names(parent)}"


def _model_at(loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    model: type[BaseModel] = TaskSpec
    for part in loc:
        inner = _model_of(model.model_fields[str(part)].annotation) if _has(model, part) else None
        if inner is None:
            return None
        model = inner
    return model


def _has(model: type[BaseModel], part: int | str) -> bool:
    return str(part) in model.model_fields


def _model_of(annotation: Any) -> type[BaseModel] | None:
    for option in (annotation, *get_args(annotation)):
        if isinstance(option, type) and issubclass(option, BaseModel):
            return option
    return None


def _names(model: type[BaseModel]) -> str:
    return ", ".join(model.model_fields)
