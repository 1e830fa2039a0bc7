"""Mean absolute error in USD over the held-out houses, joined by Id."""

from __future__ import annotations

import math
from argparse import Namespace
from typing import Any

from grade_helper import main, read_column, require_same_keys


def price(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError as e:
        raise ValueError("not a number") from e
    if not math.isfinite(value):
        raise ValueError("not a finite number")
    return value


def score(args: Namespace) -> dict[str, Any]:
    """The score of submission.csv (Id, SalePrice)."""
    truth = read_column(args.answers / "answers.csv", "Id", "SalePrice", price)
    guess = read_column(args.submission / "submission.csv", "Id", "SalePrice", price)
    require_same_keys(guess, truth, "Id")
    error = sum(abs(guess[key] - truth[key]) / len(truth) for key in truth)
    return {"score": error, "details": {"rows": len(truth)}}


if __name__ == "__main__":
    main(score)
