"""What is drawn of a list's counts, read from the figure; and its letters, which some fonts lack."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from test_refresh import live, page, save

from papers.history import Count, append_history
from papers.plot import counted_papers, plot_counts, standing_out

HEAD = "| Date | Category | Title | Citation |\n|--|--|--|--|\n"
GAN = "| 2014.6 | GAN | [A $x$](https://arxiv.org/abs/1406.2661) | 5 |\n"
VAE = "| 2013.12 | VAE | [B](https://arxiv.org/abs/1312.6114) | 7 |\n"


def drawn(figure: Figure) -> None:
    """Draw a figure; a letter that no font has, or formulas that are none, would warn or raise."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig("/dev/null", format="png", dpi=30)


def titles(figure: Figure) -> list[str]:
    """Of each axes, wherever the reader's style puts it."""
    places = ("left", "center", "right")
    return ["".join(axes.get_title(loc=place) for place in places) for axes in figure.axes]


def bars(axes: Axes) -> dict[str, list[float]]:
    """Return for each label the widths of its two bars: all papers, and the most cited one."""
    names = [label.get_text() for label in axes.get_yticklabels()]
    widths = [bar.get_width() for bar in axes.patches]
    return {name: [widths[i], widths[i + len(names)]] for i, name in enumerate(names)}


def test_one_refresh_shows_date_against_citations_and_categories(tmp_path: Path) -> None:
    newer = "| 2015 | VAE | [C](https://arxiv.org/abs/1506.00001) | 2 |\n"
    figure = plot_counts(save(tmp_path, HEAD + VAE + GAN + GAN.replace("2661", "2662").replace(" 5 ", " 900 ") + newer))
    assert titles(figure) == ["Date against citations, 4 papers", "Citations by category · number of papers"]
    cloud, by_category = figure.axes
    x, y = cloud.lines[0].get_data()
    assert list(y) == [900, 7, 5, 2]
    assert list(x) == pytest.approx([2014 + 5.5 / 12, 2013 + 11.5 / 12, 2014 + 5.5 / 12, 2015.5])
    assert bars(by_category) == {"VAE · 2": [9, 7], "GAN · 2": [905, 900]}
    landmarks = "Cited at least 1.5 times as often as every newer paper, and at least 10 times:\n1  A \\$x\\$"
    assert cloud.get_xlabel() == landmarks
    assert "Half of all papers have 6 or more." in by_category.get_xlabel()
    drawn(figure)


def test_a_history_of_several_days_is_drawn_above_them(tmp_path: Path) -> None:
    path = save(tmp_path, HEAD + GAN + VAE)
    append_history(path, [Count("2026-01-01", "ARXIV:1406.2661", 3), Count("2026-02-01", "ARXIV:1406.2661", 9)])
    over_time, _, by_category = plot_counts(path).axes
    assert [list(line.get_ydata()) for line in over_time.lines] == [[3, 9]]
    assert bars(by_category) == {"VAE · 1": [7, 7], "GAN · 1": [9, 9]}
    drawn(plot_counts(path))


def test_without_categories_the_bars_are_years_and_without_dates_they_stand_alone(tmp_path: Path) -> None:
    text = "| Date | Title | Citation |\n|--|--|--|\n| 2015 | A | 3 |\n| 2014 | B | 0 |\n"
    assert bars(plot_counts(save(tmp_path, text)).axes[1]) == {"2014 · 1": [0, 0], "2015 · 1": [3, 3]}
    alone = plot_counts(save(tmp_path, "| Title | Citation |\n|--|--|\n| A | 3 |\n"))
    assert titles(alone) == ["Citations by year · number of papers"]
    drawn(alone)


def test_a_paper_that_stands_in_two_sections_counts_once(tmp_path: Path) -> None:
    path = save(tmp_path, f"## One\n\n{HEAD}{GAN}\n## Two\n\n{HEAD}{GAN}{VAE}")
    assert [(paper.count, paper.row.line) for paper in counted_papers(path)] == [(7, 12), (5, 5)]


def test_what_stands_out_is_cited_half_as_often_again_as_all_that_is_newer(tmp_path: Path) -> None:
    counts = {2010: 130, 2011: 50, 2012: 90, 2013: 60, 2014: 14, 2015: 9, 2020: 10, 2021: 0}
    rows = "".join(f"| {year} | X | Paper of {year} | {count} |\n" for year, count in counts.items())
    found = standing_out(counted_papers(save(tmp_path, HEAD + rows)))
    assert [paper.row.year for paper in found] == [2012, 2013]  # 2010 by less than half; 2020 is cited less than most


def test_the_newest_paper_and_papers_of_few_citations_are_no_landmarks(tmp_path: Path) -> None:
    def found(**counts: int) -> list[int | None]:
        rows = "".join(f"| {year[1:]} | X | Paper of {year} | {count} |\n" for year, count in counts.items())
        return [paper.row.year for paper in standing_out(counted_papers(save(tmp_path, HEAD + rows)))]

    assert found(y2020=50, y2021=900) == []
    assert found(y2019=9, y2020=1, y2021=0) == []
    assert found(y2019=10, y2020=1, y2021=0) == [2019]
    assert standing_out([]) == []


def test_letters_that_no_font_has_are_said_and_not_drawn_as_boxes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("papers.plot._LETTERS", ())
    path = save(
        tmp_path,
        HEAD
        + "| 2017.6 | 变换器 | 注意力就是你所需要的 | 90 |\n| 2016 | β-VAE | β-VAE | 910 |\n| 2018 | β-VAE | D | 1 |\n",
    )
    figure = plot_counts(path)
    cloud, by_category = figure.axes
    assert cloud.get_xlabel().splitlines()[1:] == ["1  β-VAE", "2  line 3"]
    assert set(bars(by_category)) == {"??? · 1", "β-VAE · 2"}
    assert figure.get_supxlabel() == "Named by their lines: titles with letters that no installed font has (1)."
    drawn(figure)


def test_without_a_count_no_drawing_library_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("matplotlib", "matplotlib.dates", "matplotlib.figure"):
        monkeypatch.setitem(sys.modules, module, None)
    folder = tmp_path / "my papers"
    folder.mkdir()
    with pytest.raises(ValueError, match=r"no count is known for .*; first run: papers refresh '.*my papers.list.md'$"):
        plot_counts(save(folder, page(("2014", "A", live(8)))))
    with pytest.raises(ValueError, match=r"there is no table of papers in .*list.md; name a file that holds one"):
        plot_counts(save(folder, "no table"))
