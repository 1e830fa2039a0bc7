"""Splits the real file as the published evaluation does (6954 + 1739), or makes a synthetic one."""

from __future__ import annotations

from prepare_helper import Split, main
from sample import COLUMNS, NUMERIC, make_passengers


def is_truth_value(text: str) -> bool:
    """True or False as the real file spells them."""
    return text in ("True", "False")


if __name__ == "__main__":
    main(
        Split(
            columns=COLUMNS,
            key="PassengerId",
            target="Transported",
            numeric=NUMERIC,
            check_target=is_truth_value,
            rows=8693,
            train_rows=6954,
            sample=make_passengers,
            sample_train_rows=2000,
            placeholder="False",
        )
    )
