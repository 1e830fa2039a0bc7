"""The generated pages of docs/ are current, and say something about every field."""

from __future__ import annotations

import pytest

from bench.docs import DOCS, PAGES, rows
from nodes.workers import WORKERS


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_what_the_code_says(name: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == PAGES[name](), "run `python -m bench.docs`"


def test_every_field_says_what_it_means() -> None:
    undescribed = {row.name for row in rows() if not row.meaning}
    assert undescribed <= {"description", "seed"}


def test_the_drawing_shows_every_action_as_a_node() -> None:
    page = PAGES["graph.md"]()
    assert all(f'["{name}"]' in page for name in WORKERS)
