"""What a table and a column must be: each fault has one sentence, wherever it is met."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.data import Card, Dataset
from sdg_lab.tables.categories import Categories
from sdg_lab.tables.codec import code_table, column_from_config, column_of, columns_of
from sdg_lab.tables.columns import (
    as_table,
    check_column,
    check_columns,
    check_complete,
    check_table,
    kind_of,
    numbers_of,
)

DAYS = pd.to_datetime(["2020-01-01", "2020-01-02"])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "numbers"),
        (pd.array([1, None], "Int64"), "numbers"),
        ([0.5, np.nan], "numbers"),
        ([True, False], "categories"),
        (pd.array([True, None], "boolean"), "categories"),
        (["a", None], "categories"),
        (pd.Categorical([1, 2]), "categories"),
        (pd.Categorical([True, False]), "categories"),
        (DAYS, "dates"),
        (DAYS.tz_localize("UTC"), "dates"),
        (DAYS - DAYS[0], "dates"),
    ],
)
def test_kinds(values: Any, kind: str) -> None:
    column = pd.Series(values, name="x")
    assert kind_of(column) == kind
    assert check_column(column, dates=True) == kind


@pytest.mark.parametrize(
    ("values", "error", "sentence"),
    [
        ([None, None], ValueError, "column 'x' is all missing; remove it"),
        ([3, 3], ValueError, "column 'x' is constant, always 3; remove it, it tells nothing"),
        ([0.5, 0.5], ValueError, "column 'x' is constant, always 0.5; remove it, it tells nothing"),
        (["a", "a"], ValueError, "column 'x' is constant, always 'a'; remove it, it tells nothing"),
        ([True, True], ValueError, "column 'x' is constant, always True; remove it, it tells nothing"),
        ([1.0, np.inf], ValueError, "column 'x' is infinite in row 1; repair or remove it"),
        ([1.0, -np.inf], ValueError, "column 'x' is infinite in row 1; repair or remove it"),
        ([1j, 2j], TypeError, "column 'x' must hold numbers, got complex128"),
        (
            DAYS,
            TypeError,
            "column 'x' holds dates; turn them into numbers, in every part of the data alike: "
            "table['x'] = (table['x'] - pd.Timestamp('1970-01-01')).dt.days",
        ),
        ([(1,), (2,)], TypeError, "column 'x' holds tuple values; turn them into text or numbers"),
        ([Decimal(1), None], TypeError, "column 'x' holds Decimal values; turn them into text or numbers"),
        (
            [datetime.date(2020, 1, 1), "a"],
            TypeError,
            "column 'x' holds date values; turn them into text or numbers: table['x'] = table['x'].astype(str)",
        ),
        ([[1], [2]], TypeError, "column 'x' holds list values; turn them into text or numbers"),
        (
            pd.period_range("2020", periods=2),
            TypeError,
            "column 'x' holds Period values; turn them into text or numbers",
        ),
        (
            pd.cut([1, 2, 3], 2),
            TypeError,
            "column 'x' holds Interval values; turn them into text or numbers: "
            "table['x'] = table['x'].cat.rename_categories(str)",
        ),
        (pd.Categorical(DAYS), TypeError, "column 'x' holds Timestamp values; turn them into text or numbers: "),
        (
            [1, "1", "b"],
            ValueError,
            "column 'x' holds both 1 and '1', which read the same; make all of them text, or all numbers",
        ),
        (["1", 1, "b"], ValueError, "column 'x' holds both '1' and 1, which read the same;"),
        (pd.Categorical([1, "1"]), ValueError, "column 'x' holds both 1 and '1', which read the same;"),
    ],
)
def test_columns_from_which_nothing_can_be_learned(values: Any, error: type[Exception], sentence: str) -> None:
    column = pd.Series(values, name="x")
    for learn in (check_column, lambda found: column_of(found, 8)):
        with pytest.raises(error) as refusal:
            learn(column)
        assert str(refusal.value).startswith(sentence)


@pytest.mark.parametrize(
    ("values", "dtype", "row", "least"),
    [
        ([1, 2**53 + 1], "int64", 1, 1),
        ([0, 2**53 + 1], "int64", 1, None),
        ([2**53 + 1, 2**53 + 2], "int64", 0, 2**53 + 1),
        ([-(2**53) - 1, 0], "int64", 0, None),
        ([None, 2**63 - 1, 2**63 - 3], "Int64", 1, 2**63 - 3),
        ([1, 2**64 - 1], "uint64", 1, None),
        ([1, 2**60, None], "int64[pyarrow]", 1, None),
    ],
)
def test_whole_numbers_that_float64_rounds_are_refused(values: Any, dtype: str, row: int, least: int | None) -> None:
    table = pd.DataFrame({"x": pd.Series(values, dtype=dtype)})
    known = column_of(pd.Series([1, 2], name="x"), 8)
    sentence = (
        f"column 'x' holds {values[row]} in row {row}: whole numbers beyond 2⁵³ would be rounded; make an id text: "
    )
    remedies = ["table['x'] = table['x'].astype(str)"] + ([] if least is None else [f"table['x'] -= {least}"])
    lines = sentence + "; or count from the least: ".join(remedies)
    for learn in (check_column, lambda found: column_of(found, 8), known.encode):
        with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the sentence is compared below
            learn(table["x"])
        assert str(refusal.value) == lines
    for remedy in remedies:
        part = table.copy()
        exec(remedy, {"table": part})
        column = column_of(part["x"], 8)
        pd.testing.assert_series_equal(column.decode(column.encode(part["x"]), np.random.default_rng(0)), part["x"])
    assert check_column(table["x"], large=True) == "numbers"


def test_whole_numbers_are_exact_up_to_a_bound_and_as_categories_beyond() -> None:
    for values in (pd.Series([2**53, -(2**53), 5]), pd.Series(pd.Categorical([2**60, 2**60 + 1, 2**64 - 1]))):
        column = column_of(values.rename("x"), 8)
        pd.testing.assert_series_equal(
            column.decode(column.encode(values), np.random.default_rng(0)), values.rename("x")
        )


@pytest.mark.parametrize(
    ("dtype", "values", "sentence"),
    [
        (pa.date32(), [0, 1], "column 'x' holds dates; turn them into numbers, in every part of the data alike: "),
        (
            pa.date64(),
            [0, 86_400_000],
            "column 'x' holds dates; turn them into numbers, in every part of the data alike",
        ),
        (
            pa.timestamp("us", "UTC"),
            [0, 1],
            "column 'x' holds dates; turn them into numbers, in every part of the data",
        ),
        (pa.duration("s"), [0, 1], "column 'x' holds dates; turn them into numbers, in every part of the data alike: "),
        (pa.time32("s"), [0, 1], "column 'x' holds time values; turn them into text or numbers: "),
        (pa.binary(), [b"a", b"b"], "column 'x' holds bytes values; turn them into text or numbers"),
        (
            pa.decimal128(5, 2),
            [1, 2],
            "column 'x' has the dtype decimal128(5, 2)[pyarrow], which pandas cannot make of",
        ),
        (pa.list_(pa.int8()), [[1], [2]], "column 'x' has the dtype list<item: int8>[pyarrow], which pandas cannot"),
    ],
)
def test_what_only_pyarrow_has_is_refused_with_a_remedy(dtype: pa.DataType, values: list[Any], sentence: str) -> None:
    table = pd.DataFrame({"x": pd.Series(pd.array(pa.array(values, dtype), dtype=pd.ArrowDtype(dtype)))})
    with pytest.raises(TypeError) as refusal:
        check_column(table["x"])
    assert str(refusal.value).startswith(sentence)
    exec("table" + str(refusal.value).split(": table", 1)[1], {"table": table, "pd": pd})
    column = column_of(table["x"], 8)
    pd.testing.assert_series_equal(
        column.decode(column.encode(table["x"]), np.random.default_rng(0)), table["x"], check_dtype=True
    )


@pytest.mark.parametrize("kind", ["boolean", "bool", "int32", "str", "object", "float32", "Int64", "int64[pyarrow]"])
def test_categories_keep_the_dtype_that_they_declare(kind: str) -> None:
    values: list[Any] = [True, False] if "bool" in kind else ["a", "b"] if kind in ("str", "object") else [1, 2]
    column = pd.Series(pd.Categorical(values, categories=pd.Index(values, dtype=kind)), name="x")
    learned = column_from_config(json.loads(json.dumps(column_of(column, 8).config())))
    pd.testing.assert_series_equal(learned.decode(learned.encode(column), np.random.default_rng(0)), column)
    old = {key: value for key, value in learned.config().items() if key != "declared"}  # a file of an earlier version
    assert column_from_config(old).decode(learned.encode(column), np.random.default_rng(0)).tolist() == values


def test_what_is_asked_for_may_be_a_label_or_an_array_but_not_nothing() -> None:
    for values, some in ((["a", "b", None], "a"), ([1.5, 2, None], 2)):
        column = column_of(pd.Series(values, name="x"), 8)
        assert column.given("missing")[0].tolist() == [0, 0, 1]
        for array in (np.array([some]), pd.Series([some]), np.array(some)):
            assert column.given(array)[0].tolist() == column.given(some)[0].tolist()
        for nothing in ([], set(), np.array([])):
            with pytest.raises(ValueError, match=r"^column 'x' is asked for no value, got .*; give at least one, or"):
                column.given(nothing)
    assert column_of(pd.Series([1, 2, 9], name="x"), 2).given(range(1, 3))[0].tolist() == [1, 0]
    for column in (column_of(pd.Series([1, 2], name="x"), 8), column_of(pd.Series(["a", "b"], name="x"), 8)):
        with pytest.raises(ValueError, match="missing"):
            column.given("missing")


def test_too_many_bins_are_fewer_bins() -> None:
    with pytest.raises(ValueError, match=r"has 300 states, more than 255: .* learn them; give fewer bins than 300$"):
        column_of(pd.Series(range(300), name="x"), 300)


@pytest.mark.parametrize(
    "values",
    [[3, None], ["a", None], pd.Categorical(["a", "a"], categories=["a", "b"]), np.array([np.int64(1), "a"], object)],
)
def test_two_states_are_enough(values: Any) -> None:
    # Whether a value is missing can be learned; and a category that a dtype declares may yet come.
    column = column_of(pd.Series(values, name="x"), 8)
    assert len(column.labels) == 2
    assert column_from_config(json.loads(json.dumps(column.config()))).labels == column.labels


@pytest.mark.parametrize(
    ("values", "numbers"),
    [
        (DAYS, [18262, 18263]),
        (DAYS.tz_localize("UTC"), [18262, 18263]),
        (DAYS.tz_localize("Europe/Berlin"), [18262 * 86400 - 3600, 18263 * 86400 - 3600]),
        (DAYS + pd.Timedelta(hours=1), [18262 * 86400 + 3600, 18263 * 86400 + 3600]),
        (DAYS - DAYS[0], [0, 86400]),
    ],
)
def test_the_remedy_for_dates_means_the_same_in_every_part(values: Any, numbers: list[int]) -> None:
    table = pd.DataFrame({"x": [*values, None]})
    with pytest.raises(TypeError, match="holds dates") as refusal:
        check_column(table["x"])
    remedy = str(refusal.value).split(": ", 1)[1]
    for part in (table.copy(), table[1:].copy()):
        expected = part.index.map(dict(enumerate(numbers)).get)
        exec(remedy, {"table": part, "pd": pd})
        np.testing.assert_array_equal(part["x"], [np.nan if value is None else value for value in expected])
        assert check_column(part["x"]) == "numbers"


def test_a_table_of_probabilities_has_a_limit() -> None:
    values = pd.Series([f"id {i}" for i in range(256)], name="x")
    assert len(column_of(values[:255], 8).labels) == 255
    with pytest.raises(
        ValueError, match=r"^column 'x' has 256 states, more than 255: .* remove it, or merge rare ones$"
    ):
        column_of(values, 8)


def test_rows_are_counted_as_the_caller_does() -> None:
    with pytest.raises(ValueError, match="is infinite in row 2;"):
        check_column(pd.Series([1.0, np.inf], name="x"), first=1)


def test_a_category_called_missing_is_not_a_missing_value() -> None:
    values = pd.Series(["missing", "(missing)", "here", None], name="x")
    column = column_of(values, 8)
    assert column.labels == ("(missing)", "here", "missing", "((missing))")
    codes = column.encode(values)
    assert codes.tolist() == [2, 0, 1, 3]
    pd.testing.assert_series_equal(column.decode(codes, np.random.default_rng(0)), values)
    assert column.given("missing")[0].tolist() == [0, 0, 1, 0]
    assert column.given(None)[0].tolist() == [0, 0, 0, 1]
    assert Categories("x", ("a",), "str", missing=True).labels == ("a", "missing")


@pytest.mark.parametrize(
    ("table", "error", "sentence"),
    [
        ([1, 2], TypeError, "data must be a pandas DataFrame, got list"),
        (pd.DataFrame({"a": []}), ValueError, "data is empty: shape (0, 1)"),
        (pd.DataFrame({0: [1, 2]}), TypeError, "column names must be text, got 0; rename it"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, "there are two columns 'a' in data; rename one"),
    ],
)
def test_tables_from_which_nothing_can_be_learned(table: Any, error: type[Exception], sentence: str) -> None:
    for learn in (check_table, lambda found: columns_of(found, 8), code_table):
        with pytest.raises(error) as refusal:
            learn(table)
        assert str(refusal.value) == sentence


def test_what_is_lacking_is_named() -> None:
    table = pd.DataFrame({"a": [1.0, np.nan], "b": [1, 2]})
    known = columns_of(pd.DataFrame({"a": [1, 2], "c": [1, 2]}), 8)
    for ask in (lambda found: check_columns(found, ["a", "c"]), lambda found: code_table(found, known)):
        with pytest.raises(ValueError, match=r"^the table lacks the columns \['c'\]; it has \['a', 'b'\]$"):
            ask(table)
        with pytest.raises(TypeError, match=r"^the table must be a pandas DataFrame, got list$"):
            ask([1])
    check_complete(table["b"])
    with pytest.raises(ValueError, match=r"^train: column 'a' lacks a value in row 1; fill it, or drop the row$"):
        check_complete(table["a"], "train")


def test_numbers_are_not_guessed() -> None:
    assert numbers_of(pd.Series([1, None], dtype="Int64"))[0] == 1
    assert np.isnan(numbers_of(pd.Series([1, None], dtype="Int64"))[1])
    for values in (DAYS, ["a", "b"]):
        with pytest.raises(TypeError, match=r"^column 'x' must hold numbers, got "):
            column_of(pd.Series([1, 2], name="x"), 8).encode(pd.Series(values, name="x"))


# Arrays


@given(st.integers(1, 5), st.integers(1, 4), st.sampled_from(["f4", "f8", "i8", "?"]))
def test_arrays_become_tables(rows: int, columns: int, dtype: str) -> None:
    array = np.random.default_rng(0).integers(0, 2, (rows, columns)).astype(dtype)
    for data in (array, torch.from_numpy(array)):
        table = as_table(data)
        assert list(table.columns) == [f"x{column}" for column in range(columns)]
        np.testing.assert_array_equal(table.to_numpy(), array)
        assert set(table.dtypes) == {array.dtype}


def test_a_target_is_the_last_column() -> None:
    array = np.array([[1.5, 2.0], [3.5, 4.0]])
    assert as_table(array, ["no", "yes"]).to_dict("list") == {"x0": [1.5, 3.5], "x1": [2, 4], "y": ["no", "yes"]}
    named = as_table(array, pd.Series([0, 1], index=[7, 8], name="ill"), names=["a", "b"])
    assert named.to_dict("list") == {"a": [1.5, 3.5], "b": [2, 4], "ill": [0, 1]}
    table = pd.DataFrame({"a": [1, 2]}, index=[3, 4])
    assert as_table(table) is table
    assert as_table(table, torch.tensor([0, 1]), target="ill")["ill"].tolist() == [0, 1]
    assert list(table.columns) == ["a"]
    mixed = as_table(np.array([["a", 1], ["b", 2]], object))
    assert [kind_of(mixed[name]) for name in mixed] == ["categories", "numbers"]


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        (([1, 2],), TypeError, "data must be a pandas DataFrame or an array (n, columns), got list"),
        ((np.zeros(3),), ValueError, "an array must have shape (n, columns) to be a table, got (3,)"),
        ((np.zeros((3, 2)), [1, 2]), ValueError, "y must have shape (3,), one value for each row, got (2,)"),
        ((pd.DataFrame({"y": [1]}), [2]), ValueError, "the table has a column 'y' already; call the target otherwise"),
    ],
)
def test_what_is_no_table_is_refused(arguments: tuple[Any, ...], error: type[Exception], sentence: str) -> None:
    with pytest.raises(error) as refusal:
        as_table(*arguments)
    assert str(refusal.value) == sentence


def test_every_column_of_an_array_has_a_name() -> None:
    with pytest.raises(ValueError, match=r"^names must say one name for each column: 2 columns, 1 names$"):
        as_table(np.zeros((3, 2)), names=["a"])
    with pytest.raises(ValueError, match=r"^names must be several values, such as \['ab'\], got 'ab'$"):
        as_table(np.zeros((3, 2)), names="ab")


@pytest.mark.parametrize("tensor", [torch.ones(3, 2, dtype=torch.bfloat16), torch.eye(3).to_sparse()])
def test_tensors_that_numpy_cannot_hold_are_refused(tensor: torch.Tensor) -> None:
    with pytest.raises(TypeError, match=r"^numpy cannot hold a tensor of torch\..*, or it is sparse; pass tensor\.f"):
        as_table(tensor)


def test_a_whole_data_set_is_told_to_pass_a_part() -> None:
    part = pd.DataFrame({"x": [1, 2]})
    whole = Dataset(Card("a", "a", "table", "", "", "", "", ""), part, part, part)
    for take in (as_table, check_table):
        with pytest.raises(TypeError, match=r", got Dataset; pass one of its parts, such as \.train$"):
            take(whole)
