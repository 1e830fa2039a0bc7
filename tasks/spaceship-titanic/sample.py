"""Synthetic passengers with the columns of the real file, for use without the real data.

Nothing in them is copied: shares are rough, and who is transported is drawn from a formula of
the bills, the cabin, sleep and origin, so that the real file's better models are better here too.
"""

from __future__ import annotations

import math
import random

_COLUMNS = """
    PassengerId HomePlanet CryoSleep Cabin Destination Age VIP RoomService FoodCourt
    ShoppingMall Spa VRDeck Name Transported"""
COLUMNS = tuple(_COLUMNS.split())
BILLS = ("RoomService", "FoodCourt", "ShoppingMall", "Spa", "VRDeck")
NUMERIC = ("Age", *BILLS)
PASSENGERS = 2500

_DECKS = {"Earth": "EFFG", "Europa": "ABBC", "Mars": "DEFF"}
_EFFECT = {
    "RoomService": -0.95, "FoodCourt": 0.55, "ShoppingMall": 0.5, "Spa": -0.95, "VRDeck": -0.95,
}  # fmt: skip
"""Of a bill's size on the chance to be transported."""
_FIRST = ("Ada", "Bo", "Cyr", "Dena", "Eno", "Fay", "Gus", "Hale", "Ivo", "Jun", "Kit", "Lux")
_SYLLABLES = ("bar", "cho", "den", "fir", "gal", "ho", "kin", "lor", "mer", "nis", "or", "pol")


def make_passengers(rng: random.Random) -> list[list[str]]:
    """Rows in the order of COLUMNS, groups travelling together."""
    rows: list[list[str]] = []
    group = 0
    while len(rows) < PASSENGERS:
        group += rng.randint(1, 2)
        rows += _group(rng, group)
    return rows[:PASSENGERS]


def _group(rng: random.Random, group: int) -> list[list[str]]:
    planet = rng.choices(["Earth", "Europa", "Mars"], [54, 25, 21])[0]
    cabin = f"{rng.choice(_DECKS[planet])}/{group % 1890}/{rng.choice('PS')}"
    family = "".join(rng.sample(_SYLLABLES, 3)).capitalize()
    size = rng.choices([1, 2, 3, 5], [60, 22, 12, 6])[0]
    people = []
    for number in range(1, size + 1):
        person = {"PassengerId": f"{group:04d}_{number:02d}", "HomePlanet": planet, "Cabin": cabin}
        person["Name"] = f"{rng.choice(_FIRST)} {family}"
        people.append(_row(rng, person | _traveller(rng, planet)))
    return people


def _traveller(rng: random.Random, planet: str) -> dict[str, str]:
    age = max(0, round(rng.gauss(29, 14)))
    asleep = rng.random() < 0.33
    frugal = asleep or age <= 12 or rng.random() < 0.06
    bills = {bill: 0 if frugal else _bill(rng, planet) for bill in BILLS}
    return {
        "CryoSleep": str(asleep),
        "Destination": rng.choices(["TRAPPIST-1e", "55 Cancri e", "PSO J318.5-22"], [70, 21, 9])[0],
        "Age": f"{age}.0",
        "VIP": str(rng.random() < 0.02),
        **{bill: f"{amount}.0" for bill, amount in bills.items()},
    }


def _bill(rng: random.Random, planet: str) -> int:
    if rng.random() < 0.35:
        return 0
    return int(rng.lognormvariate(6.6 if planet == "Europa" else 5.2, 1.5))


def _row(rng: random.Random, person: dict[str, str]) -> list[str]:
    score = -0.2 if person["CryoSleep"] == "True" else 0.0
    score += sum(_EFFECT[bill] * math.log1p(float(person[bill])) / 2 for bill in BILLS) + 1.1
    score += {"Earth": -0.6, "Europa": 0.6, "Mars": -0.2}[person["HomePlanet"]]
    score += 0.7 if person["Cabin"].endswith("S") else -0.5
    transported = rng.random() < 1 / (1 + math.exp(-1.8 * score))
    cells = {k: "" if k != "PassengerId" and rng.random() < 0.02 else v for k, v in person.items()}
    return [str(transported) if c == "Transported" else cells[c] for c in COLUMNS]
