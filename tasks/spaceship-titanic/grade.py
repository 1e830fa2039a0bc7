"""Share of held-out passengers classified correctly, joined by PassengerId."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from grade_helper import main, read_column, require_same_keys

SPELLINGS = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


def truth_value(text: str) -> bool:
    """True or False in the spellings programs write."""
    try:
        return SPELLINGS[text.lower()]
    except KeyError as e:
        raise ValueError("neither True nor False") from e


def score(args: Namespace) -> dict[str, Any]:
    """The score of submission.csv (PassengerId, Transported)."""
    key, column = "PassengerId", "Transported"
    truth = read_column(args.answers / "answers.csv", key, column, truth_value)
    guess = read_column(args.submission / "submission.csv", key, column, truth_value)
    require_same_keys(guess, truth, key)
    right = sum(guess[passenger] == truth[passenger] for passenger in truth)
    return {"score": right / len(truth), "details": {"rows": len(truth), "right": right}}


if __name__ == "__main__":
    main(score)
