"""The graders of predictions, fed by somebody who wants a score for nothing."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from task_kit import copied_task, graded

from tasks.loader import load_task
from tasks.prepared import Prepared

PRICES = {str(number): 100_000 + number for number in range(1169, 1189)}
PEOPLE = {f"{number:04d}_01": number % 3 == 0 for number in range(20)}
Rows = list[tuple[str, str]]


def house_rows(shift: int = 0) -> Rows:
    return [(key, str(price + shift)) for key, price in PRICES.items()]


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


@pytest.fixture
def houses(tmp_path: Path) -> Prepared:
    return answers(tmp_path, "Id,SalePrice", house_rows())


@pytest.fixture
def passengers(tmp_path: Path) -> Prepared:
    return answers(tmp_path, "PassengerId,Transported", [(k, str(v)) for k, v in PEOPLE.items()])


def answers(tmp_path: Path, header: str, rows: Rows) -> Prepared:
    folder = tmp_path / "answers"
    folder.mkdir()
    (folder / "answers.csv").write_text(table(header, rows))
    return Prepared(version="test", public=None, answers=folder, manifest=None)


def table(header: str, rows: Rows) -> str:
    return "\n".join([header, *(",".join(row) for row in rows)]) + "\n"


def submitted(tmp_path: Path, text: str | bytes) -> Path:
    folder = tmp_path / "submission"
    folder.mkdir()
    (folder / "submission.csv").write_bytes(text.encode() if isinstance(text, str) else text)
    return folder


def shuffled(rows: Rows) -> str:
    random.Random(1).shuffle(rows)
    return table("Id,SalePrice", rows)


@pytest.mark.parametrize(
    "text",
    [
        table("Id,SalePrice", house_rows(50)),
        shuffled(house_rows(50)),
        "\ufeff" + table("Id,SalePrice", house_rows(50)),
        table("SalePrice,Id", [(price, key) for key, price in house_rows(50)]),
        table(",Id,SalePrice", [(f"7,{key}", price) for key, price in house_rows(50)]),
        table("Id,SalePrice", house_rows(50)).replace("\n", "\r\n") + "\r\n",
        table(" Id , SalePrice", [(f" {k}", f" {p}.0 ") for k, p in house_rows(50)]),
    ],
    ids=["plain", "shuffled", "bom", "swapped", "index", "crlf", "spaces"],
)
async def test_the_form_of_a_correct_file_does_not_matter(
    tmp_path: Path, scratch: Path, houses: Prepared, text: str
) -> None:
    result = await graded(load_task("house-price"), houses, submitted(tmp_path, text), scratch)
    assert result.score == pytest.approx(50)
    assert result.paper_solved
    assert not result.solved, "there is no measured baseline here"


BAD_HOUSES: dict[str, tuple[str | bytes, str]] = {
    "duplicate": (
        table("Id,SalePrice", [*house_rows(), ("1170", "1")]),
        "Id more than once: 1170",
    ),
    "missing": (table("Id,SalePrice", house_rows()[2:]), "no prediction for Id 1169, 1170"),
    "unknown": (table("Id,SalePrice", [*house_rows(), ("9", "1")]), "do not have: 9"),
    "nan": (table("Id,SalePrice", [("1169", "nan"), *house_rows()[1:]]), "not a finite number"),
    "inf": (table("Id,SalePrice", [("1169", "inf"), *house_rows()[1:]]), "not a finite number"),
    "text": (table("Id,SalePrice", [("1169", "cheap"), *house_rows()[1:]]), "line 2: SalePrice"),
    "gap": (table("Id,SalePrice", [("1169", ""), *house_rows()[1:]]), "not a number"),
    "columns": (table("Id,Price", house_rows()), "must have one column SalePrice"),
    "twice": (table("Id,SalePrice,SalePrice", [(k, "1,1") for k in PRICES]), "one column"),
    "ragged": (table("Id,SalePrice", [("1169", "1,2")]), "3 cells under 2 columns"),
    "empty": ("", "must have one column Id"),
    "header": ("Id,SalePrice\n", "no prediction for Id 1169"),
    "binary": (b"\xff\xfe\x00\x01" * 10, "not UTF-8"),
    "long cell": ("Id,SalePrice\n1," + "9" * 200_000 + "\n", "not a CSV file"),
    "too big": (b"1,1\n" * 13_000_000, "bytes, over the"),
}


@pytest.mark.parametrize("name", BAD_HOUSES)
async def test_a_wrong_house_file_gets_a_reason_and_no_score(
    tmp_path: Path, scratch: Path, houses: Prepared, name: str
) -> None:
    text, reason = BAD_HOUSES[name]
    result = await graded(load_task("house-price"), houses, submitted(tmp_path, text), scratch)
    assert (result.score, result.solved) == (None, False)
    assert reason in result.reason


def link_to_answers(submission: Path, answers_dir: Path) -> None:
    (submission / "submission.csv").symlink_to(answers_dir / "answers.csv")


def folder_instead(submission: Path, _: Path) -> None:
    (submission / "submission.csv").mkdir()


def nothing(_: Path, __: Path) -> None:
    """No file at all."""


@pytest.mark.parametrize("put", [link_to_answers, folder_instead, nothing])
async def test_links_folders_and_nothing_do_not_count(
    tmp_path: Path, scratch: Path, houses: Prepared, put: Callable[[Path, Path], None]
) -> None:
    submission = tmp_path / "submission"
    submission.mkdir()
    put(submission, tmp_path / "answers")
    result = await graded(load_task("house-price"), houses, submission, scratch)
    assert result.score is None
    assert "submission.csv" in result.reason


@pytest.mark.parametrize(
    "spell",
    [str, lambda v: str(v).lower(), lambda v: str(int(v)), lambda v: f"{int(v)}.0"],
    ids=["True", "true", "1", "1.0"],
)
async def test_true_and_false_may_be_spelled_as_programs_do(
    tmp_path: Path, scratch: Path, passengers: Prepared, spell: Callable[[bool], str]
) -> None:
    rows = [(key, spell(value)) for key, value in PEOPLE.items()]
    rows[0] = (rows[0][0], spell(not PEOPLE[rows[0][0]]))
    submission = submitted(tmp_path, table("PassengerId,Transported", rows))
    task = load_task("spaceship-titanic")
    result = await graded(task, passengers, submission, scratch)
    assert result.score == pytest.approx(19 / 20)
    assert result.details["right"] == 19


@pytest.mark.parametrize("value", ["", "maybe", "2", "nan"])
async def test_neither_true_nor_false_is_no_answer(
    tmp_path: Path, scratch: Path, passengers: Prepared, value: str
) -> None:
    rows = [(key, value) for key in PEOPLE]
    submission = submitted(tmp_path, table("PassengerId,Transported", rows))
    task = load_task("spaceship-titanic")
    result = await graded(task, passengers, submission, scratch)
    assert result.score is None
    assert "neither True nor False" in result.reason


@pytest.mark.parametrize(
    ("grader", "reason"),
    [
        ("raise SystemError('boom')", "exited with 1: SystemError: boom"),
        ("print('hello')", "exactly one JSON object"),
        ("print('{\"score\": 1}'); print('{\"score\": 2}')", "exactly one JSON object"),
        ("print('[1]')", "exactly one JSON object"),
        ("print('{\"score\": NaN}')", "no finite number"),
        ("print('{\"score\": -1}')", "no finite number"),
        ('print(\'{"score": "9"}\')', "no finite number"),
        ("print('{\"score\": 1}'); raise SystemExit(3)", "exited with 3"),
        ("import time; time.sleep(60)", "grader gave no score"),
    ],
)
async def test_a_grader_that_fails_gives_a_grade_with_a_reason(
    tmp_path: Path, scratch: Path, houses: Prepared, grader: str, reason: str
) -> None:
    task = copied_task(tmp_path, "house-price", ("task.yaml", "grade_s: 60", "grade_s: 1"))
    (task.root / "grade.py").write_text(grader + "\n")
    submission = submitted(tmp_path, "Id,SalePrice\n")
    result = await graded(task, houses, submission, scratch)
    assert (result.score, result.solved, result.paper_solved) == (None, False, False)
    assert reason in result.reason
