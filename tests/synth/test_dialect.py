"""The dialect of a file is found, cells are those that csv reads, and what is no table is refused with the place."""

import codecs
import csv
import gzip
import io
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.synth.dialect import Dialect, Grid, read_cells


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder: Path, content: str | bytes, name: str = "a.csv", **options) -> Grid:
    return read_cells(write(folder / name, content), **options)


def test_ends_of_lines_inside_cells_are_not_those_of_rows(tmp_path: Path):
    assert read(tmp_path, 'a,b\r\n1,"x\ny\nz\nw"\r\n2,"x\ny\nz"\r\n').dialect.end == "\r\n"
    assert read(tmp_path, 'a\r\n"x\ny"\r\n"x\nz"').dialect.end == "\r\n"


def cells(grid: Grid) -> list[list[str]]:
    return [column.dictionary_decode().to_pylist() for column in grid.columns]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_separators_line_ends_and_encodings_are_found(tmp_path: Path, separator: str, end: str, encoding: str):
    lines = ["name", "Käthe", "Jürgen", "Zoë", "Anna"], ["n", "1", "2", "3", "4"]
    text = end.join(separator.join(row) for row in zip(*lines, strict=True)) + end
    grid = read(tmp_path, text.encode(encoding))
    assert (grid.dialect.separator, grid.dialect.end) == (separator, end)
    assert grid.names == ["name", "n"]
    assert cells(grid) == [column[1:] for column in map(list, lines)]
    assert grid.dialect.bom == (encoding in ("utf-8-sig", "utf-16"))


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_two_bytes_a_letter_without_a_mark(tmp_path: Path, encoding: str):
    grid = read(tmp_path, "name,n\nAnna,1\nBert,2\n".encode(encoding))
    assert (grid.dialect.encoding, grid.dialect.bom) == (encoding, False)
    assert cells(grid) == [["Anna", "Bert"], ["1", "2"]]


def test_a_mark_of_big_endian_bytes(tmp_path: Path):
    grid = read(tmp_path, codecs.BOM_UTF16_BE + "a,b\n1,2\n".encode("utf-16-be"))
    assert grid.names == ["a", "b"]


def test_letters_that_are_not_western(tmp_path: Path):
    text = "город,число\n" + "Санкт-Петербург,1\nНижний Новгород,2\nЕкатеринбург,3\nКрасноярск,4\n" * 20
    grid = read(tmp_path, text.encode("cp1251"))
    assert grid.names == ["город", "число"]
    assert "pass encoding=" in grid.notes[0]
    assert read(tmp_path, text.encode("cp1251"), encoding="cp1251").notes == []


def test_quotes_are_doubled_or_escaped(tmp_path: Path):
    doubled = read(tmp_path, 'a,b\n"x ""y"", z",1\nw,2\n')
    escaped = read(tmp_path, 'a,b\n"x \\"y\\", z",1\nw,2\n')
    assert cells(doubled)[0] == cells(escaped)[0] == ['x "y", z', "w"]
    assert (doubled.dialect.escape, escaped.dialect.escape) == ("", "\\")


def test_apostrophes_are_quotes_only_where_they_enclose_cells(tmp_path: Path):
    assert cells(read(tmp_path, "a,b\n'x, y',1\n'z',2\n"))[0] == ["x, y", "z"]
    assert cells(read(tmp_path, "a,b\n'tis,1\nO'Brien,2\n"))[0] == ["'tis", "O'Brien"]


def test_spaces_before_quotes_are_of_the_separator(tmp_path: Path):
    grid = read(tmp_path, 'a, b, c\n1, "x, y", 2\n3, "z", 4\n')
    assert grid.dialect.separator == ", "
    assert cells(grid)[1] == ["x, y", "z"]


@pytest.mark.parametrize(
    ("text", "names"),
    [("a b c\n1 2 3\n4 5 6\n", ["a", "b", "c"]), ("a:b\n1:2\n3:4\n", ["a", "b"]), ("a  b\n1  2\n13 4\n", ["a", "b"])],
)
def test_rare_separators_where_they_are_certain(tmp_path: Path, text: str, names: list[str]):
    assert read(tmp_path, text).names == names


@pytest.mark.parametrize("text", ["name\nJohn Smith\nJane Doe\nJim Roe\n", "time\n12:30\n12:31\n12:32\n"])
def test_one_column_is_not_taken_apart(tmp_path: Path, text: str):
    assert len(read(tmp_path, text).names) == 1


class TestNames:
    @pytest.mark.parametrize(
        "text",
        ["1,x\n2,y\n3,x\n", "2020-01-01,a\n2020-01-02,b\n", "m,yes\nf,no\nm,no\nf,yes\nm,yes\n"],
    )
    def test_a_first_line_of_data_is_no_line_of_names(self, tmp_path: Path, text: str):
        grid = read(tmp_path, text)
        assert grid.names == ["column_1", "column_2"]
        assert grid.dialect.header is None
        assert "header=True" in grid.notes[0]
        assert read(tmp_path, text, header=True).names == text.split("\n")[0].split(",")

    @pytest.mark.parametrize("text", ["land,2019,2021\nx,1,2\n", "0,1,2\n5,6,7\n", "a,b\nx,y\n", "id,1\n7,3\n8,4\n"])
    def test_years_and_counted_columns_are_names(self, tmp_path: Path, text: str):
        assert read(tmp_path, text).names == text.split("\n")[0].split(",")

    def test_a_caller_may_say_that_there_are_none(self, tmp_path: Path):
        assert cells(read(tmp_path, "a,b\nx,y\n", header=False)) == [["a", "x"], ["b", "y"]]

    @pytest.mark.parametrize("text", [",a\n0,x\n1,y\n", '"","a"\n"1","x"\n"2","y"\n', '"a","b"\n"1",5,6\n"2",7,8\n'])
    def test_a_column_that_numbers_rows_is_left_out(self, tmp_path: Path, text: str):
        grid = read(tmp_path, text)
        assert grid.numbered in (0, 1)
        assert "numbers the rows" in grid.notes[-1]
        assert "" not in grid.names

    def test_another_column_without_a_name_gets_one(self, tmp_path: Path):
        grid = read(tmp_path, ",a\nMazda,1\nFiat,2\n")
        assert grid.names == ["column_1", "a"]


def test_what_stands_before_a_table_is_kept(tmp_path: Path):
    grid = read(tmp_path, "# made by hand\n\nsep=;\na;b\n1;2\n3;4\n")
    assert grid.names == ["a", "b"]
    assert grid.dialect.preamble == "# made by hand\n\nsep=;\n"
    assert grid.notes == ["the first 3 lines of the file stand before the table and are kept as they are"]
    titled = read(tmp_path, "Report of 2020\n\na,b,c\n1,2,3\n4,5,6\n")
    assert titled.names == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["a,b,\n1,2,\n3,4,\n", "a,b\n1,2,\n3,4,\n"])
def test_separators_at_the_end_of_rows(tmp_path: Path, text: str):
    grid = read(tmp_path, text)
    assert grid.names == ["a", "b"]
    assert grid.dialect.trailing


def test_packed_files(tmp_path: Path):
    text = b"a,b\n1,2\n3,4\n"
    assert read(tmp_path, gzip.compress(text), "a.csv.gz").dialect.compression == "gzip"
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("inner.csv", text)
    assert read(tmp_path, packed.getvalue(), "a.csv.zip").dialect.member == "inner.csv"
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("other.csv", text)
    with pytest.raises(ValueError, match="holds 2 files and must hold one"):
        read(tmp_path, packed.getvalue(), "a.csv.zip")
    with pytest.raises(ValueError, match=r"cannot be read .*save or copy it again"):
        read(tmp_path, gzip.compress(text)[:-9], "a.csv.gz")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"PK\x03\x04abc", "is an Excel file or a ZIP archive"),
        (b"PAR1abc", "is a Parquet file"),
        (b"\x1f\x8b123", "is compressed by gzip"),
        (b"a,b\n\x00\x01,2\n", "bytes that no text has"),
        (b"<!DOCTYPE html><html><table>", "is a page of HTML"),
        (b'[{"a": 1}]', "is JSON"),
        (b"a,b\n1,2\n3\n4,5\n", "line 3 of .* has 1 cell and the others have 2: '3'"),
        (b'a,b\n"x\ny",2\n3,4\n5,6,7\n', "line 5 of .* has 3 cells"),
        (b"# c\na,b\n1,2\n3,4,5\n6,7\n", "line 4 of .* has 3 cells"),
        (b'a,b\n1,2\n3,"x\n4,y\n', "opens a quote in line 3 that nothing closes, before 'x"),
        (b"a,b,a\n1,2,3\n", "has 2 columns 'a'"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes, said: str):
    with pytest.raises(ValueError, match=said):
        read(tmp_path, content)


def test_encodings_that_are_wrong_are_refused(tmp_path: Path):
    with pytest.raises(ValueError, match="must be one that Python knows"):
        read(tmp_path, "a\n1\n", encoding="utf-99")
    with pytest.raises(ValueError, match="is not in utf-8"):
        read(tmp_path, "a\nä\n".encode("latin-1"), encoding="utf-8")


def test_the_line_of_a_row(tmp_path: Path):
    grid = read(tmp_path, '# c\na,b\n"x\ny",1\n\nz,2\n')
    assert [grid.line_of(row) for row in (0, 1)] == [3, 6]


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=8), st.sampled_from(",;\t|"), st.booleans())
def test_cells_are_those_that_csv_reads(tmp_path_factory, rows, separator: str, escaped: bool):
    """The oracle is Python's own reader."""
    dialect = Dialect(separator=separator, escape="\\" if escaped else "")
    text = "\n".join(separator.join(dialect.quoted(cell) for cell in row) for row in rows)
    told = {"escapechar": "\\", "doublequote": False} if escaped else {}
    expected = list(csv.reader(io.StringIO(text), delimiter=separator, **told))
    assert [[dialect.value(raw) for raw in row] for row, _ in dialect.rows(text)] == expected
    path = tmp_path_factory.mktemp("cells") / "a.csv"
    text = separator.join(f'"name {place}"' for place in range(3)) + "\n" + text
    grid = read_cells(write(path, text), header=True)
    if grid.dialect.separator == separator and bool(grid.dialect.escape) == escaped and len(grid.names) == 3:
        assert cells(grid) == [list(column) for column in zip(*expected, strict=True)]


@pytest.mark.parametrize("text", ['a,b\n"x"y,1\nz,2\n"w"v,3\n', '"a" "b"\n"x" y\n"x" z\n'])
def test_a_quote_that_ends_before_its_cell_is_refused(tmp_path: Path, text: str):
    with pytest.raises(ValueError, match=r"a cell that begins with a quote and does not end with it|nothing closes"):
        read(tmp_path, text)
