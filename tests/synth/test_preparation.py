"""What a person has becomes what models take, and comes back in every detail."""

import datetime
import json
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdg_lab.synth.kinds import edited, find_types
from sdg_lab.synth.preparation import Preparation
from sdg_lab.tables.columns import check_column

N = 60
RNG = np.random.default_rng(0)


def again(preparation: Preparation) -> Preparation:
    return Preparation.from_config(json.loads(json.dumps(preparation.config())))


def prepared(table: pd.DataFrame, *, min_count: int = 1, **said: dict) -> Preparation:
    """Prepare a table; ``said`` are edits of its types, by column."""
    types = find_types(table)
    types = type(types)([edited(one, said.get(one.name, {})) for one in types], len(table))
    return Preparation.of(table, types, min_count=min_count)


# Any dtype

MISSING = st.none()
MOMENTS = st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1))


def columns_of(values: st.SearchStrategy, dtypes: list[str]) -> st.SearchStrategy:
    return st.tuples(st.lists(values, min_size=2, max_size=12), st.sampled_from(dtypes))


def whole(least: int, most: int) -> st.SearchStrategy:
    return st.integers(least, most)


COLUMNS = st.one_of(
    columns_of(whole(-(2**53), 2**53), ["int64", "Int64", "float64", "Float64", "object", "int64[pyarrow]"]),
    columns_of(whole(2**62, 2**62 + 2**50), ["int64", "Int64", "uint64", "UInt64"]),
    columns_of(whole(-128, 127), ["int8", "Int8", "float32", "int8[pyarrow]", "category"]),
    columns_of(whole(0, 255) | MISSING, ["UInt8", "Int16", "float32", "object", "uint8[pyarrow]", "category"]),
    columns_of(st.floats(-1e9, 1e9, width=32), ["float64", "float32", "Float32", "object", "double[pyarrow]"]),
    columns_of(st.decimals(-999, 999, places=2) | MISSING, ["object", "decimal"]),
    columns_of(st.booleans(), ["bool", "boolean", "object", "bool[pyarrow]", "category"]),
    columns_of(st.booleans() | MISSING, ["boolean", "object", "bool[pyarrow]", "category"]),
    columns_of(st.sampled_from(["a", "", "Ü", "1", "nan"]) | MISSING, ["str", "string", "object", "category"]),
    columns_of(
        st.sampled_from(["01", "007", "x"]) | MISSING, ["string[pyarrow]", "string[python]", "large_string[pyarrow]"]
    ),
    columns_of(st.dates() | MISSING, ["object"]),
    columns_of(MOMENTS | MISSING, ["datetime64[us]", "object", "timestamp[us][pyarrow]"]),
    columns_of(st.dates(datetime.date(1900, 1, 1)).map(pd.Timestamp) | MISSING, ["datetime64[s]", "datetime64[us]"]),
    columns_of(
        MOMENTS.map(lambda t: t.replace(microsecond=0)), ["datetime64[ns, UTC]", "datetime64[s, Asia/Kathmandu]"]
    ),
    columns_of(st.dates().map(lambda d: pd.Timestamp(d)).filter(lambda t: 1900 < t.year < 2200), ["day in Beirut"]),
    columns_of(st.timedeltas(-datetime.timedelta(9), datetime.timedelta(9)) | MISSING, ["timedelta64[us]", "object"]),
    columns_of(st.times() | MISSING, ["object", "time64[us][pyarrow]"]),
)


def column_of(values: list, dtype: str) -> pd.Series:
    if dtype == "decimal":
        return pd.Series(pd.array(values, dtype=pd.ArrowDtype(pa.decimal128(8, 2))))
    if dtype == "day in Beirut":  # where clocks go forward at midnight
        column = pd.Series(values, dtype="datetime64[us]")
        return column.dt.tz_localize("Asia/Beirut", nonexistent="shift_forward", ambiguous=np.zeros(len(column), bool))
    if ", " in dtype:
        return pd.Series(pd.to_datetime(values, utc=True)).astype(dtype)
    return pd.Series(values, dtype=dtype if dtype != "string[python]" else pd.StringDtype("python"))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=400)
@given(COLUMNS)
def test_a_table_comes_back_as_it_was(drawn):
    column = column_of(*drawn)
    table = pd.DataFrame({"x": column, "y": np.arange(len(column)) / 7})
    types = find_types(table)
    kind = "category" if types["x"].kind in ("key", "text") else types["x"].kind
    types = type(types)([edited(types["x"], {"kind": kind}), edited(types["y"], {})], len(table))
    preparation = again(Preparation.of(table, types))
    encoded = preparation.encode(table)
    for name in encoded:
        check_column(encoded[name])
    pd.testing.assert_frame_equal(preparation.decode(encoded, seed=0), table, check_exact=True)


def test_models_see_numbers_and_categories_with_missing_values():
    table = pd.DataFrame(
        {
            "whole": [1, 2, 3],
            "whole, missing": pd.array([1, None, 3], dtype="Int64"),
            "whole floats": [1.0, np.nan, 3.0],
            "decimal": [0.5, np.nan, 2],
            "bool": [True, False, None],
            "text": ["b", "a", None],
            "day": pd.to_datetime(["1970-01-03", None, "1970-01-01"]),
            "span": pd.to_timedelta(["1 h", "3 h", None]),
            "large": [2**62, 2**62 + 1, 2**62 + 5],
            "ordered": pd.Categorical(["lo", "hi", "lo"], categories=["lo", "hi", "top"], ordered=True),
        }
    )
    encoded = prepared(table).encode(table)
    dtypes = {name: str(dtype) for name, dtype in encoded.dtypes.items()}
    assert dtypes == {
        **dict.fromkeys(table, "Int64"),
        **dict.fromkeys(["bool", "text", "ordered"], "category"),
        **dict.fromkeys(["whole", "large"], "int64"),
        "decimal": "float64",
    }
    assert encoded["day"].tolist() == [2, pd.NA, 0]
    assert encoded["span"].tolist() == [1, 3, pd.NA]
    assert encoded["large"].tolist() == [4, 5, 9]  # counted from a round number
    assert encoded["ordered"].cat.categories.tolist() == ["lo", "hi"]  # the model is not asked for what never occurs
    assert encoded["ordered"].cat.ordered


# Keys, constants, text


def people() -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "id": np.arange(1, N + 1),
            "patient": [f"PAT-{i:04d}" for i in RNG.choice(10**4, N, replace=False)],
            "uuid": [f"{i:08x}-0000-4000-8000-{i:012x}" for i in RNG.integers(2**32, size=N)],
            "mail": [None if i % 3 == 0 else f"p{i}@mail.de" for i in range(N)],
            "country": "DE",
            "nothing": pd.Series([None] * N, dtype="Int64"),
            "note": [f"came in on day {i * 37} because of a long story" for i in range(N)],
            "zip": RNG.choice(["01067", "10115", "80331"], N),
            "age": RNG.integers(18, 90, N).astype("int8"),
            "weight": RNG.normal(70, 9, N).round(1),
        }
    )
    return table.set_axis(np.arange(N)[::-1])


def test_keys_are_made_anew_constants_filled_in_and_text_left_out():
    table = people()
    preparation = again(prepared(table))
    encoded = preparation.encode(table)
    assert list(encoded) == preparation.columns == ["mail", "zip", "age", "weight"]
    assert encoded["mail"].isna().tolist() == table["mail"].isna().tolist()
    blocks = [preparation.decode(encoded, seed=3, first=first) for first in (0, N, 2 * N)]
    made = pd.concat(blocks, ignore_index=True)
    assert list(made) == [name for name in table if name != "note"]
    assert made.dtypes.equals(table.dtypes.drop("note"))
    assert isinstance(blocks[1].index, pd.RangeIndex)
    for name in ("id", "patient", "uuid"):
        assert made[name].is_unique
        assert not made[name].isin(table[name]).any()
    mails = made["mail"].dropna()
    assert mails.is_unique
    assert mails.str.endswith("@example.com").all()
    assert made["mail"].isna().tolist() == table["mail"].isna().tolist() * 3
    assert (made["country"] == "DE").all()
    assert made["nothing"].isna().all()
    other = preparation.decode(encoded, seed=4)
    assert not other["patient"].equals(blocks[0]["patient"])


def test_nothing_of_keys_and_dropped_text_is_kept():
    table = people()
    kept = json.dumps(prepared(table).config())
    for name in ("patient", "uuid", "mail", "note"):
        assert not [value for value in table[name].dropna() if value in kept], name


def test_new_keys_are_none_of_rows_that_were_held_out():
    table = people()
    preparation = Preparation.of(table[:10], find_types(table), every=table)
    made = preparation.decode(preparation.encode(table), seed=0)
    for name in ("id", "patient"):
        assert not made[name].isin(table[name]).any()


@pytest.mark.parametrize(
    "keys",
    [
        pd.Series(np.arange(N), dtype="float32"),
        pd.Series(np.arange(N), dtype="category"),
        pd.Series([f"A{i}" for i in range(N)], dtype="category"),
        pd.Series([10**30 + i for i in range(N)], dtype=object),
        pd.Series(np.arange(N), dtype="UInt64"),
        pd.Series(np.arange(N), dtype="int32[pyarrow]"),
        pd.Series([f"A{i}" for i in range(N)], dtype="string"),
        pd.Series(2**63 + RNG.choice(2**62, N, replace=False).astype("uint64")),
    ],
)
def test_keys_keep_their_dtype(keys):
    table = pd.DataFrame({"id": keys, "x": np.arange(N) % 7})
    preparation = again(prepared(table, id={"kind": "key"}))
    made = preparation.decode(preparation.encode(table), seed=0)["id"]
    assert str(made.dtype) == str(keys.dtype)
    assert made.is_unique
    assert not made.isin(keys).any()


def test_keys_without_room_are_refused_before_they_run_out():
    table = pd.DataFrame({"id": np.arange(1, 101, dtype="int8"), "x": np.arange(100) % 7})
    preparation = prepared(table)
    assert preparation.room == 27
    with pytest.raises(ValueError, match="column 'id': its form has room for 27 new keys, and 100 are asked for"):
        preparation.decode(preparation.encode(table), seed=0)


def test_a_coarser_unit_may_be_asked_for():
    table = pd.DataFrame({"x": pd.to_datetime(["2024-01-01T05:30", "2024-01-02T23:59"]), "y": [1, 2]})
    preparation = prepared(table, x={"unit": "day"})
    made = preparation.decode(preparation.encode(table), seed=0)["x"]
    assert made.tolist() == [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02")]
    assert made.dtype == table["x"].dtype


# What is missing together


def test_what_is_always_missing_together_stays_so():
    from sdg_lab.models.trees import Trees

    rng = np.random.default_rng(0)
    gone = rng.random(1000) < 0.3
    table = pd.DataFrame(
        {
            "systolic": pd.array(rng.integers(90, 180, 1000), dtype="Int64"),
            "diastolic": rng.normal(80, 10, 1000).round(1),
            "measured": pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 1000), "D"),
            "nurse": [f"nurse{i}@mail.de" for i in range(1000)],
        }
    )
    table[gone] = None
    table["age"] = rng.integers(18, 90, 1000)
    preparation = prepared(table)
    drawn = Trees().fit(preparation.encode(table), progress=False).sample(2000, seed=0)
    made = preparation.decode(drawn, seed=0)
    lacking = made.drop(columns="age").isna()
    assert (lacking.all(axis=1) == lacking.any(axis=1)).all()
    assert abs(lacking["nurse"].mean() - gone.mean()) < 0.05
    assert made.dtypes.equals(table.dtypes)


# Coarsening


def test_rare_categories_become_one_and_extremes_what_many_reach():
    table = pd.DataFrame(
        {
            "town": ["A"] * 50 + ["B"] * 40 + ["C"] * 5 + ["D"] * 4 + ["other"],
            "grade": pd.Categorical(
                ["lo"] * 2 + ["mid"] * 8 + ["hi"] * 90, categories=["lo", "mid", "hi"], ordered=True
            ),
            "level": pd.Categorical([1] * 45 + [2] * 45 + [3] * 10),
            "pay": [-(10**6), *range(98), 10**6],
            "day": pd.to_datetime(["1900-01-01", *["2024-01-01"] * 49, *["2024-06-01"] * 49, "2100-01-01"]),
            "flag": [True] * 98 + [False] * 2,
            "few": [1.5] * 3 + [np.nan] * 97,
        }
    )
    preparation = again(prepared(table, min_count=10))
    encoded = preparation.encode(table)
    assert list(encoded) == ["town", "grade", "level", "pay", "day"]
    assert encoded["town"].value_counts().to_dict() == {"A": 50, "B": 40, "(other)": 10}
    assert encoded["grade"].value_counts().to_dict() == {"hi": 90, "mid": 10}
    assert encoded["level"].value_counts().to_dict() == {"1": 45, "2": 45, "3": 10}
    assert (encoded["pay"].min(), encoded["pay"].max()) == (8, 89)
    assert (encoded["pay"] == 8).sum() == (encoded["pay"] == 89).sum() == 10
    made = preparation.decode(encoded, seed=0)
    assert made["day"].dt.year.unique().tolist() == [2024]
    assert made["grade"].cat.categories.tolist() == ["mid", "hi"]
    assert made["grade"].cat.ordered
    assert made["flag"].all()
    assert made["few"].isna().all()
    assert preparation.notes == (
        "column 'town': 3 categories that few rows have became '(other)'",
        "column 'grade': 1 category that few rows have became a neighbour",
        "column 'pay': 18 extreme values became what 10 rows reach",
        "column 'day': 2 extreme values became what 10 rows reach",
        "column 'flag': 1 category that few rows have became a neighbour",
        "column 'few': fewer than 10 rows have a value: left empty",
    )
    kept = json.dumps(preparation.config()["codings"])
    assert '"D"' not in kept
    assert "1000000" not in kept


@settings(deadline=None)
@given(
    st.lists(st.sampled_from("aaaaabbbbccdefg"), min_size=20, max_size=90),
    st.integers(2, 10),
    st.booleans(),
    st.booleans(),
)
def test_no_category_that_a_model_sees_is_rarer_than_asked(values, least, ordered, numbers):
    column = pd.Series([ord(one) for one in values] if numbers else values)
    table = pd.DataFrame(
        {"x": column.astype(pd.CategoricalDtype(sorted(set(column)), ordered=ordered)), "y": range(len(column))}
    )
    preparation = prepared(table, min_count=least, y={"kind": "integer"})
    encoded = preparation.encode(table)
    assert encoded["y"].value_counts().loc[[encoded["y"].min(), encoded["y"].max()]].min() >= least
    if "x" in encoded:
        assert encoded["x"].value_counts().min() >= least
    made = preparation.decode(encoded, seed=0)["x"]
    assert set(made) <= {*column, "other"}
    assert made.notna().all()


# Other tables than the one that was learnt


@pytest.mark.parametrize(
    ("real", "other", "seen"),
    [
        ([1, 2, 3], [1.0, 2.0, np.nan], [1, 2, None]),
        ([1, 2, 3], [1.5, 2.0, 3.0], [1.5, 2, 3]),
        ([1, 2, 3], ["3", "1", "2"], [3, 1, 2]),
        ([1.5, 2, 3], [1, 2, 3], [1, 2, 3]),
        (["a", "b", "a"], pd.Categorical(["b", "b", "a"]), ["b", "b", "a"]),
        (["01", "02", "01"], [1, 2, 2], ["01", "02", "02"]),
        ([True, False, True], [1, 0, 0], ["True", "False", "False"]),
        ([True, False, True], ["true", "FALSE", "true"], ["True", "False", "True"]),
        (pd.Categorical([1, 2, 1]), [1.0, np.nan, 2.0], ["1", None, "2"]),
        (
            pd.to_datetime(["1970-01-02", "1970-01-09", "1970-01-01"]),
            ["1970-01-03", None, "1970-01-01T12:00"],
            [2, None, 0.5],
        ),
        (
            pd.to_datetime(["2024-07-01", "2024-07-02", "2024-07-03"]).tz_localize("Europe/Berlin"),
            pd.to_datetime(["2024-07-01", "2024-07-01", "2024-07-01"]),
            [19905, 19905, 19905],
        ),
        (pd.to_timedelta(["1 h", "2 h", "3 h"]), ["0 days 05:00:00", "1:00:00", "2:00:00"], [5, 1, 2]),
    ],
)
def test_another_table_is_aligned(real, other, seen):
    preparation = prepared(pd.DataFrame({"x": real}))
    encoded = preparation.encode(pd.DataFrame({"x": other}))["x"]
    assert [None if pd.isna(value) else value for value in encoded] == seen


def test_categories_that_only_another_table_has_stand_behind():
    preparation, notes = prepared(pd.DataFrame({"x": ["b", "a", "b"]})), []
    encoded = preparation.encode(pd.DataFrame({"x": ["c", "a", None], "more": 1}), notes=notes)
    assert encoded["x"].cat.categories.tolist() == ["a", "b", "c"]
    assert notes == ["column 'x': 1 category never seen where the others were learnt"]
    with pytest.raises(ValueError, match="column 'x' has no category 'c'; it has a, b"):
        preparation.decode(encoded, seed=0)


@pytest.mark.parametrize(
    ("real", "other", "said"),
    [
        ([1, 2, 3], ["1", "x", "2"], "column 'x' must hold numbers, and has 'x' in row 1; repair it"),
        ([1, 2, 3], pd.to_datetime(["2024-01-01"] * 3), "column 'x' must hold numbers, and holds dates"),
        (
            pd.to_datetime(["2024-01-01", "2024-01-02"]),
            [1, 2],
            "column 'x' must hold dates, and holds numbers|integers",
        ),
        ([1, 2, 3], [1.0, np.inf, 2.0], "column 'x' is infinite in row 1"),
        ([2**62, 2**62 + 1], [2**62, 1], "column 'x' holds whole numbers further than 2⁵³ from those that were learnt"),
    ],
)
def test_what_cannot_be_aligned_is_refused(real, other, said):
    preparation = prepared(pd.DataFrame({"x": real}), x={"kind": "integer"} if isinstance(real, list) else {})
    with pytest.raises(ValueError, match=said):
        preparation.encode(pd.DataFrame({"x": other}))


def test_a_lacking_column_is_refused():
    with pytest.raises(ValueError, match=r"the table lacks the columns \['x'\]; it has \['y'\]"):
        prepared(pd.DataFrame({"x": [1, 2]})).encode(pd.DataFrame({"y": [1]}))


# Refusals


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (pd.DataFrame({"x": []}), "the table is empty: shape (0, 1)"),
        (pd.DataFrame(), "the table is empty: shape (0, 0)"),
        (pd.DataFrame({"x": [1]}), "the table has a single row; nothing can be learnt from one, bring at least two"),
        (
            pd.DataFrame({"id": [1, 2], "c": [3, 3]}),
            "no column is left to learn from: 'id' (key: anew), 'c' (constant: constant); bring a column that varies",
        ),
        (pd.DataFrame({"x": [1.5, np.inf]}), "column 'x' is infinite in row 1; repair or remove it"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["x", "x"]), "there are two columns 'x' in the table; rename one"),
        (pd.DataFrame({0: [1, 2]}), "column names must be text, got 0; rename it"),
        (pd.DataFrame({"x": [1, "a"]}), "column 'x' holds int and str values"),
        (pd.DataFrame({"x": [[1], [2]]}), "column 'x' holds list values"),
        (pd.DataFrame({"x": [1j, 2j]}), "column 'x' holds complex numbers"),
    ],
)
def test_what_cannot_be_learnt_is_refused(table, said):
    with pytest.raises((TypeError, ValueError)) as error:
        Preparation.of(table, find_types(table))
    assert str(error.value).startswith(said)


def test_a_column_that_cannot_be_learnt_may_be_left_out():
    table = pd.DataFrame({"x": [1.5, np.inf], "y": [1, 2]})
    assert prepared(table, x={"use": "drop"}).columns == ["y"]


def test_whole_numbers_too_far_apart_are_refused():
    table = pd.DataFrame({"x": [0, 2**60, 5]})
    with pytest.raises(ValueError, match=f"column 'x' holds whole numbers from 0 to {2**60}, further apart than 2⁵³"):
        prepared(table, x={"kind": "integer"})


def test_types_of_another_table_are_refused():
    table, types = pd.DataFrame({"x": [1, 2], "y": [1.5, 2]}), find_types(pd.DataFrame({"x": [1, 2]}))
    with pytest.raises(ValueError, match=r"the types say nothing of the columns \['y'\]; find them anew"):
        Preparation.of(table, types)
    with pytest.raises(ValueError, match="column 'x' is said to be of the kind integer, and holds labels"):
        Preparation.of(pd.DataFrame({"x": ["a", "b"]}), types)
    with pytest.raises(
        ValueError, match="column 'x' is said to be of the kind integer, and holds numbers with decimals"
    ):
        Preparation.of(pd.DataFrame({"x": [1.5, 2]}), types)
    with pytest.raises(TypeError, match="types must be Types, as find_types returns them, got dict"):
        Preparation.of(table, {"x": "integer"})
    constant = find_types(pd.DataFrame({"x": [1, 1], "y": [1.5, 2]}))
    with pytest.raises(ValueError, match="column 'x' is said to be constant, and has more than one value"):
        Preparation.of(table, constant)


def test_extremes_are_brought_to_nobody_s_own_number():
    values = [*range(100, 1_000, 10), 5_000, 9_000, 17_000]
    encoded = again(prepared(pd.DataFrame({"x": values}), min_count=3)).encode(pd.DataFrame({"x": values}))["x"]
    ends = {encoded.min(), encoded.max()}
    assert not ends & set(values)
    assert all((encoded == end).sum() == 3 for end in ends)


def test_infinite_numbers_are_refused_by_their_row_in_the_whole_table():
    every = pd.DataFrame({"x": [1.5, 2.5, 3.5, np.inf]})
    with pytest.raises(ValueError, match="'x' is infinite in row 3"):
        Preparation.of(every.iloc[:3], find_types(every), every=every)


def test_a_min_count_above_half_the_rows_is_refused():
    with pytest.raises(ValueError, match="min_count must be a whole number >= 1 and <= 5, got 6"):
        prepared(pd.DataFrame({"x": range(10)}), min_count=6)


def test_categories_that_read_the_same_are_refused():
    table = pd.DataFrame({"x": pd.Categorical([1.0, 2.5, 1.0]), "y": [1, 2, 3]})
    assert prepared(table).encode(table)["x"].tolist() == ["1", "2.5", "1"]
    with pytest.raises(ValueError, match="read the same"):
        find_types(pd.DataFrame({"x": pd.Categorical([1, "1"])}))


def test_an_index_that_says_something_is_noted():
    table = pd.DataFrame({"x": [1, 2]}, index=["a", "b"])
    assert prepared(table).notes == ("the index of the table is left out; table.reset_index() makes it a column",)


def test_drawn_numbers_are_rounded_and_kept_within_the_dtype():
    table = pd.DataFrame(
        {"i": pd.array([1, 2, 3], dtype="int8"), "d": [0.25, 0.5, 0.75], "m": [Decimal("1.5"), Decimal(2), None]}
    )
    drawn = pd.DataFrame({"i": [1.4, 900, -900], "d": [0.254, 0.5, 0.126], "m": [1.04, np.nan, 3]})
    made = prepared(table).decode(drawn, seed=0)
    assert made["i"].tolist() == [1, 127, -128]
    assert made["d"].tolist() == [0.25, 0.5, 0.13]
    assert made["m"].tolist() == [Decimal("1.0"), None, Decimal(3)]
