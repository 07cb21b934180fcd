"""The page: readable without a script, the same bytes, nothing of the person's table but what ten rows share."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.synth.drawings import RARE, Bars
from sdg_lab.synth.judgement import Judgement, judge
from sdg_lab.synth.report import page_of

VOID = {"meta", "br", "path", "rect", "circle"}


class Tree(HTMLParser):
    """Follows the tags of a page: every one is closed, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def read(page: str) -> Tree:
    tree = Tree()
    tree.feed(page)
    tree.close()
    assert tree.open == []
    return tree


HOSTILE = ("<script>alert(1)</script>", "a\u202eb", "two\nlines", '"><img src=x onerror=alert(1)>', "&amp;")


def people(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    age = rng.integers(18, 90, n)
    return pd.DataFrame(
        {
            HOSTILE[0]: age,
            HOSTILE[1]: np.where(rng.random(n) < 0.1, np.nan, 100 * age + rng.normal(0, 500, n)),
            HOSTILE[2]: pd.Categorical(rng.choice([*HOSTILE, "</style>"], n)),
            "smokes": pd.Categorical(np.where(rng.random(n) < age / 100, "yes", "no")),
        }
    )


@pytest.fixture(scope="module")
def judged() -> Judgement:
    real, held_out = people(300, 0), people(200, 1)
    held_out.loc[0, [HOSTILE[0], HOSTILE[1]]] = [7_654_321, 98_765.4321]
    held_out[HOSTILE[2]] = held_out[HOSTILE[2]].astype(object)
    held_out.loc[:3, HOSTILE[2]] = "lives alone at the lighthouse"
    return judge(real, people(300, 2), held_out, target="smokes", progress=False)


@pytest.mark.slow
def test_a_page_needs_nothing_else_and_obeys_no_name(judged: Judgement) -> None:
    page = page_of(judged)
    tree = read(page)
    names = {tag for tag, _ in tree.tags}
    assert not names & {"script", "img", "link", "iframe", "object", "form", "a"}
    assert not {key for _, attributes in tree.tags for key in attributes if key.startswith("on")}
    assert not re.search(r"https?:|url\(|@import|@font-face", page)
    assert "\u202e" not in page
    text = "".join(tree.texts)
    for shown in ("<script>alert(1)</script>", r"a\u202eb", r"two\nlines", "&amp;"):
        assert shown in text


@pytest.mark.slow
def test_it_is_read_to_those_who_do_not_see_it(judged: Judgement) -> None:
    tags = read(page_of(judged)).tags
    assert tags[0] == ("html", {"lang": "en"})
    for tag, attributes in tags:
        if tag == "svg":
            assert attributes.get("aria-hidden") == "true" or (attributes["role"] == "img" and attributes["aria-label"])
        if tag == "th":
            assert attributes["scope"] in ("col", "row")
    assert sum(tag == "h1" for tag, _ in tags) == 1
    assert sum(tag == "caption" for tag, _ in tags) == sum(tag == "table" for tag, _ in tags)


@pytest.mark.slow
def test_the_same_judgement_gives_the_same_bytes(judged: Judgement, tmp_path: Path) -> None:
    judged.save(tmp_path / "a.html")
    judged.save(tmp_path / "b.html")
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


@pytest.mark.slow
def test_no_rare_value_and_no_extreme_is_shown(judged: Judgement) -> None:
    page = page_of(judged)
    assert "lighthouse" not in page
    assert "98765" not in page.replace(",", "")
    assert "7654" not in page.replace(",", "")


@pytest.mark.slow
def test_it_promises_nothing_and_says_what_was_measured(judged: Judgement) -> None:
    text = "".join(read(page_of(judged)).texts)
    assert not re.search(r"\b(safe|anonym\w*|complian\w*|guarantee\w*)\b", text, flags=re.I)
    for said in ("300 real rows learnt from", "200 real rows held out", "seed 0", "TSTR", "TRTS", "TRTR", "no pass"):
        assert said in text


@pytest.mark.slow
def test_without_held_out_rows_nothing_is_said_of_privacy() -> None:
    judged = judge(people(120, 0), people(120, 1), target="smokes", progress=False)
    text = "".join(read(page_of(judged)).texts)
    assert "no real rows held out" in text
    assert "Not measured: no rows were held out" in text
    assert "nearest, for where it lies" not in text


@pytest.mark.slow
def test_few_columns_and_few_values_have_a_page_too() -> None:
    rng = np.random.default_rng(0)
    one = [pd.DataFrame({"only": rng.normal(size=100)}) for _ in range(3)]
    page = page_of(judge(*one, progress=False))
    assert "a table of one column" in page
    same = [pd.DataFrame({"same": pd.Categorical(["x"] * 100), "n": rng.normal(size=100)}) for _ in range(3)]
    tree = read(page_of(judge(*same, target="same", progress=False)))
    assert any("TSTR is not measurable" in text for text in tree.texts)


@pytest.mark.slow
def test_forty_one_columns_are_drawn_in_less_than_a_megabyte(judged: Judgement) -> None:
    rng = np.random.default_rng(0)
    names = [f"column {i}" for i in range(41)]
    tables = [pd.DataFrame(rng.normal(size=(400, 41)), columns=names) for _ in range(2)]
    columns = pd.concat([judged.synthetic.columns.iloc[[0]]] * 41).set_axis(names)
    distances = pd.DataFrame(rng.random((41, 41)) / 10, names, names)
    distances.loc["column 7"] = distances["column 7"] = 0.9
    ours = replace(judged.synthetic, columns=columns, pairs=distances)
    references = {name: replace(of, pairs=distances * 0 + 0.05) for name, of in judged.references.items()}
    wide = replace(judged, synthetic=ours, references=references, real=tables[0], made=tables[1])
    page = page_of(wide)
    assert len(page.encode()) < 1_000_000
    assert "Of 41 columns the 20 whose pairs are worst are drawn" in page
    figures = re.findall(r"<h3>(column \d+)</h3>", page)
    assert sorted(figures) == sorted(names)
    assert len(re.findall(r"column 7 ×|× column 7<", page)) == 10


@given(
    values=st.lists(
        st.floats(-1e9, 1e9, allow_nan=False) | st.integers(-50, 50) | st.just(0), min_size=1, max_size=120
    ),
    missing=st.integers(0, 5),
)
def test_bars_hold_every_value_and_end_where_ten_rows_are(values: list[float], missing: int) -> None:
    column = pd.Series([*values, *[np.nan] * missing], dtype=float, name="x")
    bars = Bars.of(column, column)
    assert len(bars.real) <= 60
    if len(bars.real):
        assert bars.real.sum() == pytest.approx(1)
        assert bars.real.tolist() == bars.made.tolist()
        drawn = np.array(values)
        if bars.note:
            common, counts = np.unique(drawn, return_counts=True)
            drawn = drawn[drawn != common[counts.argmax()]]
        assert min(bars.real[0], bars.real[-1]) * len(drawn) >= RARE - 1e-6
    assert read(bars.svg("x"))


@given(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=80))
def test_a_category_is_named_from_ten_rows_on(values: list[str]) -> None:
    column = pd.Series(pd.Categorical(values))
    bars = Bars.of(column, column)
    named = {value for value in set(values) if values.count(value) >= RARE}
    assert set(bars.labels) - {"(others)"} == named
    assert bars.real.sum() == pytest.approx(1)
