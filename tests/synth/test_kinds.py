"""What a column holds is found as a person would say it, shown safely, and edited as YAML."""

import json
import uuid

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from sdg_lab.synth.kinds import KINDS, ColumnType, Types, find_type, find_types, is_named_id

N = 400
RNG = np.random.default_rng(0)
NAMES = ["Ada", "Bo", "Cy", "Di"]


def drawn(values, n: int = N) -> list:
    return RNG.choice(values, n).tolist()


FOUND = {
    "id": (np.arange(N), "key", "anew"),
    "rank": (RNG.permutation(N) + 1, "key", "anew"),
    "customerId": (RNG.integers(10**8, 10**9, N), "key", "anew"),
    "visit_of_patient_id": (RNG.integers(0, 200, N), "key", "anew"),
    "store_id": (RNG.integers(0, 9, N), "category", "model"),
    "hash": (RNG.integers(-(2**63), 2**63 - 1, N), "key", "anew"),
    "bits": (drawn([0, 2**60, -(2**60)]), "category", "model"),
    "population": (RNG.choice(10**6, N, replace=False), "integer", "model"),
    "year": (np.arange(1600, 1600 + N), "integer", "model"),
    "age": (RNG.integers(18, 90, N), "integer", "model"),
    "whole floats": (RNG.integers(0, 50, N).astype(float), "integer", "model"),
    "price": (RNG.lognormal(3, 1, N), "decimal", "model"),
    "paid": (RNG.integers(0, 10**6, N) / 100, "decimal", "model"),
    "infinite": ([np.inf, *RNG.normal(size=N - 1)], "decimal", "model"),
    "smokes": (drawn([True, False]), "boolean", "model"),
    "colour": (drawn(["red", "green"]), "category", "model"),
    "declared": (pd.Categorical(drawn(["b", "a"])), "category", "model"),
    "zip": ([f"{i:05d}" for i in RNG.integers(1000, 1100, N)], "code", "model"),
    "icd": (drawn([f"{c}{i:02d}.{j}" for c in "EJ" for i in range(4) for j in range(3)]), "code", "model"),
    "quarter": (drawn(["Q1", "Q2", "Q3"]), "category", "model"),
    "patient": ([f"PAT-{i:05d}" for i in RNG.permutation(N)], "key", "anew"),
    "token": ([uuid.UUID(int=int(i) << 60).hex for i in RNG.integers(2**62, size=N)], "key", "anew"),
    "contact": ([f"a{i % 300}@mail.de" for i in range(N)], "key", "anew"),
    "who": ([f"Ada{i} Smith" for i in range(N)], "text", "drop"),
    "story": (drawn([f"{i} and then something else happened to somebody" for i in range(150)]), "text", "drop"),
    "day": (pd.Timestamp("2024-01-01") + pd.to_timedelta(RNG.integers(0, 99, N), "D"), "date", "model"),
    "span": (pd.to_timedelta(RNG.integers(0, 99, N), "min"), "duration", "model"),
    "one": ([7] * N, "constant", "constant"),
    "nothing": ([None] * N, "constant", "constant"),
    "one or none": ([None, 7] * (N // 2), "integer", "model"),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_kind_is_found(name):
    values, kind, use = FOUND[name]
    found = find_type(pd.Series(values, name=name))
    assert (found.kind, found.use) == (kind, use), found
    assert found.note or use == "model"


def table() -> pd.DataFrame:
    return pd.DataFrame({name: values for name, (values, *_) in FOUND.items()})


@pytest.mark.parametrize(
    ("times", "unit"),
    [
        (["2024-01-01", "2024-03-01"], "day"),
        (["2024-01-01T05", "2024-03-01T00"], "hour"),
        (["2024-01-01T05:30", "2024-03-01T00:00"], "minute"),
        (["2024-01-01T05:30:01", "2024-03-01T00:00:00"], "second"),
        (["2024-01-01T05:30:01.25", "2024-03-01"], "ms"),
        (["2024-01-01T05:30:01.000025", "2024-03-01"], "us"),
        (["2024-01-01T05:30:01.000000025", "2024-03-01"], "ns"),
        (["2024-01-01T05:30:01.000000025", "2025-03-01"], "us"),  # beyond 2⁵³ of the finer one
    ],
)
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_the_coarsest_unit_is_found(times, unit, zone):
    column = pd.Series([pd.Timestamp(time).as_unit("ns") for time in times], name="t").dt.tz_localize(zone)
    found = find_type(column)
    assert found.unit == unit
    assert ("kept to the us" in found.note) == (times[1] == "2025-03-01")


def test_what_else_is_known_of_numbers():
    values = [0] * 100 + [99999] * 60 + RNG.integers(1, 9000, 240).tolist() + [None] * 100
    found = find_type(pd.Series(values, name="income"))
    assert found.atoms == ("0", "99999")
    assert found.missing == 0.2
    assert found.decimals == 0
    assert find_type(pd.Series([0.25, 1.5], name="x")).decimals == 2
    assert find_type(pd.Series([1 / 3, 1.5], name="x")).decimals is None


def test_a_million_categories_are_none():
    many = [f"Word {i % 30_000} of many" for i in range(61_000)]
    found = find_type(pd.Series(many, name="x"))
    assert (found.kind, found.use) == ("text", "drop")
    assert found.note == "30,000 different values are too many to learn: left out"


@pytest.mark.parametrize(
    "name", ["id", "ID", "customerId", "user_id", "id_2", "Unnamed: 0", "index", "E-Mail", "order no"]
)
def test_names_of_ids(name):
    assert is_named_id(name)


@pytest.mark.parametrize("name", ["age", "width", "paid", "idle", "notes", "keyboard"])
def test_names_of_other_things(name):
    assert not is_named_id(name)


def test_rare_names_of_persons_are_left_out():
    found = find_type(pd.Series([*NAMES, *drawn(["Eve", "Flo"])], name="first name"))
    assert (found.kind, found.use) == ("text", "drop")
    assert found.note.startswith("may be names of persons, 4 of 6 occur fewer than 5 times: left out")


def test_names_in_a_small_table_are_left_out():
    names = [f"{first} {second}" for first in ("Ada", "Eve", "Flo") for second in ("Bo", "Ma", "Ny", "Po")]
    assert find_type(pd.Series(names, name="customer")).use == "drop"
    assert find_type(pd.Series([*names, names[0]], name="customer")).use == "drop"
    assert find_type(pd.Series(names, name="customer", dtype="category")).use == "drop"
    assert find_type(pd.Series([*names[:3], *[None] * N], name="remark")).use == "drop"
    assert find_type(pd.Series(["x", *[None] * N], name="mark")).use == "model"


def test_codes_that_few_rows_share_are_somebody_s_own():
    found = find_type(pd.Series([f"g{i // 4}" for i in range(N)], name="pat"))
    assert (found.kind, found.use) == ("key", "anew")


def test_groups_are_keys_if_there_are_many_and_they_are_no_times():
    frame = pd.DataFrame({"person": np.arange(N) // 8, "clinic": drawn(list("abc")), "year": np.arange(N) // 8})
    types = find_types(frame)
    assert (types.with_group("person")["person"].kind, types["person"].kind) == ("key", "integer")
    assert types.with_group("person")["person"].note == "groups of 8.0 rows each: every new row gets its own"
    for other in ("clinic", "year", ""):
        assert types.with_group(other) == types


# Shown


def test_no_key_or_text_of_anybody_is_shown():
    frame = table()
    said = "\n".join(find_types(frame).lines()) + find_types(frame).to_yaml()
    for name in ("customerId", "patient", "token", "contact", "who", "story"):
        assert not [value for value in frame[name] if str(value) in said], name


def test_control_characters_and_markup_are_shown_as_they_are():
    types = find_types(pd.DataFrame({"\x1b[31mred\n": ["a\x07", "b"], "[bold]x[/]": [1, 2]}))
    console = Console(width=200, color_system=None)
    with console.capture() as capture:
        console.print(types)
    for said in (*types.lines(), *capture.get().splitlines(), *types.to_yaml().splitlines()):
        assert said.isprintable()
    assert "\\x1b[31mred\\n" in capture.get()
    assert "a\\x07" in capture.get()
    assert "[bold]x[/]" in capture.get()


def test_types_print_as_a_table_and_are_named_shortly():
    types = find_types(pd.DataFrame({"x": [1, 2], "one": 1}))
    assert str(types).splitlines() == types.lines()
    assert repr(types) == "<Types: 2 columns of 2 rows, 1 learnt>"


# YAML and JSON


def test_yaml_and_json_come_back(tmp_path):
    types = find_types(table())
    path = tmp_path / "types.yaml"
    path.write_text(types.to_yaml(), encoding="utf-8")
    assert types.with_yaml(path) == types
    assert Types.from_config(json.loads(json.dumps(types.config()))) == types


@given(st.lists(st.text(min_size=1, max_size=9), min_size=1, max_size=5, unique=True))
def test_any_name_comes_back_from_yaml(tmp_path_factory, names):
    path = tmp_path_factory.mktemp("yaml") / "types.yaml"
    types = Types([ColumnType(name, "integer", "int64", decimals=0) for name in names], 2)
    path.write_bytes(types.to_yaml().encode("utf-8"))
    lines = path.read_text("utf-8").replace("use: model", "use: drop")
    path.write_bytes(lines.encode("utf-8"))
    assert [(one.name, one.use) for one in types.with_yaml(path)] == [(name, "drop") for name in names]


def edited_by(tmp_path, text: str, types: Types | None = None) -> Types:
    path = tmp_path / "types.yaml"
    path.write_text(text, encoding="utf-8")
    return (types or find_types(table())).with_yaml(path)


def test_edits_are_taken_and_the_rest_stays(tmp_path):
    text = (
        "store_id: {kind: integer}\nwho: {use: category}\nid:\n  use: drop\nday:\n  unit: hour\npaid: {decimals: 1}\n"
    )
    found, before = edited_by(tmp_path, text), find_types(table())
    assert (found["store_id"].kind, found["store_id"].use) == ("integer", "model")
    assert (found["who"].kind, found["who"].use) == ("category", "model")
    assert (found["id"].kind, found["id"].use) == ("key", "drop")
    assert found["day"].unit == "hour"
    assert found["paid"].decimals == 1
    assert found["age"] == before["age"]
    assert found.names == before.names
    assert edited_by(tmp_path, "# nothing\n") == before
    assert edited_by(tmp_path, "colour: {ordered: true}\nage:\n")["colour"].ordered
    assert edited_by(tmp_path, "price: {decimals: null}\n")["price"].decimals is None
    assert edited_by(tmp_path, "colour: {kind: key}\n")["colour"].use == "anew"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("age:\n  kind: integer\ncolr:\n  kind: code\n", "line 3: the table has no column 'colr'; it has 'id', "),
        ("age:\n  use: model\n  kind: number\n", f"line 3: column 'age': kind must be one of {', '.join(KINDS)}, got"),
        ("age: {kind: date}\n", "line 1: column 'age': kind must be one of integer, decimal, category, key for int64"),
        ("price: {kind: key}\n", "line 1: column 'price': kind must be one of decimal, category for float64 values"),
        ("age:\n  use: anew\n", "line 2: column 'age': use must be one of model, drop, got 'anew'"),
        (
            "age: {sort: up}\n",
            "line 1: column 'age': sort is nothing that can be said; say kind, use, unit, decimals, ",
        ),
        ("day: {unit: week}\n", "line 1: column 'day': unit must be one of day, hour, minute, second, ms, us, ns, got"),
        ("age: {unit: day}\n", "line 1: column 'age': unit is of dates and durations; leave it out"),
        ("paid: {decimals: x}\n", "line 1: column 'paid': decimals must be a whole number >= 0 and <= 15, got 'x'"),
        ("colour: {ordered: 1}\n", "line 1: column 'colour': ordered must be true or false, got 1"),
        ("age: drop\n", "line 1: column 'age' must say kind: or use:, got 'drop'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(tmp_path, text, said):
    with pytest.raises(ValueError) as error:  # noqa: PT011 - the message is compared
        edited_by(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / 'types.yaml'}, {said}")


def test_a_list_is_no_file_of_types(tmp_path):
    with pytest.raises(ValueError, match="must name columns, each with its kind and use, got"):
        edited_by(tmp_path, "- age\n")


def test_a_wrong_name_is_answered_by_the_nearest():
    with pytest.raises(KeyError, match="there is no column 'colr'; did you mean 'colour'"):
        find_types(table())["colr"]
