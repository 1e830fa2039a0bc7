"""Every rule, every open point and every field that settles one is the business of some test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from _pytest.mark import ParameterSet

from bench.docs import Row, rows

TESTS = Path(__file__).parent
IDS = re.compile(r"(?<=_)[RA][0-9]{1,2}(?=_)")
RULES = {f"R{n}" for n in range(1, 20)}
OPEN_POINTS = {f"A{n}" for n in range(1, 26)}


def settling() -> Iterator[ParameterSet]:
    """Every field that settles a rule or an open point."""
    for row in rows():
        if row.settles:
            yield pytest.param(row, id=row.name)


def functions() -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every test of a rule or an open point."""
    for file in sorted(TESTS.glob("test_*.py")):
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and IDS.search(node.name):
                yield node


def fields_set(test: ast.AST) -> set[str]:
    """Fields a test sets by their dotted path; the number of a tier does not matter."""
    texts = (n.value for n in ast.walk(test) if isinstance(n, ast.Constant))
    return {re.sub(r"\.[0-9]+\.", ".0.", text) for text in texts if isinstance(text, str)}


def test_every_rule_and_every_open_point_names_a_test() -> None:
    named = {found for test in functions() for found in IDS.findall(test.name)}
    assert named == RULES | OPEN_POINTS


def test_every_open_point_is_settled_by_a_field_or_by_a_preset() -> None:
    settled = {found for row in rows() for found in row.settles}
    assert settled >= OPEN_POINTS


@pytest.mark.parametrize("row", list(settling()))
def test_a_field_that_settles_a_point_is_varied_by_a_test_of_that_point(row: Row) -> None:
    varied = [
        test.name
        for test in functions()
        if set(IDS.findall(test.name)) & set(row.settles) and row.name in fields_set(test)
    ]
    assert varied, f"no test of {' or '.join(row.settles)} sets {row.name} to another value"
