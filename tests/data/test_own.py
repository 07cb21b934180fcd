from __future__ import annotations

import datetime
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pyarrow import parquet

from sdg_lab import data
from sdg_lab.models.bayes_net import BayesNet


def whole(dataset: data.Dataset[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(dataset.parts.values(), ignore_index=True)


def written(folder: Path, content: str, name: str = "mine.csv") -> Path:
    path = folder / name
    path.write_text(content, "utf-8")
    return path


# Tables

rows = st.lists(
    st.tuples(
        st.integers(-(2**40), 2**40),
        st.floats(allow_nan=False, allow_infinity=False, width=64),
        st.sampled_from(["red", "green", 'deep, "dark" blue', "weiß"]),
    ),
    min_size=6,
    max_size=30,
    unique=True,
).filter(lambda found: all(len({row[column] for row in found}) > 1 for column in range(3)))


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
@given(found=rows)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_comes_back_as_it_was_written(found: list[tuple[int, float, str]], suffix: str, tmp_path: Path) -> None:
    table = pd.DataFrame(found, columns=["count", "size", "colour"])
    path = tmp_path / f"mine{suffix}"
    table.to_parquet(path) if suffix == ".parquet" else table.to_csv(path, index=False)
    back = whole(data.read_table(path))
    assert sorted(zip(*(back[name].tolist() for name in back), strict=True)) == sorted(found)
    assert [back[name].dtype.kind for name in ("count", "size")] == ["i", "f"]
    assert sorted(back["colour"].cat.categories) == sorted({row[2] for row in found})


def test_missing_cells_are_kept_and_booleans_are_categories(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b,sure\n1,x,True\n1,x,True\n2,,False\n,y,True\n4,x,False\n")
    dataset = data.read_table(path, target="b")
    assert sum(map(len, dataset.parts.values())) == 5
    assert whole(dataset)["a"].isna().sum() == whole(dataset)["b"].isna().sum() == 1
    assert dataset.test["sure"].cat.categories.tolist() == [False, True]
    assert dataset.card.target == "b"
    assert (dataset.card.name, dataset.card.kind) == ("mine", "table")


@pytest.fixture(scope="module")
def survey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3,000 people, three questions of yes and no, one in ten smokes; half of them have not been weighed."""
    rng = np.random.default_rng(0)
    answers = {name: rng.random(3000) < share for name, share in (("smoker", 0.106), ("active", 0.4), ("owner", 0.7))}
    table = pd.DataFrame({name: np.where(found, "yes", "no") for name, found in answers.items()})
    table["kilos"] = np.where(rng.random(3000) < 0.49, np.nan, rng.choice([60, 70, 80], 3000))
    path = tmp_path_factory.mktemp("own") / "survey.csv"
    table.to_csv(path, index=False)
    return path


def test_each_part_of_a_survey_is_like_the_whole(survey: Path) -> None:
    dataset = data.read_table(survey)
    people = whole(dataset)
    assert [len(part) for part in dataset.parts.values()] == [2400, 300, 300]
    assert people["smoker"].eq("yes").sum() == pd.read_csv(survey)["smoker"].eq("yes").sum()
    for part in dataset.parts.values():
        for name in people:
            found, expected = part[name].astype(object), people[name].astype(object)
            for share, of_all in (
                (found.isna(), expected.isna()),
                *((found == v, expected == v) for v in set(expected)),
            ):
                p, n = of_all.mean(), len(part)
                deviation = np.sqrt(p * (1 - p) / n * (1 - n / len(people)))  # drawn without replacement
                assert abs(share.mean() - p) <= 4 * deviation


def test_leaving_out_equal_rows_is_said(survey: Path) -> None:
    dataset = data.read_table(survey, deduplicate=True)
    assert sum(map(len, dataset.parts.values())) == 32
    (note,) = dataset.notes
    assert re.fullmatch(
        r"2,968 of 3,000 rows equal another one and are left out; smoker = '(no|yes)' was \d+\.\d% of the rows and is "
        r"50\.0% now",
        note,
    )
    assert repr(dataset).endswith(f"3 test>\n  {note}")
    assert data.read_table(survey).notes == ()
    assert whole(dataset).duplicated().sum() == 0


def test_a_group_is_kept_whole_and_time_is_cut_in_order(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    day = pd.Timestamp("2020-01-01") + pd.to_timedelta(rng.integers(0, 300, 1000), unit="D")
    table = pd.DataFrame({"patient": rng.integers(0, 50, 1000), "day": day, "x": rng.integers(0, 9, 1000)})
    table.to_csv(tmp_path / "mine.csv", index=False)
    table.to_parquet(tmp_path / "mine.parquet")
    for name in ("mine.csv", "mine.parquet"):
        grouped = data.read_table(tmp_path / name, group="patient").parts.values()
        held = [set(part["patient"]) for part in grouped]
        assert sum(map(len, held)) == len(set().union(*held)) == 50
        for part, share in zip(grouped, (0.8, 0.1, 0.1), strict=True):
            assert abs(len(part) / 1000 - share) < 0.08  # a patient has 20 rows, here at most 40
        past, near, future = data.read_table(tmp_path / name, time="day").parts.values()
        assert past["day"].is_monotonic_increasing
        assert past["day"].max() < near["day"].min() <= near["day"].max() < future["day"].min()
        assert abs(len(future) - 100) <= 10
        assert len(past) + len(near) + len(future) == 1000


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"group": "b", "time": "a"}, "rows can be split by a group or by time, not by both; got 'b' and 'a'"),
        ({"group": "d"}, "{path} has no column 'd'; it has 'a', 'b', 'c'"),
        ({"time": "b"}, "time must name a column of dates or numbers, 'b' holds text"),
        ({"time": "a", "categories": "a"}, "time must name a column of dates or numbers, 'a' holds text"),
        ({"time": "c"}, "column 'c' lacks a value in row 2; fill it, or drop the row"),
        ({"group": "c"}, "column 'c' lacks a value in row 2; fill it, or drop the row"),
        ({"group": "b"}, "three parts need at least 3 groups, got 2; add data"),
        ({"categories": None}, "categories must be text, or several texts such as ['a', 'b'], got None"),
        ({"missing": [3]}, "missing must be text, or several texts such as ['a', 'b'], got 3"),
        ({"missing": None}, "missing must be text, or several texts such as ['a', 'b'], got None"),
        ({"decimal": ";"}, "decimal must be one of ., ,, got ';'"),
    ],
)
def test_splits_that_cannot_be_made(arguments: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    path = written(tmp_path, "a,b,c\n1,x,1\n2,x,\n3,y,2\n4,y,3\n")
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the sentence is compared below
        data.read_table(path, **arguments)
    assert str(refusal.value) == sentence.format(path=path)


def test_a_named_index_is_a_column_and_row_numbers_are_not(tmp_path: Path) -> None:
    table = pd.DataFrame({"id": ["a", "b", "c", "d"], "x": [1, 2, 3, 4]})
    table.set_index("id").to_parquet(tmp_path / "named.parquet")
    table[table["x"] > 1].to_parquet(tmp_path / "rest.parquet")
    assert data.read_table(tmp_path / "named.parquet").train.columns.tolist() == ["id", "x"]
    assert data.read_table(tmp_path / "rest.parquet").train.columns.tolist() == ["id", "x"]


def test_codes_can_be_categories_and_are_text_in_a_csv_file(tmp_path: Path) -> None:
    path = written(tmp_path, "zip,age\n" + "\n".join(f"{80331 + row % 3},{row}" for row in range(9)))
    assert data.read_table(path).train["zip"].dtype.kind == "i"
    for names in (["zip"], "zip"):
        assert data.read_table(path, categories=names).train["zip"].cat.categories.tolist() == [
            "80331",
            "80332",
            "80333",
        ]
    mixed = written(tmp_path, "zip,age\n1,1\n2,2\nB4,3\n")
    assert data.read_table(mixed, categories=["zip"]).train["zip"].cat.categories.tolist() == ["1", "2", "B4"]
    pd.DataFrame({"zip": [1, 2, 3], "age": [1, 2, 3]}).to_parquet(tmp_path / "mine.parquet")
    table = data.read_table(tmp_path / "mine.parquet", categories=["zip"]).train
    assert table["zip"].cat.categories.tolist() == [1, 2, 3]


def test_what_was_decided_is_in_the_notes(tmp_path: Path) -> None:
    path = written(tmp_path, "land;price\nNA;1,234\nDE;2\nFR;3\n")
    noted = data.read_table(path, decimal=",").notes
    assert noted == (
        "the cells are set apart by semicolons",
        "column 'land': 'NA' is a missing value; missing=[''] keeps it as text",
        "column 'price': '1,234' is the number 1.234",
    )
    table = data.read_table(path, decimal=".", missing="")
    assert table.notes == (noted[0], "column 'price': '1,234' is the number 1234")
    assert sorted(whole(table)["land"]) == ["DE", "FR", "NA"]
    assert sorted(whole(table)["price"]) == [2, 3, 1234]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_may_be_something_else_is_noted(suffix: str, tmp_path: Path) -> None:
    rows = np.arange(30)
    table = pd.DataFrame({
        "id": rows * 7,
        "name": [f"n{row}" for row in rows],
        "rate": [f"{row % 5}.5%" for row in rows],
        "price": [f"$1,{row % 5}00" for row in rows],
        "weight": [f"{row % 5} kg" for row in rows],
        "code": [f"{row % 5}{'AB'[row % 2]}" for row in rows],
        "age": rows // 2,
        "size": rows + 0.5,
    })  # fmt: skip
    path = tmp_path / f"mine{suffix}"
    table.to_parquet(path) if suffix == ".parquet" else table.to_csv(path, index=False)
    alike = "every row has another value; an id is to be removed, or it is learned like the rest; with the data set as "
    noted = (
        f"column 'id': {alike}dataset: for table in dataset.parts.values(): del table['id']",
        f"column 'name': {alike}dataset: for table in dataset.parts.values(): del table['name']",
        "column 'rate': '0.5%' is a category, for its unit; take '%' out of the file to have numbers",
        "column 'price': '$1,000' is a category, for its unit; take '$' out of the file to have numbers",
        "column 'weight': '0 kg' is a category, for its unit; take 'kg' out of the file to have numbers",
    )
    assert data.read_table(path).notes == noted
    assert data.read_table(path, group="id", target="name", categories=["weight"]).notes == noted[2:4]


def test_the_noted_line_turns_dates_into_numbers_of_one_zero(tmp_path: Path) -> None:
    days = pd.Series(pd.date_range("2020-01-01", periods=40))
    pd.DataFrame({"day": days, "x": days.dt.day}).to_csv(tmp_path / "mine.csv", index=False)
    dataset = data.read_table(tmp_path / "mine.csv", time="day")
    (note,) = dataset.notes
    name, line = re.split(": models learn .* as dataset: ", note)
    exec(line, {"dataset": dataset, "pd": pd})
    assert name == "column 'day'"
    assert whole(dataset)["day"].tolist() == list(range(18262, 18302))
    assert BayesNet().fit(dataset.train).log_prob(dataset.train).shape == (32,)


def test_whole_numbers_beside_missing_ones_are_not_rounded(tmp_path: Path) -> None:
    numbers = [2**60 + 1, None, 2**53 + 1, 3]
    stored = pa.table(
        {"id": pa.array(numbers), "x": pa.array([1, 2, 3, 4]), "day": pa.array([None, 1, 2, 3], pa.date32())}
    )
    parquet.write_table(stored, tmp_path / "mine.parquet")
    written(tmp_path, f"id,x,day\n{2**60 + 1},1,\n,2,1970-01-02\n{2**53 + 1},3,1970-01-03\n3,4,1970-01-04\n")
    for name in ("mine.csv", "mine.parquet"):
        table = whole(data.read_table(tmp_path / name)).sort_values("x")
        assert table["id"].dtype == "Int64"
        assert [None if value is pd.NA else value for value in table["id"].tolist()] == numbers
        assert table["day"].dt.day.tolist()[1:] == [2, 3, 4]
        assert str(table["x"].dtype) == "int64"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "{path} is empty; its first line must name the columns"),
        ("a,b\n", "{path} has no rows; a table needs at least 3"),
        ("a,b,a\n1,2,3\n", "{path} has two columns 'a'; rename one"),
        ("a,,c\n1,2,3\n", "column 2 of {path} has no name; name it in the first line, or remove it"),
        (
            "a,b\n1,2\n4,5,6\n",
            "{path} cannot be read as a table (line 3: Expected 2 columns, got 3: 4,5,6); repair it",
        ),
        ("a,b\n1,2\n4\n", "{path} cannot be read as a table (line 3: Expected 2 columns, got 1: 4); repair it"),
        ("a,b\n1,\n2,\n3,\n", "column 'b' is all missing; remove it"),
        ("a,b\n1,x\n2,x\n3,x\n", "column 'b' is constant, always 'x'; remove it, it tells nothing"),
        ("a,b\n1,1\n2,1\n3,1\n", "column 'b' is constant, always 1; remove it, it tells nothing"),
        ("a,b\n1,2\n2,inf\n3,4\n", "column 'b' is infinite in row 2; repair or remove it"),
        (
            "a,b\n1,2\n2,\n3,twelve\n4,5\n",
            "column 'b' mixes numbers such as '2' with 'twelve' in row 3; repair or empty such cells, "
            "or name it in categories=['b']",
        ),
        ("a,b\n1,2\n2,3\n", "{path} has 2 rows; a table needs at least 3"),
        ("a,b\n1,2\n", "{path} has 1 row; a table needs at least 3"),
        (
            'a,b\n1,"x\n2,y\n3,z',
            "{path} opens a quote in line 2 that nothing closes, before 'x\\n2,y\\n3,z'; close or remove it",
        ),
    ],
)
def test_tables_that_cannot_be_learned_from(content: str, sentence: str, tmp_path: Path) -> None:
    path = written(tmp_path, content)
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the sentence is compared below
        data.read_table(path)
    assert str(refusal.value) == sentence.format(path=path)


@pytest.mark.parametrize(
    ("column", "sentence"),
    [
        ([[1], [2], [3]], "column 'x' holds ndarray values; turn them into text or numbers"),
        ([Decimal(1), Decimal(2), None], "column 'x' holds Decimal values; turn them into text or numbers"),
        (
            [datetime.time(day) for day in (1, 2, 3)],
            "column 'x' holds time values; turn them into text or numbers",
        ),
    ],
)
def test_parquet_columns_that_are_neither_numbers_nor_text(column: Any, sentence: str, tmp_path: Path) -> None:
    pd.DataFrame({"x": column, "y": [1, 2, 3]}).to_parquet(tmp_path / "mine.parquet")
    with pytest.raises(TypeError) as refusal:
        data.read_table(tmp_path / "mine.parquet")
    assert str(refusal.value) == f"{sentence}: table['x'] = table['x'].astype(str)"


@pytest.mark.parametrize(
    ("column", "dtype", "note"),
    [
        (
            ["1 234", "2 345", "3 456"],
            "str",
            "'1 234' is a category, for its spelling; write it with digits, '-' and a dec",
        ),
        (
            ["1'234.5", "2'345.25", "3'456"],
            "str",
            "\"1'234.5\" is a category, for its spelling; write it with digits, '-'",
        ),
        (
            ["−5", "−6.5", "−7"],
            "str",
            "'−5' is a category, for its spelling; write it with digits, '-' and a decimal sign",
        ),
        (
            ["1.3.24", "2.3.24", "3.3.24"],
            "str",
            "'1.3.24' is a category, for its spelling; write it as 2020-12-31 to ha",
        ),
        (
            ["Jan 1 2020", "1 feb. 2021", "Mar 2022"],
            "str",
            "'Jan 1 2020' is a category, for its spelling; write it as 202",
        ),
        (
            ["2020-01", "2020-1-5", "2021-03"],
            "str",
            "'2020-01' is a category, for its spelling; write it as 2020-12-31",
        ),
        (["1 234", "2 345", "a"], "str", ""),
        (["1-2.2020", "2-3.2020", "a"], "str", ""),
        (
            [2**63 - 3, 2**63 - 2, 2**63 - 1],
            "int64",
            "models refuse whole numbers beyond 2⁵³, such as 9223372036854775805;",
        ),
        ([1, 2**60, None], "Int64", "models refuse whole numbers beyond 2⁵³, such as 1152921504606846976;"),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_what_is_no_number_or_date_to_a_model_is_noted(
    column: list[Any], dtype: str, note: str, ending: str, tmp_path: Path
) -> None:
    table = pd.DataFrame({"x": pd.Series(column, dtype=dtype), "y": [0, 1, 0]})
    path = tmp_path / f"mine.{ending}"
    table.to_csv(path, index=False) if ending == "csv" else table.to_parquet(path)
    notes = data.read_table(path).notes
    assert [found.startswith(f"column 'x': {note}") for found in notes] == [True] * bool(note)
    assert data.read_table(path, categories=["x"]).notes == ()


def test_the_remedy_for_large_whole_numbers_is_one_for_all_parts(tmp_path: Path) -> None:
    pd.DataFrame({"x": [2**60 + row for row in range(9)], "y": [0, 1, 2] * 3}).to_csv(tmp_path / "a.csv", index=False)
    dataset = data.read_table(tmp_path / "a.csv")
    assert "categories=['x'] takes an id as it is; or count from the least: with " in dataset.notes[0]
    exec(dataset.notes[0].split("as dataset: ")[1], {"dataset": dataset})
    assert sorted(value for part in dataset.parts.values() for value in part["x"]) == list(range(9))
    as_text = data.read_table(tmp_path / "a.csv", categories=["x"])
    assert sorted(value for part in as_text.parts.values() for value in part["x"]) == [str(2**60 + i) for i in range(9)]


def test_the_unit_of_a_number_is_noted_even_where_each_is_another(tmp_path: Path) -> None:
    content = "kg,y\n" + "".join(f"{row} kg,{row % 3}\n" for row in range(30))
    assert data.read_table(written(tmp_path, content)).notes == (
        "column 'kg': '0 kg' is a category, for its unit; take 'kg' out of the file to have numbers",
    )


def test_dates_as_categories_are_text(tmp_path: Path) -> None:
    days = pd.to_datetime(["2020-01-01", "2020-01-02", None])
    pd.DataFrame({"x": days, "y": [1, 2, 3]}).to_parquet(tmp_path / "a.parquet")
    column = pd.concat(list(data.read_table(tmp_path / "a.parquet", categories=["x"]).parts.values()))["x"]
    assert column.cat.categories.tolist() == ["2020-01-01", "2020-01-02"]
    assert column.isna().sum() == 1


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^there is no .*none\.csv \(looked from .*\)$"):
        data.read_table(tmp_path / "none.csv")
    with pytest.raises(
        ValueError, match=r"mine\.xlsx must end in \.csv, \.csv\.gz, \.tsv, \.parquet; save it as one of these$"
    ):
        data.read_table(written(tmp_path, "a,b\n", "mine.xlsx"))
    with pytest.raises(ValueError, match=r"mine\.parquet cannot be read as a table \(.*\); save it again$"):
        data.read_table(written(tmp_path, "not parquet", "mine.parquet"))
    with pytest.raises(ValueError, match=r"gone\.csv\.gz cannot be read \(.*\); save it again$"):
        data.read_table(written(tmp_path, "not gzip", "gone.csv.gz"))
    for name in ("folder.csv", "folder.parquet"):
        (tmp_path / name).mkdir()
        with pytest.raises(ValueError, match=rf"{name} is a folder; read_table needs a file$"):
            data.read_table(tmp_path / name)
    latin = tmp_path / "latin.csv"
    latin.write_bytes("a,b\nweiß,2\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.csv is not UTF-8 text \(byte 7\); save it again as UTF-8$"):
        data.read_table(latin)


def test_columns_that_are_asked_for_must_be_there(tmp_path: Path) -> None:
    path = written(tmp_path, "a,b\n1,2\n3,4\n5,6\n")
    for arguments in ({"target": "c"}, {"categories": ["c"]}):
        with pytest.raises(ValueError, match=r"mine\.csv has no column 'c'; it has 'a', 'b'$"):
            data.read_table(path, **arguments)  # type: ignore[arg-type]


# Images


def picture(
    path: Path, *, shape: tuple[int, ...] = (4, 6), seed: int = 0, mode: str | None = None, **options: Any
) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(path, **options)
    return pixels


def test_pictures_in_sub_folders_have_labels(tmp_path: Path) -> None:
    known = {}
    for seed, name in enumerate(["dog/1.png", "cat/a.PNG", "cat/b.png", "dog/2.png"]):
        known[picture(tmp_path / name, seed=seed).tobytes()] = name.split("/")[0]
    (tmp_path / "readme.txt").write_text("not a picture")
    dataset = data.read_images(tmp_path)
    for part in dataset.parts.values():
        assert part.classes == ("cat", "dog")
        assert part.shape == (1, 4, 6)
        assert part.labels is not None
        for image, label in zip(part.pixels, part.labels, strict=True):
            assert known.pop((image * 255).round().astype(np.uint8).tobytes()) == part.classes[label]
    assert not known


def test_colour_pictures_have_three_channels_and_no_labels(tmp_path: Path) -> None:
    written_pixels = {picture(tmp_path / f"{seed}.png", shape=(4, 6, 3), seed=seed).tobytes() for seed in range(4)}
    dataset = data.read_images(tmp_path)
    assert dataset.train.shape == (3, 4, 6)
    assert dataset.train.labels is None
    pixels = np.concatenate([part.pixels for part in dataset.parts.values()])
    assert {(image.transpose(1, 2, 0) * 255).round().astype(np.uint8).tobytes() for image in pixels} == written_pixels


def test_a_photograph_is_turned_as_the_camera_noted(tmp_path: Path) -> None:
    for seed in range(3):
        pixels = np.random.default_rng(seed).integers(0, 256, (4, 6), dtype=np.uint8)
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter
        Image.fromarray(pixels).save(tmp_path / f"{seed}.jpg", exif=exif)
    assert data.read_images(tmp_path).train.shape == (1, 6, 4)


@pytest.mark.parametrize(("mode", "channels"), [("1", 1), ("P", 3)])
def test_simple_modes_are_converted(mode: str, channels: int, tmp_path: Path) -> None:
    for seed in range(3):
        picture(tmp_path / f"{seed}.png", shape=(4, 6, 3), seed=seed, mode=mode)
    assert data.read_images(tmp_path).train.shape == (channels, 4, 6)


def test_what_macos_and_jupyter_leave_is_not_read(tmp_path: Path) -> None:
    for seed in range(3):
        picture(tmp_path / f"cats/{seed}.png", seed=seed)
    picture(tmp_path / "cats/again.png", seed=2)
    for name in ("cats/._0.png", "__MACOSX/cats/0.png", "cats/.ipynb_checkpoints/0.png", ".ipynb_checkpoints/1.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"no picture")
    dataset = data.read_images(tmp_path)
    assert sum(map(len, dataset.parts.values())) == 3
    assert dataset.train.classes == ("cats",)
    assert dataset.notes == ("1 of 4 images equal another one and are left out",)


def test_folders_that_are_no_image_data(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^there is no .*none \(looked from "):
        data.read_images(tmp_path / "none")
    with pytest.raises(ValueError, match=r"has no pictures \(\.png, \.jpg, \.jpeg\)$"):
        data.read_images(tmp_path)
    picture(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png is a file; read_images needs the folder that the pictures lie in$"):
        data.read_images(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("z.png", {"shape": (4, 7)}, r"z\.png is 1×4×7, but .*a\.png is 1×4×6; bring all to one size and mode$"),
        ("z.png", {"shape": (4, 6, 3)}, r"z\.png is 3×4×6, but .*a\.png is 1×4×6; bring all to one size and mode$"),
        ("z.png", {"shape": (4, 6, 4)}, r"z\.png has mode RGBA; save it as 8-bit grey \(L\) or colour \(RGB\)$"),
        ("z.png", {"transparency": 0}, r"z\.png has mode L and a transparent colour; save it as 8-bit grey \(L\) or"),
        ("z.png", {"transparency": 0, "mode": "P"}, r"z\.png has mode P and a transparent colour; save it as 8-bit"),
        ("z.png", {"mode": "I;16"}, r"z\.png has mode I;16; save it as 8-bit grey \(L\) or colour \(RGB\)$"),
        ("z.jpg", {"shape": (4, 6, 3), "mode": "CMYK"}, r"z\.jpg has mode CMYK; save it as 8-bit grey"),
        ("sub/z.png", {}, r"z\.png and .*a\.png lie at different depths; put all pictures into "),
    ],
)
def test_pictures_that_do_not_fit_are_named(
    name: str, arguments: dict[str, Any], sentence: str, tmp_path: Path
) -> None:
    picture(tmp_path / "a.png")
    picture(tmp_path / name, **arguments)
    with pytest.raises(ValueError, match=sentence):
        data.read_images(tmp_path)


def test_pictures_too_deep_are_named(tmp_path: Path) -> None:
    picture(tmp_path / "one/two/a.png")
    with pytest.raises(
        ValueError,
        match=r"a\.png lies too deep; put all pictures into .* itself, or each into the sub-folder of its class$",
    ):
        data.read_images(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not a picture", "half"])
def test_damaged_pictures_are_named(content: bytes | str, tmp_path: Path) -> None:
    picture(tmp_path / "a.png", shape=(64, 64))
    whole_file = (tmp_path / "a.png").read_bytes()
    (tmp_path / "z.png").write_bytes(content if isinstance(content, bytes) else whole_file[: len(whole_file) // 2])
    with pytest.raises(ValueError, match=r"z\.png is not a whole picture \(.*\); remove it or save it again$"):
        data.read_images(tmp_path)


# Text


@given(items=st.lists(st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1), min_size=3, unique=True))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_come_back_as_items(items: list[str], tmp_path: Path) -> None:
    path = written(tmp_path, "\r\n\n".join([*items, items[0]]), "mine.txt")
    dataset = data.read_text(path)
    assert sorted([*dataset.train, *dataset.validation, *dataset.test]) == sorted(items)


def test_only_the_end_of_a_line_ends_an_item(tmp_path: Path) -> None:
    inside = [f"a{sign}b" for sign in "\v\f\x1c\x1d\x1e\x85\u2028\u2029"]
    path = tmp_path / "mine.txt"
    path.write_bytes("\r\n".join(inside[:3]).encode() + b"\r" + "\n".join(inside[3:] + inside[:1]).encode())
    dataset = data.read_text(path)
    assert sorted([*dataset.train, *dataset.validation, *dataset.test]) == sorted(inside)
    assert dataset.notes == ("1 of 9 lines equal another one and are left out",)


def test_running_text_is_cut_in_order(tmp_path: Path) -> None:
    text = "Once upon a time\nthere was a mark of order.\n" * 20
    dataset = data.read_text(written(tmp_path, "\ufeff" + text, "mine.txt"), lines=False)
    assert dataset.train + dataset.validation + dataset.test == text
    assert len(dataset.test) == round(len(text) / 10)
    assert dataset.card.kind == "text"


def test_files_that_are_no_text(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"^there is no .*none\.txt \(looked from "):
        data.read_text(tmp_path / "none.txt")
    with pytest.raises(ValueError, match=r"mine\.txt has no text$"):
        data.read_text(written(tmp_path, "\n \n", "mine.txt"))
    with pytest.raises(ValueError, match=r"^lines must be True or False, got 'no'$"):
        data.read_text(written(tmp_path, "a\nb\nc", "mine.txt"), lines="no")  # type: ignore[call-overload]
    with pytest.raises(ValueError, match=r" is a folder; read_text needs a file$"):
        data.read_text(tmp_path)
    latin = tmp_path / "latin.txt"
    latin.write_bytes(b"abc\xff")
    with pytest.raises(ValueError, match=r"latin\.txt is not UTF-8 text \(byte 3\); save it again as UTF-8$"):
        data.read_text(latin)
