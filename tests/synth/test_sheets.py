"""A file comes back as it was written, in any dialect, and so does a frame; a file is written whole or not at all."""

import errno
import gzip
import json
import os
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from pyarrow import feather, parquet

from sdg_lab.synth.dialect import Dialect
from sdg_lab.synth.sheets import ArrowLayout, CellsLayout, Sheet, frame_of, layout_from_config, read_sheet
from sdg_lab.synth.spelling import DATE_FORMATS, DURATION_FORMATS, Spelling


def read(folder: Path, text: str | bytes, name: str = "a.csv", **options) -> Sheet:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_sheet(path, **options)


def written(sheet: Sheet, path: Path, table: pd.DataFrame | None = None) -> bytes:
    layout = layout_from_config(json.loads(json.dumps(sheet.layout.config())))  # as a synthesizer saves it
    table = sheet.table if table is None else table
    with layout.writer(path) as writer:
        writer.add(table.iloc[: len(table) // 2])
        writer.add(table.iloc[len(table) // 2 :])
    return path.read_bytes()


def column(folder: Path, *cells: str, name: str = "x", **options) -> Sheet:
    """Read a file of one column beside another, cells quoted if they hold a comma."""
    lines = [f'"{cell}",a{place}' if "," in cell else f"{cell},a{place}" for place, cell in enumerate(cells)]
    return read(folder, "\n".join([f"{name},other", *lines, ""]), **options)


# What cells mean

SPELLED = {
    "integers": (["1", "-20", "300"], "int64"),
    "integers with a gap": (["1", "", "300"], "Int64"),
    "integers beyond float64": (["9007199254740993", "", "9223372036854775807"], "Int64"),
    "integers beyond int64": (["18446744073709551615", "1"], "uint64"),
    "integers beyond 64 bits": (["184467440737095516150", "1"], "str"),
    "signs": (["+1", "-20", "+300"], "int64"),
    "thousands": (["1,234,567", "12"], "int64"),
    "thousands by spaces": (["1 234", "12", "12 345 678"], "int64"),
    "thousands by thin spaces": (["1\u2009234,5", "12,0"], "float64"),
    "thousands by apostrophes": (["1'234.50", "12.00"], "float64"),
    "decimals": (["1.5", "2.25", "3.0"], "float64"),
    "decimals without zeros": (["1.5", "2.25", "3"], "float64"),
    "decimals of the same digits": (["1.50", "2.25", "-3.00"], "float64"),
    "decimal commas": (["1,5", "2,25", "3"], "float64"),
    "decimal commas and thousands": (["1.234,50", "2,25"], "float64"),
    "bare points": ([".5", "-.25", "1.5"], "float64"),
    "powers of ten": (["1e-05", "2.5e-07", "1.0"], "float64"),
    "powers of ten in capitals": (["1.50E-5", "2.25E-7"], "float64"),
    "powers of ten where they are shorter": (["1e+05", "123456", "3e-04", "0.5"], "float64"),
    "infinities": (["1.5", "inf", "-inf"], "float64"),
    "currencies": (["$1.50", "-$2.25"], "float64"),
    "currencies behind": (["1,50 €", "2,25 €"], "float64"),
    "percents": (["12%", "7%"], "int64"),
    "numbers to the right": (["  1", " 20", "300"], "int64"),
    "leading zeros": (["007", "123"], "str"),
    "booleans": (["true", "false"], "bool"),
    "booleans with a gap": (["TRUE", "NA", "FALSE"], "boolean"),
    "yes and no": (["Yes", "No", "No"], "bool"),
    "one of them": (["True", "True"], "bool"),
    "letters": (["Y", "N"], "bool"),
    "zeros and ones": (["0", "1"], "int64"),
    "only women": (["F", "F"], "str"),
    "dates": (["2020-01-31", "1900-12-01"], "datetime64[us]"),
    "dates with a gap": (["2020-01-31", "null"], "datetime64[us]"),
    "German dates": (["31.01.2020", "01.12.1900"], "datetime64[us]"),
    "British dates": (["31/01/2020", "01/12/1900"], "datetime64[us]"),
    "American dates": (["01/31/2020", "12/01/1900"], "datetime64[us]"),
    "short American dates": (["1/31/2020", "12/1/1900"], "datetime64[us]"),
    "named months": (["31-Jan-2020", "01-Dec-1999"], "datetime64[us]"),
    "months in capitals": (["31 JAN 2020", "01 DEC 1999"], "datetime64[us]"),
    "moments": (["2020-01-31 12:30:05", "2020-01-31 23:59:59"], "datetime64[us]"),
    "moments with a T": (["2020-01-31T12:30", "2020-01-31T23:59"], "datetime64[us]"),
    "fine moments": (["2020-01-31T12:30:00.123", "2020-01-31T23:59:00.000"], "datetime64[us]"),
    "moments as Python writes them": (["2020-01-31 12:30:00.123456", "2020-01-31 23:59:00"], "datetime64[us]"),
    "moments in UTC": (["2020-01-31T12:30:00Z", "2020-06-30T12:30:00Z"], "datetime64[us, UTC]"),
    "moments in a zone": (["2020-01-31 12:30:00+0200", "2020-06-30 12:30:00+0200"], "datetime64[us, UTC+02:00]"),
    "halves of a day": (["1/31/2020 12:30 PM", "1/31/2020 12:05 AM"], "datetime64[us]"),
    "clocks": (["12:30", "07:05"], "timedelta64[us]"),
    "clocks with seconds": (["12:30:05", "7:05:00"], "timedelta64[us]"),
    "durations of pandas": (["1 days 12:30:05", "0 days 00:00:00"], "timedelta64[us]"),
    "text": (["a", "b c", "ä"], "str"),
    "text after spaces": ([" a", " b"], "str"),
    "codes of countries": (["DE", "FR", "NA", "IT", "ES"], "str"),
    "a day that is none": (["2020-02-30", "2020-02-31"], "str"),
}


@pytest.mark.parametrize("what", SPELLED)
def test_cells_have_their_type_and_come_back(tmp_path: Path, what: str):
    cells, kind = SPELLED[what]
    sheet = column(tmp_path, *cells)
    assert str(sheet.table["x"].dtype) == kind
    assert written(sheet, tmp_path / "b.csv") == (tmp_path / "a.csv").read_bytes()


def test_values_are_exact(tmp_path: Path):
    assert column(tmp_path, *SPELLED["integers beyond float64"][0]).table["x"][0] == 2**53 + 1
    assert column(tmp_path, "1.234,50", "2,25").table["x"].tolist() == [1234.5, 2.25]
    assert column(tmp_path, "31/01/2020", "02/03/2020").table["x"][1] == pd.Timestamp("2020-03-02")
    zone = column(tmp_path, "2020-01-31 12:30:00+0200", "2020-06-30 12:30:00+0200").table["x"][0]
    assert zone == pd.Timestamp("2020-01-31 10:30", tz="UTC")
    assert column(tmp_path, "7:05:00", "12:30:05").table["x"][0] == pd.Timedelta(hours=7, minutes=5)
    assert column(tmp_path, "DE", "FR", "NA", "IT", "ES").table["x"].notna().all()


def test_many_eight_digits_that_are_all_days_are_dates(tmp_path: Path):
    days = [f"{day:%Y%m%d}" for day in pd.date_range("2020-02-20", periods=12)]
    assert str(column(tmp_path, *days).table["x"].dtype).startswith("datetime64")
    assert column(tmp_path, *days, "20200231").table["x"].dtype == "int64"
    assert column(tmp_path, *days[:9]).table["x"].dtype == "int64"


def test_what_a_file_says_of_itself_is_left_out(tmp_path: Path):
    field = pa.field("a", pa.int64(), metadata={"by": "Ada Secret"})
    table = pa.table([pa.array([1, 2])], schema=pa.schema([field], metadata={"author": "Ada Secret"}))
    parquet.write_table(table, tmp_path / "a.parquet")
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="who"))
    frame.attrs["author"] = "Ada Secret"
    frame.to_parquet(tmp_path / "b.parquet")
    for name in ("a.parquet", "b.parquet"):
        sheet = read_sheet(tmp_path / name)
        assert any("metadata" in note for note in sheet.notes)
        assert b"Secret" not in written(sheet, tmp_path / "c.parquet")
    assert pd.read_parquet(tmp_path / "c.parquet").index.name == "who"


def test_a_column_of_nothing_is_written_as_such(tmp_path: Path):
    parquet.write_table(pa.table({"a": [1, 2], "b": pa.nulls(2)}), tmp_path / "a.parquet")
    written(read_sheet(tmp_path / "a.parquet"), tmp_path / "b.parquet")
    assert parquet.read_table(tmp_path / "b.parquet").schema.field("b").type == pa.null()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes")
def test_a_pipe_is_refused(tmp_path: Path):
    os.mkfifo(tmp_path / "a.csv")
    with pytest.raises(ValueError, match="is a pipe or a device"):
        read_sheet(tmp_path / "a.csv")


def test_eight_digits_are_a_date_only_by_name(tmp_path: Path):
    assert column(tmp_path, "20200131", "20191231").table["x"].dtype == "int64"
    sheet = column(tmp_path, "20200131", "20191231", name="birth_date")
    assert sheet.table["birth_date"][0] == pd.Timestamp("2020-01-31")
    assert written(sheet, tmp_path / "b.csv") == (tmp_path / "a.csv").read_bytes()


@pytest.mark.parametrize("sign", ["", "NA", "N/A", "null", "None", "NaN", "-", "?"])
@pytest.mark.parametrize("cells", [["1", "2"], ["1.5", "2.0"], ["a", "b"], ["2020-01-31", "2020-02-01"], ["t", "f"]])
def test_the_sign_of_a_missing_value_comes_back(tmp_path: Path, sign: str, cells: list[str]):
    sheet = column(tmp_path, cells[0], sign, cells[1])
    assert sheet.table["x"].isna().tolist() == [False, True, False]
    assert written(sheet, tmp_path / "b.csv") == (tmp_path / "a.csv").read_bytes()


def test_of_several_signs_the_commonest_comes_back(tmp_path: Path):
    sheet = column(tmp_path, "1", "NA", "?", "NA")
    assert written(sheet, tmp_path / "b.csv") == b"x,other\n1,a0\nNA,a1\nNA,a2\nNA,a3\n"
    assert any("are written in 2 ways, and come back as 'NA'" in note for note in sheet.notes)


def test_words_among_numbers_are_missing_values_if_they_say_so(tmp_path: Path):
    numbers = [str(number) for number in range(30)]
    assert column(tmp_path, *numbers, "unknown").table["x"].dtype == "Int64"
    sheet = column(tmp_path, "12", "13", "n/a?", "14")
    assert sheet.table["x"].tolist() == ["12", "13", "n/a?", "14"]
    assert "column 'x': the cells are numbers, but for 1 cells such as 'n/a?' in line 4; it stays text" in sheet.notes


def test_what_could_be_two_numbers_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"pass decimal='\.' or decimal=','"):
        column(tmp_path, "1,234", "2,345")
    assert column(tmp_path, "1,234", "2,345", decimal=".").table["x"].tolist() == [1234, 2345]
    assert column(tmp_path, "1,234", "2,345", decimal=",").table["x"].tolist() == [1.234, 2.345]
    with pytest.raises(ValueError, match="decimal must be"):
        column(tmp_path, "1", decimal=";")


class TestDayOrMonth:
    def test_the_day_stands_first_where_nothing_tells(self, tmp_path: Path):
        sheet = column(tmp_path, "03/04/2020", "01/12/2020", "02/01/2020")
        assert sheet.table["x"][0] == pd.Timestamp("2020-04-03")
        assert any("nothing tells" in note and "as_text=['x']" in note for note in sheet.notes)

    def test_the_first_of_each_month(self, tmp_path: Path):
        assert column(tmp_path, "04/01/2020", "03/01/2020").table["x"][0] == pd.Timestamp("2020-04-01")

    def test_dates_that_rise(self, tmp_path: Path):
        assert column(tmp_path, "02/03/2020", "02/09/2020", "03/01/2020").table["x"][0] == pd.Timestamp("2020-02-03")

    def test_moments_with_seconds_are_ambiguous_too_and_said_to_be(self, tmp_path: Path):
        sheet = column(tmp_path, "03/04/2020 10:00:00", "01/12/2020 10:00:00", "02/01/2020 10:00:00")
        assert sheet.table["x"][0] == pd.Timestamp("2020-04-03 10:00")
        assert any("nothing tells" in note for note in sheet.notes)

    def test_moments_of_ten_days_are_not_one_day_of_ten_months(self, tmp_path: Path):
        sheet = column(tmp_path, "03/01/2024 08:23:27", "03/02/2024 10:12:08", "03/10/2024 10:21:42")
        assert sheet.table["x"][0] == pd.Timestamp("2024-03-01 08:23:27")
        assert any("one month" in note for note in sheet.notes)
        written = column(tmp_path, "01/03/2024 08:23", "02/03/2024 10:12", "10/03/2024 10:21")
        assert written.table["x"][0] == pd.Timestamp("2024-03-01 08:23")


def test_columns_may_stay_text(tmp_path: Path):
    sheet = column(tmp_path, "1", "NA", "03", as_text=["x"])
    assert sheet.table["x"].tolist() == ["1", "NA", "03"]
    with pytest.raises(ValueError, match="as_text names 'z', and the columns are 'x', 'other'"):
        column(tmp_path, "1", as_text=["z"])


def test_several_zones_come_in_utc(tmp_path: Path):
    sheet = column(tmp_path, "2020-01-31T12:00:00+01:00", "2020-06-30T12:00:00+02:00")
    assert sheet.table["x"][1] == pd.Timestamp("2020-06-30 10:00", tz="UTC")
    assert any("several zones" in note for note in sheet.notes)


# Files that come back

FILES = {
    "plain": b"a,b\n1,x\n2,y\n",
    "no end": b"a,b\n1,x\n2,y",
    "Windows": b"a;b\r\n1,5;x\r\n2,25;y\r\n",
    "mark": b"\xef\xbb\xbfa\tb\n1\tx\n2\ty\n",
    "two bytes": "a,b\n1,ä\n2,ö\n".encode("utf-16"),
    "western": "a,b\n1,Käthe\n2,Jürgen\n3,Zoë\n".encode("cp1252"),
    "R": b'"","a","b"\n"1",1.5,"x"\n"2",NA,"y, z"\n',
    "pandas": b'name,a\n"x, y",1.0\n"z ""q""",\n',
    "all in quotes": b'"a","b"\n"1","x"\n"","y"\n',
    "escaped": b'a,b\n"x \\"y\\", z",1\nw,2\n',
    "apostrophes": b"a,b\n'x, y',1\n'z',2\n",
    "no names": b"1,x,2.50\n2,y,3.00\n3,x,1.25\n",
    "preamble": b"# by hand\n\na,b\n1,x\n2,y\n",
    "trailing": b"a,b,\n1,x,\n2,y,\n",
    "spaced": b'a, b\n1, "x, y"\n2, "z"\n',
    "lines in cells": b'a,b\n"x\ny",1\nz,2\n',
    "one column": b"a\n1\n2\n",
    "rows numbered": b",a\n0,x\n1,y\n2,z\n",
}


@pytest.mark.parametrize("what", FILES)
def test_the_same_rows_are_the_same_bytes(tmp_path: Path, what: str):
    assert written(read(tmp_path, FILES[what]), tmp_path / "b.csv") == FILES[what]


def test_packed_files_come_back_packed(tmp_path: Path):
    sheet = read(tmp_path, gzip.compress(FILES["R"]), "a.csv.gz")
    assert gzip.decompress(written(sheet, tmp_path / "b.csv.gz")) == FILES["R"]
    layout = sheet.layout.for_path(tmp_path / "b.csv.zip")
    written(Sheet(sheet.table, layout), tmp_path / "b.csv.zip")
    assert read_sheet(tmp_path / "b.csv.zip").table.equals(sheet.table)


def test_other_rows_are_spelled_like_those_that_were_read(tmp_path: Path):
    sheet = read(tmp_path, b'id;price;day;ok\r\n1;"1.234,50 \xe2\x82\xac";31.01.2020;ja\r\n2;2,25 \xe2\x82\xac;;ja\r\n')
    other = pd.DataFrame({"id": [7], "price": [98765.4321], "day": [pd.Timestamp("1999-12-01")], "ok": ["a;b"]})
    assert written(sheet, tmp_path / "b.csv", other).decode().split("\r\n")[1] == '7;98.765,43 €;01.12.1999;"a;b"'


FINITE = st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\0\ufeff"), min_size=1, max_size=9)
KINDS = {
    "integer": st.integers(-(2**63), 2**63 - 1),
    "decimal": FINITE,
    "text": TEXT.map(lambda text: f"a{text}e"),
    "boolean": st.booleans(),
    "date": st.datetimes(pd.Timestamp(1700, 1, 1).to_pydatetime(), pd.Timestamp(2200, 1, 1).to_pydatetime()),
}


@st.composite
def tables(draw) -> pd.DataFrame:
    count = draw(st.integers(2, 12))
    columns = {}
    for place, kind in enumerate(draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=5))):
        dtype = {"integer": "int64", "decimal": "float64", "text": "str", "boolean": "bool", "date": "datetime64[us]"}
        values = draw(st.lists(KINDS[kind], min_size=count, max_size=count))
        if kind == "boolean":
            values[:2] = [True, False]
        elif kind == "decimal":
            values[0] = 0.5  # else they may be whole
        made = pd.Series(values, dtype=dtype[kind])
        if draw(st.booleans()):
            made = made.astype({"integer": "Int64", "boolean": "boolean"}.get(kind, dtype[kind]))
            gaps = draw(st.lists(st.booleans(), min_size=count, max_size=count))
            made = made.mask(pd.Series([False, False, *gaps[2:]]))
            if not made.isna().any():
                made = made.astype(dtype[kind])
        columns[f"{kind} {place}"] = made
    return pd.DataFrame(columns)


@st.composite
def layouts(draw, table: pd.DataFrame) -> CellsLayout:
    separator = draw(st.sampled_from(",;\t|"))
    dialect = Dialect(
        separator=separator,
        end=draw(st.sampled_from(["\n", "\r\n"])),
        encoding=draw(st.sampled_from(["utf-8", "utf-16-le"])),
        bom=draw(st.booleans()),
        header="",
        ended=draw(st.booleans()),
    )
    missing = draw(st.sampled_from(["", "NA", "?"]))
    quoted = draw(st.booleans())
    spellings = {}
    for name in table.columns:
        kind = name.split()[0]
        more = {"pattern": "%Y-%m-%d %H:%M:%S%f", "fraction": 6} if kind == "date" else {}
        spellings[name] = Spelling(kind, missing=missing, quoted=quoted, **more)
    if dialect.encoding == "utf-16-le":
        dialect = Dialect(**{**dialect.__dict__, "bom": True})
    return CellsLayout(".csv", dialect, spellings)


@settings(max_examples=60)
@given(st.data())
def test_what_is_written_in_any_dialect_is_read_and_written_again(tmp_path_factory, data: st.DataObject):
    table = data.draw(tables())
    layout = data.draw(layouts(table))
    folder = tmp_path_factory.mktemp("dialect")
    content = written(Sheet(table, layout), folder / "a.csv")
    sheet = read_sheet(folder / "a.csv", decimal=".")
    pd.testing.assert_frame_equal(sheet.table, table, check_exact=True)
    assert written(sheet, folder / "b.csv") == content


@given(st.lists(st.decimals(-(10**6), 10**6, places=3), min_size=1, max_size=20), st.sampled_from(" '.,\u2009"))
def test_numbers_in_groups_come_back(tmp_path_factory, numbers, group: str):
    """The oracle is Python's own formatting."""
    point = "." if group == "," else ","
    numbers = [abs(number) if number == 0 else number for number in [*numbers, 1234567, 0]]
    cells = [
        f"{number:,.2f}".translate({44: group, 46: point}).replace("-0" + point + "00", "0" + point + "00")
        for number in numbers
    ]
    folder = tmp_path_factory.mktemp("groups")
    content = "\n".join(["x;y", *(f"{cell};a" for cell in cells), ""]).encode()
    sheet = read(folder, content)
    np.testing.assert_array_equal(sheet.table["x"], [float(f"{number:.2f}") for number in numbers])
    assert written(sheet, folder / "b.csv") == content


# A file is written whole, or not at all


def rows(n: int = 5) -> pd.DataFrame:
    return pd.DataFrame({"a": np.arange(n), "b": ["x"] * n})


@pytest.mark.parametrize("layout", [CellsLayout(), ArrowLayout(), ArrowLayout("arrow")])
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_nothing_half_written_is_left(tmp_path: Path, layout, error: type[BaseException]):
    path = tmp_path / "a.csv"
    path.write_text("before")
    with pytest.raises(error), layout.writer(path) as writer:  # noqa: PT012
        writer.add(rows())
        raise error
    assert [file.name for file in tmp_path.iterdir()] == ["a.csv"]
    assert path.read_text() == "before"


def test_a_full_disk_is_a_sentence(tmp_path: Path):
    with pytest.raises(OSError, match=r"is not written, since the disk is full; make room"):  # noqa: PT012, SIM117
        with CellsLayout().writer(tmp_path / "a.csv") as writer:
            writer.add(rows())
            raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("layout", [CellsLayout(), ArrowLayout()])
def test_blocks_of_other_columns_are_refused(tmp_path: Path, layout):
    with pytest.raises(ValueError, match="a block has the columns"), layout.writer(tmp_path / "a") as writer:  # noqa: PT012
        writer.add(rows())
        writer.add(rows().rename(columns={"a": "c"}))


def test_values_that_cannot_be_spelled_are_refused(tmp_path: Path):
    numbers = column(tmp_path, "1", "2").layout
    with (
        pytest.raises(ValueError, match="column 'x': the column holds integers"),
        numbers.writer(tmp_path / "b") as out,
    ):
        out.add(pd.DataFrame({"x": [1.5], "other": ["a"]}))
    western = read(tmp_path, FILES["western"]).layout
    with pytest.raises(ValueError, match="'ł' cannot be written in the encoding of the file, cp1252"):  # noqa: SIM117
        with western.writer(tmp_path / "b") as out:
            out.add(pd.DataFrame({"a": [1], "b": ["ł"]}))


def test_a_table_of_another_ending(tmp_path: Path):
    sheet = read(tmp_path, FILES["R"])
    for name in ("b.parquet", "b.feather", "b.tsv", "b.csv.gz"):
        with sheet.layout.for_path(name).writer(tmp_path / name) as writer:
            writer.add(sheet.table)
        pd.testing.assert_frame_equal(read_sheet(tmp_path / name).table, sheet.table)
    assert (tmp_path / "b.tsv").read_bytes().startswith(b'""\t"a"\t"b"\n"1"\t1.5')
    back = read_sheet(tmp_path / "b.parquet").layout.for_path("c.csv")
    assert written(Sheet(sheet.table, back), tmp_path / "c.csv") == b'a,b\n1.5,x\n,"y, z"\n'


# Typed files and frames


def typed() -> pa.Table:
    when = pd.to_datetime(["2020-01-31 12:00", None]).as_unit("ms")
    return pa.table(
        {
            "whole": pa.array([2**53 + 1, None], pa.int64()),
            "small": pa.array([1, 2], pa.int8()),
            "flag": pa.array([True, None]),
            "half": pa.array([0.5, None], pa.float32()),
            "word": pa.array(["a", None]),
            "long": pa.array(["a", None], pa.large_string()),
            "kind": pa.DictionaryArray.from_arrays(pa.array([1, None], pa.int8()), ["low", "high"], ordered=True),
            "when": pa.array(when, pa.timestamp("ms")),
            "zone": pa.array(when, pa.timestamp("ms", "Europe/Berlin")),
            "day": pa.array([18000, None], pa.date32()),
            "clock": pa.array([3_600_000_000, None], pa.time64("us")),
            "price": pa.array(["1.50", None]).cast(pa.decimal128(9, 2)),
        }
    )


@pytest.mark.parametrize("name", ["a.parquet", "a.feather"])
def test_typed_files_come_back_in_their_types(tmp_path: Path, name: str):
    table, path = typed(), tmp_path / name
    if name == "a.parquet":
        parquet.write_table(table, path)
    else:
        feather.write_feather(table, path)
    sheet = read_sheet(path)
    assert sheet.table["whole"][0] == 2**53 + 1
    assert sheet.table["kind"].cat.ordered
    layout = layout_from_config(json.loads(json.dumps(sheet.layout.config())))
    with layout.writer(tmp_path / f"b{path.suffix}") as writer:
        writer.add(sheet.table)
    again = (
        pa.ipc.open_file(tmp_path / "b.feather").read_all()
        if name == "a.feather"
        else parquet.read_table(tmp_path / "b.parquet")
    )
    assert again.schema.equals(table.schema)
    assert again.equals(table)


def test_an_index_of_pandas(tmp_path: Path):
    frame = pd.DataFrame({"a": [1, 2]}, index=pd.Index(["x", "y"], name="key"))
    frame.to_parquet(tmp_path / "a.parquet")
    sheet = read_sheet(tmp_path / "a.parquet")
    assert set(sheet.table.columns) == {"a", "key"}
    assert "index 'key'" in sheet.notes[0]
    written(sheet, tmp_path / "b.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "b.parquet"), frame)
    frame[1:].reset_index(drop=True).set_axis([7]).to_parquet(tmp_path / "c.parquet")
    assert "no name and is left out" in read_sheet(tmp_path / "c.parquet").notes[0]


def test_columns_of_lists_and_bytes_are_refused(tmp_path: Path):
    for values in ([[1], [2]], [b"a", b"b"], [{"a": 1}, {"a": 2}]):
        parquet.write_table(pa.table({"x": pa.array(values)}), tmp_path / "a.parquet")
        with pytest.raises(ValueError, match=r"column 'x' holds .* take it apart, or leave it out"):
            read_sheet(tmp_path / "a.parquet")


@pytest.mark.parametrize("name", ["a.parquet", "a.feather"])
def test_a_damaged_file_is_a_sentence(tmp_path: Path, name: str):
    with pytest.raises(ValueError, match="file, or is damaged"):
        read(tmp_path, b"PAR1 nothing", name)


@pytest.mark.parametrize(
    ("name", "said"), [("a.xlsx", "save the sheet as CSV"), ("a.json", "pandas.read_json"), ("a", "ends in")]
)
def test_other_files_are_refused_with_a_remedy(tmp_path: Path, name: str, said: str):
    with pytest.raises(ValueError, match=said):
        read(tmp_path, b"x", name)


def test_files_that_are_not_there(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="there is no file"):
        read_sheet(tmp_path / "a.csv")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(ValueError, match="is a folder; name a file"):
        read_sheet(tmp_path / "b.csv")
    with pytest.raises(ValueError, match="holds names and no rows"):
        read(tmp_path, "a,b\n")


def test_frames_of_pyarrow_come_back():
    table, back = frame_of(typed())
    assert back(table).equals(typed())


def test_frames_of_polars_come_back():
    frame = pl.DataFrame(
        {
            "whole": [2**53 + 1, None],
            "kind": pl.Series(["b", None], dtype=pl.Categorical),
            "level": pl.Series(["low", "high"], dtype=pl.Enum(["low", "high"])),
            "word": ["a", None],
            "when": pl.Series([0, None]).cast(pl.Datetime("ms", "Europe/Berlin")),
            "clock": pl.Series([3_600_000_000_000, None]).cast(pl.Time),
            "flag": [True, None],
        }
    )
    table, back = frame_of(frame)
    assert table["whole"][0] == 2**53 + 1
    assert list(table["level"].cat.categories) == ["low", "high"]
    again = back(table)
    assert again.schema == frame.schema
    assert again.equals(frame)
    with pytest.raises(TypeError, match=r"call its collect\(\) first"):
        frame_of(frame.lazy())


def test_frames_of_pandas_come_back():
    import datetime as dt

    frame = pd.DataFrame(
        {
            3: pd.array([1, None], "Int8"),
            "text": pd.Series(["a", None], dtype=object),
            "string": pd.array(["a", None], "string"),
            "arrow": pd.array([1, None], pd.ArrowDtype(pa.int32())),
            "flags": pd.Series([True, None], dtype=object),
            "days": pd.Series([dt.date(2020, 1, 31), None], dtype=object),
            "month": pd.PeriodIndex(["2020-01", "2020-02"], freq="M"),
            "kind": pd.Categorical(["b", "a"], ["b", "a"], ordered=True),
            "float32": np.array([0.5, np.nan], np.float32),
        }
    ).set_index(pd.Index(["x", "y"], name="key"))
    table, back = frame_of(frame)
    assert isinstance(table.index, pd.RangeIndex)
    assert all(isinstance(name, str) for name in table.columns)
    assert "index 'key'" in back.notes[0]
    pd.testing.assert_frame_equal(back(table), frame)
    _, back = frame_of(frame.set_axis([5, 7]))
    assert "left out" in back.notes[0]


@pytest.mark.parametrize(
    ("frame", "error", "said"),
    [
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), ValueError, "has 2 columns 'a'"),
        (pd.DataFrame({("a", "b"): [1]}), ValueError, "several levels"),
        (pd.DataFrame({"a": [[1], [2]]}), ValueError, "no single kind"),
        (pd.DataFrame({"a": [1, "x"]}), ValueError, "no single kind"),
        (pd.DataFrame({"a": [1j]}), ValueError, "no single value"),
        ({"a": [1]}, TypeError, "got dict"),
    ],
)
def test_frames_that_are_no_tables_are_refused(frame, error: type[Exception], said: str):
    with pytest.raises(error, match=said):
        frame_of(frame)


@settings(max_examples=60)
@given(st.sampled_from([*DATE_FORMATS, *DURATION_FORMATS]))
def test_each_format_of_a_date_is_read_as_it_is_written(tmp_path_factory, pattern: str):
    tmp_path = tmp_path_factory.mktemp("dates")
    draw = np.random.default_rng(1)
    spelling = Spelling("duration" if pattern in DURATION_FORMATS else "date", pattern=pattern.replace("%z", "+01:00"))
    seconds = draw.integers(0, 86_400 * (1 if pattern in DURATION_FORMATS else 14_000), 60) * 10**6
    values = pd.Series(seconds.astype("timedelta64[us]" if pattern in DURATION_FORMATS else "datetime64[us]"))
    if "%z" in pattern:
        values, spelling = values.dt.tz_localize("UTC"), replace(spelling, offset=60)
    table = pd.DataFrame({"x": values, "other": "a"})
    layout = CellsLayout(spellings={"x": spelling, "other": Spelling()})
    content = written(Sheet(table, layout), tmp_path / "a.csv")
    sheet = read_sheet(tmp_path / "a.csv")
    assert sheet.table["x"].dtype.kind == values.dtype.kind or "%z" in pattern
    assert written(sheet, tmp_path / "b.csv") == content


CELL = st.one_of(
    st.text("ab1 ", max_size=3),
    st.sampled_from(['"x,y"', '"a""b"', "'q'", "1,5", "1.5", "-3", "NA", "?", "12:30", "2020-01-01"]),
    st.sampled_from(["01/02/2020", "007", "$5", "5%", "+3", "yes", "no", "true", "x y", "1 234"]),
    st.sampled_from(['"', "'", "\\", "#c", "é"]),
)


@settings(max_examples=200)
@given(
    st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t", "|", " ", ":", ", "]),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
def test_any_text_is_a_table_that_comes_back_or_is_refused_in_a_sentence(tmp_path_factory, rows, separator, end):
    folder = tmp_path_factory.mktemp("any")
    try:
        sheet = read(folder, end.join(separator.join(row) for row in rows) + end)
    except ValueError as error:
        assert "\n" not in str(error)  # noqa: PT017
        return
    if sheet.table.isna().all().any():  # nothing says how many of such columns there are
        return
    written(sheet, folder / "b.csv")
    again = read_sheet(folder / "b.csv", header=sheet.layout.dialect.header is not None)
    pd.testing.assert_frame_equal(again.table, sheet.table, check_dtype=False)
