"""CSV files as people have them: what pandas writes comes back, and what can be read in two ways is not guessed."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sdg_lab.data.csv_files import SAMPLE, SEPARATORS, decimal_signs, find_separator, read_csv

FOLDER_IS_SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def read(folder: Path, content: str, **options: Any) -> tuple[pd.DataFrame, tuple[str, ...]]:
    path = folder / "mine.csv"
    path.write_bytes(content.encode())
    return read_csv(path, **options)


def column(folder: Path, *cells: str, **options: Any) -> tuple[list[Any], tuple[str, ...]]:
    """Read quoted cells of a column x; return its values and the notes."""
    table, notes = read(folder, "x,row\n" + "".join(f'"{cell}",{row}\n' for row, cell in enumerate(cells)), **options)
    return [
        None if missing else value for value, missing in zip(table["x"].tolist(), table["x"].isna(), strict=True)
    ], notes


# What pandas writes

texts = st.text(st.sampled_from("abcß ,;|\t'\"\n-_#."), min_size=1).map("t{}t".format)
columns = st.fixed_dictionaries(
    {
        "whole": st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=4, max_size=4),
        "real": st.lists(st.floats(allow_infinity=False), min_size=4, max_size=4),
        "text": st.lists(st.none() | texts, min_size=4, max_size=4),
        "day": st.lists(st.none() | st.dates(), min_size=4, max_size=4),
        "time": st.lists(st.datetimes().map(lambda found: found.replace(microsecond=0)), min_size=4, max_size=4),
    }
)


@pytest.mark.slow
@given(
    content=columns, separator=st.sampled_from(list(SEPARATORS)), decimal=st.sampled_from(".,"), zipped=st.booleans()
)
@FOLDER_IS_SHARED
def test_what_pandas_writes_comes_back(
    content: dict[str, list[Any]], separator: str, decimal: str, zipped: bool, tmp_path: Path
) -> None:
    table = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in content.items()})
    table["real"] = table["real"].astype(float)
    path = tmp_path / ("mine.csv.gz" if zipped else "mine.csv")
    table.to_csv(path, index=False, sep=separator, decimal=decimal)
    back, notes = read_csv(path, decimal=decimal)  # type: ignore[arg-type]
    for name in table:
        np.testing.assert_array_equal(back[name].isna(), table[name].isna())
        known = ~table[name].isna()
        found, written = back[name][known].tolist(), table[name][known].tolist()
        if name == "day":
            assert [moment.date() for moment in found] == written
        else:
            assert found == written
    assert [note for note in notes if "set apart" in note] == (
        [] if separator == "," else [f"the cells are set apart by {SEPARATORS[separator]}"]
    )


@given(
    st.lists(st.lists(st.text("ab,;|\t \"'\n"), min_size=3, max_size=3), min_size=1, max_size=5),
    st.sampled_from(list(SEPARATORS)),
)
def test_the_separator_is_found_whatever_the_cells_hold(rows: list[list[str]], separator: str) -> None:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL)
    writer.writerows([["first", "second", "third"], *rows])
    assert find_separator(written.getvalue()) == separator


def test_a_long_file_is_judged_by_its_beginning() -> None:
    text = "a;b\n" + "1,5;2,5\n" * SAMPLE
    assert find_separator(text) == ";"
    assert find_separator('"a\nb";c\n' + "1,5;2,5\n" * SAMPLE) == ";"
    text = "aaaa,bbb,c;d\n" + "1,5;2,5\n" * 13_000
    assert text[SAMPLE - 4 : SAMPLE] == "\n1,5"  # the sample ends within a row
    assert find_separator(text) == ";"
    assert find_separator("one column\nof text, with commas\n") == ","
    assert find_separator("a|b,c\n1,2\n") == ","  # what only the first line has separates nothing
    assert find_separator("a;b;c\n1;2\n") == ";"


# Numbers


@pytest.mark.parametrize(
    ("cells", "values", "note"),
    [
        (["1", "+2", "-3"], [1, 2, -3], ""),
        (["1", " 2 ", ""], [1, 2, None], ""),
        (["1", "2.5", ".5", "5.", "-1e3", "1.5E-3"], [1, 2.5, 0.5, 5, -1000, 0.0015], ""),
        (["1.234", "2.345"], [1.234, 2.345], ""),
        (["3,5", "4"], [3.5, 4], "'3,5' is the number 3.5"),
        (["1,234.5", "1,000"], [1234.5, 1000], "'1,234.5' is the number 1234.5"),
        (["1.234,5", "1.000"], [1234.5, 1000], "'1.234,5' is the number 1234.5"),
        (["1,234,567", "1,000"], [1234567, 1000], "'1,234,567' is the number 1234567"),
        (["1.234.567", "1.000"], [1234567, 1000], "'1.234.567' is the number 1234567"),
        (["9223372036854775807", "1"], [2**63 - 1, 1], ""),
        (["9223372036854775808", "1"], ["9223372036854775808", "1"], "numbers beyond 2⁶³ are categories"),
        (["9" * 5000, "1"], ["9" * 5000, "1"], "numbers beyond 2⁶³ are categories"),
        (
            ["0123", "4567"],
            ["0123", "4567"],
            "codes such as '0123' are categories, since numbers have no leading zeros",
        ),
        (["00", "01"], ["00", "01"], "codes such as '00' are categories, since numbers have no leading zeros"),
        (["0", "1"], [0, 1], ""),
        (["0.5", "0.7"], [0.5, 0.7], ""),
        (["007", "12"], [7, 12], "'007' is the number 7; categories=[...] keeps the zeros"),
    ],
)
def test_numbers(cells: list[str], values: list[Any], note: str, tmp_path: Path) -> None:
    found, notes = column(tmp_path, *cells)
    assert found == values
    assert notes == ((f"column 'x': {note}",) if note else ())


def test_the_rest_of_the_file_settles_what_a_comma_means(tmp_path: Path) -> None:
    for other, value in (("2.5", 1234), ('"2,5"', 1.234)):
        table, notes = read(tmp_path, f'x,y\n"1,234",{other}\n1,3\n')
        assert table["x"].tolist() == [value, 1]
        assert notes[0] == f"column 'x': '1,234' is the number {value}"
    assert column(tmp_path, "1,234", decimal=".")[0] == [1234]
    assert column(tmp_path, "1,234", decimal=",")[0] == [1.234]
    sentence = (
        r"^column 'x' holds '1,234', which is 1234 or 1\.234, and nothing in the file says which; "
        r"pass decimal='\.' or decimal=','$"
    )
    for content in ('x\n"1,234"\n1\n', 'x,y,z\n"1,234",2.5,"2,5"\n1,2,3\n'):
        with pytest.raises(ValueError, match=sentence):
            read(tmp_path, content)
    both = 'x,y,z\n1.234,2.5,"2,5"\n1,2,3\n'
    with pytest.raises(
        ValueError, match=r"^column 'x' holds '1\.234', which is 1234 or 1\.234, and nothing in the file"
    ):
        read(tmp_path, both)
    assert read(tmp_path, both, decimal=",")[0]["x"].tolist() == [1234, 1]
    table, _ = read(tmp_path, 'x,zip\n"1,234","2,5"\n1,2\n', categories=["x"])
    assert table["x"].tolist() == ["1,234", "1"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), st.sampled_from([".", ","]))
def test_grouped_numbers_have_the_sign_with_which_they_were_written(numbers: list[float], decimal: str) -> None:
    texts = [f"{number:,.2f}" for number in numbers]
    if decimal == ",":
        texts = [text.translate(str.maketrans(".,", ",.")) for text in texts]
    assert decimal_signs({"x": pd.Series(texts)}) == {"x": decimal}


# Dates


@pytest.mark.parametrize(
    ("cells", "first", "note"),
    [
        (["2020-03-04", "2021-12-31"], "2020-03-04", ""),
        (["2020-03-04T05:06:07.25", "2021-12-31"], "2020-03-04 05:06:07.250", ""),
        (["2020-03-04 23:30+01:00", "2021-12-31T00:00Z"], "2020-03-04 22:30+00:00", ""),
        (["2020/3/4", "2021/12/31"], "2020-03-04", "'2020/3/4' is the date 2020-03-04"),
        (["4.3.2020", "31.12.2021"], "2020-03-04", "'4.3.2020' is the date 2020-03-04"),
        (["4.3.2020 5:06", "31.12.2021 15:06"], "2020-03-04 05:06", "'4.3.2020 5:06' is the date 2020-03-04"),
        (["04/03/2020", "31/12/2021"], "2020-03-04", "'04/03/2020' is the date 2020-03-04"),
        (["03/04/2020", "12/31/2021"], "2020-03-04", "'03/04/2020' is the date 2020-03-04"),
        (["03/03/2020", "12/12/2021"], "2020-03-03", "'03/03/2020' is the date 2020-03-03"),
    ],
)
def test_dates(cells: list[str], first: str, note: str, tmp_path: Path) -> None:
    found, notes = column(tmp_path, *cells, "")
    assert found[0] == pd.Timestamp(first)
    assert found[2] is None
    assert notes == ((f"column 'x': {note}",) if note else ())


@pytest.mark.parametrize(
    ("cells", "sentence"),
    [
        (
            ["03/04/2020", "05/06/2021"],
            "column 'x' holds dates such as '03/04/2020', in which nothing says whether the day",
        ),
        (
            ["2020-01-01", "2020-02-30"],
            "column 'x' holds dates, but '2020-02-30' in row 2 is none, or written in another",
        ),
        (["31/12/2020", "12/31/2020", "30/12/2020"], "column 'x' holds dates, but '12/31/2020' in row 2 is none"),
        (
            ["1.1.2020 5:06", "1.1.2020"],
            "column 'x' holds dates, but '1.1.2020' in row 2 is none, or written in another",
        ),
        (
            ["", "2020-01-01", "soon"],
            "column 'x' mixes dates such as '2020-01-01' with 'soon' in row 3; repair or empty",
        ),
        (["2020-01-01", "1.2.2020"], "column 'x' mixes dates such as '2020-01-01' with '1.2.2020' in row 2; repair or"),
        (["2020", "2020-01-01"], "column 'x' mixes dates such as '2020-01-01' with '2020' in row 1; repair or empty"),
        (["12", "", "B4"], "column 'x' mixes numbers such as '12' with 'B4' in row 3; repair or empty such cells"),
        (["2.5", "3,5"], "column 'x' mixes numbers such as '2.5' with '3,5' in row 2; repair or empty such cells"),
    ],
)
def test_what_cannot_be_told_is_refused(cells: list[str], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011 - the sentence is compared below
        column(tmp_path, *cells)
    assert str(refusal.value).startswith(sentence)
    assert str(refusal.value).endswith("categories=['x']")
    assert column(tmp_path, *cells, categories=["x"])[0] == [cell or None for cell in cells]


# Missing values, names, rows


def test_text_stays_as_it_is_written(tmp_path: Path) -> None:
    assert column(tmp_path, " x", "y ")[0] == [" x", "y "]
    assert column(tmp_path, " 1", "2 ", categories=["x"])[0] == [" 1", "2 "]


def test_what_stands_for_a_missing_value_is_noted(tmp_path: Path) -> None:
    found, notes = column(tmp_path, "DE", "NA", "", "None")
    assert found == ["DE", None, None, None]
    assert notes == tuple(
        f"column 'x': '{sign}' is a missing value; missing=[''] keeps it as text" for sign in ("NA", "None")
    )
    assert column(tmp_path, "DE", "NA", "", "None", missing=[""]) == (["DE", "NA", None, "None"], ())
    assert column(tmp_path, "1", "-99", missing=["-99"])[0] == [1, None]
    for cells in (["1", "-"], ["2020-01-01", "-"]):  # as text it would be refused
        assert column(tmp_path, *cells, missing=["-"])[1] == ("column 'x': '-' is a missing value",)


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        ("5.1,3.5,setosa", "5.1"),
        ("anna,34", "34"),
        ("9" * 20 + ",1", "9" * 20),
        ("anna,2020-01-01", "2020-01-01"),
        ("1,3,5", "1"),
        ("-1,0,1", "-1"),
    ],
)
def test_a_first_line_of_data_is_noticed(names: str, fault: str, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=f"mine.csv looks like data \\('{fault}'\\), not like names; write a line above"
    ):
        read(tmp_path, f"{names}\n" + "1,2,3\n"[: 2 * names.count(",") + 1] + "\n")


@pytest.mark.parametrize("names", ["country,2019,2020", "0,1,2", "1,2,3", "q1,q2,x3", "e5,inf_,1a"])
def test_names_that_count_are_names(names: str, tmp_path: Path) -> None:
    assert ",".join(read(tmp_path, f"{names}\n1,2,3\n")[0].columns) == names


def test_names_that_are_all_numbers_are_noted(tmp_path: Path) -> None:
    rest = "if they are data, write a line of names above it"
    for names, shown in (("1,2", "1, 2"), ("0,1,2,3", "0, 1, 2, ...")):
        assert read(tmp_path, f"{names}\n{names}\n")[1] == (f"the first line has numbers alone ({shown}); {rest}",)
    assert read(tmp_path, "country,2019,2020\na,1,2\n")[1] == ()


@pytest.mark.parametrize("line", ["sep=;", '"sep=,"', "SEP=\t", "sep=|"])
def test_excels_own_first_line_is_named(line: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^the first line of .*mine\.csv is .*, which only Excel reads; remove it$"):
        read(tmp_path, f"{line}\r\na;b\r\n1;2\r\n")
    assert read(tmp_path, "sep,b\n1,2\n")[1] == ()


def test_row_numbers_of_pandas_and_r_are_left_out(tmp_path: Path) -> None:
    for first in (0, 1):
        table, notes = read(tmp_path, f",a\n{first},x\n{first + 1},y\n")
        assert list(table.columns) == ["a"]
        assert notes == ("the first column has no name and numbers the rows; it is left out",)
    with pytest.raises(
        ValueError, match=r"^column 1 of .*mine\.csv has no name; name it in the first line, or remove it$"
    ):
        read(tmp_path, ",a\n3,x\n4,y\n")


def test_every_kind_of_line_end_and_an_empty_cell_alone(tmp_path: Path) -> None:
    for end in ("\n", "\r\n", "\r"):
        table, _ = read(tmp_path, end.join(["\ufeffa,b", "1,x", "2,y"]))
        assert table.to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    table, _ = read(tmp_path, "a\n1\n\n3\n")
    assert table["a"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", list(SEPARATORS))
def test_a_quote_that_swallows_lines_is_noted_and_one_that_nothing_closes_refused(
    end: str, separator: str, tmp_path: Path
) -> None:
    rows = [f"{row}{separator}y" for row in range(1, 1001)]
    rows[499] = f'500{separator}"x'
    open_quote = end.join([f"a{separator}b", *rows])
    with pytest.raises(
        ValueError, match=r"mine\.csv opens a quote in line 501 that nothing closes, before 'x.*'; close or remove it$"
    ):
        read(tmp_path, open_quote)
    rows[699] = f'700{separator}y"'
    table, notes = read(tmp_path, end.join([f"a{separator}b", *rows]))
    assert len(table) == 800
    assert notes[-1] == (
        "quoted cells that hold line ends: 1, the longest in lines 501 to 701; if it holds rows, too, a quote is "
        "missing or too many"
    )
    with pytest.raises(ValueError, match=r"row 3: Expected 2 columns, got 1: 4\); repair it\. Note: quoted cells that"):
        read(tmp_path, f'a{separator}b{end}1{separator}"x{end}y"{end}4{end}')


@pytest.mark.parametrize("cell", ['say ""hi""', '""', "", '5""', 'a,b;c|d""\t', '"";""'])
def test_quotes_that_are_closed_are_left_alone(cell: str, tmp_path: Path) -> None:
    table, notes = read(tmp_path, f'x,y\n"{cell}",5" wide\n"{cell}",b"c\n')
    assert table["x"].isna().all() or set(table["x"]) == {cell.replace('""', '"')}
    assert table["y"].tolist() == ['5" wide', 'b"c']
    assert notes == ()


@given(content=st.binary(max_size=200))
@FOLDER_IS_SHARED
def test_any_bytes_are_a_table_or_a_sentence(content: bytes, tmp_path: Path) -> None:
    for name, stored in (("mine.csv", content), ("mine.csv.gz", content), ("whole.csv.gz", gzip.compress(content))):
        path = tmp_path / name
        path.write_bytes(stored)
        try:
            table, _ = read_csv(path)
        except ValueError:
            continue
        assert isinstance(table, pd.DataFrame)


@given(cells=st.lists(st.text('1.,-/:0T eNA"\n;', max_size=8), min_size=2, max_size=6), width=st.integers(1, 2))
@FOLDER_IS_SHARED
def test_cells_like_numbers_and_dates_are_a_table_or_a_sentence(cells: list[str], width: int, tmp_path: Path) -> None:
    rows = [["a", "b"][:width], *itertools.zip_longest(*[iter(cells)] * width, fillvalue="1")]
    written = io.StringIO()
    csv.writer(written).writerows(rows)
    try:
        table, _ = read(tmp_path, written.getvalue())
    except ValueError:
        return
    assert table.shape[1] == width
