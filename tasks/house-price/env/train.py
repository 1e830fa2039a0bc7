"""A random forest on the numeric columns that are never missing; a start, not an answer."""

import pandas as pd
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import mean_absolute_error
from sklearn.model_selection import train_test_split

TARGET = "SalePrice"
COLUMNS = [
    "MSSubClass", "LotArea", "OverallQual", "OverallCond", "YearBuilt", "YearRemodAdd",
    "1stFlrSF", "2ndFlrSF", "LowQualFinSF", "GrLivArea", "FullBath", "HalfBath",
    "BedroomAbvGr", "KitchenAbvGr", "TotRmsAbvGrd", "Fireplaces", "WoodDeckSF",
    "OpenPorchSF", "EnclosedPorch", "3SsnPorch", "ScreenPorch", "PoolArea", "MiscVal",
    "MoSold", "YrSold",
]  # fmt: skip


def make_model():
    return RandomForestRegressor(n_estimators=100, random_state=1)


def main():
    train = pd.read_csv("train.csv")
    test = pd.read_csv("test.csv")

    fit, held_out = train_test_split(train, test_size=0.2, random_state=1)
    model = make_model().fit(fit[COLUMNS], fit[TARGET])
    error = mean_absolute_error(held_out[TARGET], model.predict(held_out[COLUMNS]))
    print(f"validation MAE: {error:.0f} USD")

    model = make_model().fit(train[COLUMNS], train[TARGET])
    submission = pd.DataFrame({"Id": test["Id"], TARGET: model.predict(test[COLUMNS])})
    submission.to_csv("submission.csv", index=False)
    print(f"wrote submission.csv with {len(submission)} rows")


if __name__ == "__main__":
    main()
