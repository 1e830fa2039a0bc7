"""Synthetic houses with the columns of the real file, for use without the real data.

Nothing in them is copied: shares and ranges are rough, and the price is a formula of size, quality,
age, place and equipment with noise, so that the real file's better models are better here too.
"""

from __future__ import annotations

import random

_COLUMNS = """
    Id MSSubClass MSZoning LotFrontage LotArea Street Alley LotShape LandContour Utilities
    LotConfig LandSlope Neighborhood Condition1 Condition2 BldgType HouseStyle OverallQual
    OverallCond YearBuilt YearRemodAdd RoofStyle RoofMatl Exterior1st Exterior2nd MasVnrType
    MasVnrArea ExterQual ExterCond Foundation BsmtQual BsmtCond BsmtExposure BsmtFinType1
    BsmtFinSF1 BsmtFinType2 BsmtFinSF2 BsmtUnfSF TotalBsmtSF Heating HeatingQC CentralAir
    Electrical 1stFlrSF 2ndFlrSF LowQualFinSF GrLivArea BsmtFullBath BsmtHalfBath FullBath HalfBath
    BedroomAbvGr KitchenAbvGr KitchenQual TotRmsAbvGrd Functional Fireplaces FireplaceQu GarageType
    GarageYrBlt GarageFinish GarageCars GarageArea GarageQual GarageCond PavedDrive WoodDeckSF
    OpenPorchSF EnclosedPorch 3SsnPorch ScreenPorch PoolArea PoolQC Fence MiscFeature MiscVal
    MoSold YrSold SaleType SaleCondition SalePrice"""
_NUMERIC = """
    MSSubClass LotFrontage LotArea OverallQual OverallCond YearBuilt YearRemodAdd MasVnrArea
    BsmtFinSF1 BsmtFinSF2 BsmtUnfSF TotalBsmtSF 1stFlrSF 2ndFlrSF LowQualFinSF GrLivArea
    BsmtFullBath BsmtHalfBath FullBath HalfBath BedroomAbvGr KitchenAbvGr TotRmsAbvGrd Fireplaces
    GarageYrBlt GarageCars GarageArea WoodDeckSF OpenPorchSF EnclosedPorch 3SsnPorch ScreenPorch
    PoolArea MiscVal MoSold YrSold"""
COLUMNS = tuple(_COLUMNS.split())
NUMERIC = tuple(_NUMERIC.split())
HOUSES = 1500

_PLAIN: dict[str, dict[object, int]] = {
    "MSZoning": {"RL": 79, "RM": 15, "FV": 4, "RH": 2},
    "Street": {"Pave": 99, "Grvl": 1},
    "Alley": {"NA": 94, "Grvl": 3, "Pave": 3},
    "LotShape": {"Reg": 63, "IR1": 33, "IR2": 4},
    "LandContour": {"Lvl": 90, "Bnk": 5, "HLS": 3, "Low": 2},
    "Utilities": {"AllPub": 1},
    "LotConfig": {"Inside": 72, "Corner": 18, "CulDSac": 7, "FR2": 3},
    "LandSlope": {"Gtl": 95, "Mod": 5},
    "Condition1": {"Norm": 86, "Feedr": 6, "Artery": 4, "PosN": 4},
    "Condition2": {"Norm": 99, "Feedr": 1},
    "BldgType": {"1Fam": 84, "TwnhsE": 9, "Duplex": 4, "2fmCon": 3},
    "RoofStyle": {"Gable": 79, "Hip": 20, "Flat": 1},
    "RoofMatl": {"CompShg": 98, "Tar&Grv": 2},
    "Exterior1st": {"VinylSd": 36, "HdBoard": 16, "MetalSd": 16, "Wd Sdng": 15, "Plywood": 17},
    "MasVnrType": {"None": 60, "BrkFace": 30, "Stone": 10},
    "ExterCond": {"TA": 88, "Gd": 10, "Fa": 2},
    "BsmtCond": {"TA": 92, "Gd": 5, "Fa": 3},
    "BsmtExposure": {"No": 67, "Av": 15, "Gd": 10, "Mn": 8},
    "BsmtFinType2": {"Unf": 88, "Rec": 7, "LwQ": 5},
    "Heating": {"GasA": 98, "GasW": 2},
    "Electrical": {"SBrkr": 91, "FuseA": 7, "FuseF": 2},
    "LowQualFinSF": {0: 98, 120: 2},
    "BsmtHalfBath": {0: 94, 1: 6},
    "KitchenAbvGr": {1: 95, 2: 5},
    "Functional": {"Typ": 93, "Min1": 3, "Min2": 3, "Mod": 1},
    "GarageQual": {"TA": 96, "Fa": 4},
    "GarageCond": {"TA": 96, "Fa": 4},
    "PavedDrive": {"Y": 92, "N": 6, "P": 2},
    "EnclosedPorch": {0: 86, 112: 8, 180: 6},
    "3SsnPorch": {0: 98, 168: 2},
    "ScreenPorch": {0: 92, 180: 8},
    "PoolArea": {0: 1},
    "PoolQC": {"NA": 1},
    "Fence": {"NA": 81, "MnPrv": 11, "GdPrv": 4, "GdWo": 4},
    "MiscFeature": {"NA": 96, "Shed": 4},
    "MiscVal": {0: 97, 450: 3},
    "MoSold": {1: 4, 2: 4, 3: 7, 4: 10, 5: 14, 6: 17, 7: 16, 8: 8, 9: 5, 10: 6, 11: 5, 12: 4},
    "YrSold": {2006: 22, 2007: 23, 2008: 21, 2009: 23, 2010: 11},
    "SaleType": {"WD": 87, "New": 9, "COD": 4},
    "SaleCondition": {"Normal": 83, "Partial": 9, "Abnorml": 8},
}
"""Columns drawn by themselves: value -> weight."""
_PLACES = {
    "NAmes": 0.0, "CollgCr": 0.08, "OldTown": -0.14, "Edwards": -0.10, "Somerst": 0.12,
    "Gilbert": 0.03, "NridgHt": 0.24, "Sawyer": -0.03, "NWAmes": 0.04, "BrkSide": -0.08,
    "Crawfor": 0.14, "Mitchel": 0.0, "NoRidge": 0.28, "Timber": 0.12, "IDOTRR": -0.22,
}  # fmt: skip
"""Neighbourhood -> its effect on the logarithm of the price."""
_GRADES = ("Fa", "TA", "Gd", "Ex")


def make_houses(rng: random.Random) -> list[list[str]]:
    """Rows in the order of COLUMNS."""
    return [_row(_house(rng, number + 1)) for number in range(HOUSES)]


def _row(house: dict[str, object]) -> list[str]:
    return [str(house[column]) for column in COLUMNS]


def _house(rng: random.Random, number: int) -> dict[str, object]:
    house: dict[str, object] = {"Id": number}
    for column, weights in _PLAIN.items():
        house[column] = rng.choices(list(weights), list(weights.values()))[0]
    place = rng.choice(list(_PLACES))
    built = _clip(rng.gauss(1972 + 90 * _PLACES[place], 24), 1880, 2009)
    quality = _clip(rng.gauss(6.1 + 3 * _PLACES[place] + (built - 1972) / 35, 1.0), 2, 10)
    area = _clip(rng.lognormvariate(7.25 + 0.04 * (quality - 6), 0.26), 500, 4200)
    house |= {"Neighborhood": place, "YearBuilt": built, "OverallQual": quality}
    house |= _rooms(rng, area, built)
    house |= _basement(rng, int(str(house["1stFlrSF"])), quality)
    house |= _garage(rng, quality, built)
    house |= _finish(rng, quality, built)
    house["SalePrice"] = _price(rng, house, place, area)
    return house


def _rooms(rng: random.Random, area: int, built: int) -> dict[str, object]:
    upper = int(area * rng.uniform(0.4, 0.52)) if rng.random() < 0.42 else 0
    frontage = _clip(rng.gauss(70, 20), 21, 200)
    return {
        "MSSubClass": 60 if upper and built > 1945 else 70 if upper else 20,
        "HouseStyle": "2Story" if upper else rng.choice(["1Story", "1Story", "1Story", "SLvl"]),
        "LotFrontage": frontage if rng.random() < 0.82 else "NA",
        "LotArea": _clip(frontage * rng.gauss(140, 35), 1500, 60000),
        "1stFlrSF": area - upper,
        "2ndFlrSF": upper,
        "GrLivArea": area,
        "FullBath": 1 + (area > 1450) + (area > 3200),
        "HalfBath": int(upper > 0 and rng.random() < 0.7),
        "BedroomAbvGr": _clip(rng.gauss(1.2 + area / 900, 0.6), 1, 6),
        "TotRmsAbvGrd": _clip(rng.gauss(2.5 + area / 380, 0.7), 3, 14),
    }


def _basement(rng: random.Random, ground: int, quality: int) -> dict[str, object]:
    total = 0 if rng.random() < 0.04 else int(ground * rng.uniform(0.55, 1.05))
    finished = int(total * rng.uniform(0.3, 0.95)) if rng.random() < 0.65 else 0
    return {
        "TotalBsmtSF": total,
        "BsmtFinSF1": finished,
        "BsmtFinSF2": 0,
        "BsmtUnfSF": total - finished,
        "BsmtFinType1": "GLQ" if finished > 500 else "ALQ" if finished else "Unf",
        "BsmtQual": _grade(rng, quality) if total else "NA",
        "BsmtFullBath": int(finished > 300 and rng.random() < 0.8),
    }


def _garage(rng: random.Random, quality: int, built: int) -> dict[str, object]:
    cars = 0 if rng.random() < 0.06 else _clip(rng.gauss(0.2 + quality * 0.26, 0.7), 1, 3)
    return {
        "GarageCars": cars,
        "GarageArea": cars * _clip(rng.gauss(270, 25), 200, 360),
        "GarageType": ("Attchd" if built > 1955 else "Detchd") if cars else "NA",
        "GarageYrBlt": built if cars else "NA",
        "GarageFinish": rng.choice(["Unf", "Unf", "RFn", "Fin"]) if cars else "NA",
        "Fireplaces": rng.choices([0, 1, 2], [47, 45, 8])[0],
    }


def _finish(rng: random.Random, quality: int, built: int) -> dict[str, object]:
    veneer = rng.random() < 0.4
    return {
        "OverallCond": _clip(rng.gauss(5.6, 1.1), 2, 9),
        "YearRemodAdd": rng.randint(max(built, 1950), 2010) if rng.random() < 0.5 else built,
        "MasVnrArea": _clip(rng.gauss(230, 140), 20, 1200) if veneer else 0,
        "Exterior2nd": rng.choice(["VinylSd", "HdBoard", "MetalSd", "Wd Sdng", "Plywood"]),
        "ExterQual": _grade(rng, quality),
        "KitchenQual": _grade(rng, quality),
        "HeatingQC": _grade(rng, quality + 1),
        "FireplaceQu": rng.choice(["NA", "TA", "Gd"]),
        "CentralAir": "N" if built < 1950 and rng.random() < 0.4 else "Y",
        "Foundation": "PConc" if built > 1985 else "CBlock" if built > 1940 else "BrkTil",
        "WoodDeckSF": _clip(rng.gauss(180, 90), 20, 700) if rng.random() < 0.5 else 0,
        "OpenPorchSF": _clip(rng.gauss(80, 50), 10, 400) if rng.random() < 0.55 else 0,
    }


def _price(rng: random.Random, house: dict[str, object], place: str, area: int) -> int:
    def of(column: str) -> float:
        return float(str(house[column]))

    log_price = (
        11.05 + 0.42 * (area - 1500) / 1000 + 0.085 * of("OverallQual") + _PLACES[place]
        + 0.00022 * of("TotalBsmtSF") + 0.00012 * of("BsmtFinSF1")
        + 0.0035 * (of("YearBuilt") - 1972) + 0.00028 * of("GarageArea")
        + 0.045 * of("OverallCond") + 0.05 * of("Fireplaces")
        + 0.06 * _GRADES.index(str(house["KitchenQual"])) + 0.000006 * of("LotArea")
        + 0.07 * (house["CentralAir"] == "Y") - 0.10 * (house["SaleCondition"] == "Abnorml")
    )  # fmt: skip
    return int(round(2.718281828 ** (log_price - 0.35 + rng.gauss(0, 0.07)), -2))


def _grade(rng: random.Random, quality: int) -> str:
    return _GRADES[_clip(rng.gauss((quality - 3) / 2.2, 0.55), 0, 3)]


def _clip(value: float, low: int, high: int) -> int:
    return int(min(max(round(value), low), high))
