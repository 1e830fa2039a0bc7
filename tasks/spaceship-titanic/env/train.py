"""Logistic regression on who the passengers are; what they did on board is not used yet."""

import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

TARGET = "Transported"
CATEGORIES = ["HomePlanet", "CryoSleep", "Destination", "VIP"]
NUMBERS = ["Age"]


def features(passengers):
    return passengers[CATEGORIES + NUMBERS].astype(dict.fromkeys(CATEGORIES, str))


def make_model():
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    columns = make_column_transformer(
        (numbers, NUMBERS), (OneHotEncoder(handle_unknown="ignore"), CATEGORIES)
    )
    return make_pipeline(columns, LogisticRegression(random_state=1))


def main():
    train = pd.read_csv("train.csv")
    test = pd.read_csv("test.csv")

    fit, held_out = train_test_split(train, test_size=0.2, random_state=1)
    model = make_model().fit(features(fit), fit[TARGET])
    accuracy = accuracy_score(held_out[TARGET], model.predict(features(held_out)))
    print(f"validation accuracy: {accuracy:.4f}")

    model = make_model().fit(features(train), train[TARGET])
    submission = pd.DataFrame(
        {"PassengerId": test["PassengerId"], TARGET: model.predict(features(test))}
    )
    submission.to_csv("submission.csv", index=False)
    print(f"wrote submission.csv with {len(submission)} rows")


if __name__ == "__main__":
    main()
