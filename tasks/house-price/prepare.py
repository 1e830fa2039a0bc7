"""Splits the real file as the published evaluation does (1168 + 292), or makes a synthetic one."""

from __future__ import annotations

from prepare_helper import Split, is_number, main
from sample import COLUMNS, NUMERIC, make_houses


def is_price(text: str) -> bool:
    """A positive number."""
    return is_number(text) and float(text) > 0


if __name__ == "__main__":
    main(
        Split(
            columns=COLUMNS,
            key="Id",
            target="SalePrice",
            numeric=NUMERIC,
            check_target=is_price,
            rows=1460,
            train_rows=1168,
            sample=make_houses,
            sample_train_rows=1200,
            placeholder="180000",
        )
    )
