"""A few examples of each type of data as text."""

import numpy as np
import pandas as pd
import pytest

from sdg_lab.cli.preview import preview
from sdg_lab.data import Images, Network, Series, Sounds


def test_small_pictures_stand_side_by_side_two_characters_a_pixel():
    pixels = np.zeros((3, 1, 2, 2), np.float32)
    pixels[0, 0] = [[1, 0], [0, 0.5]]
    pixels[1, 0] = 1
    text = preview(Images(pixels, np.array([7, 1, 2])), width=12)
    assert text.split("\n") == ["7      1", "██     ████", "  ▒▒   ████"]


def test_of_large_pictures_two_rows_of_pixels_make_one_line_and_one_always_fits():
    pixels = np.zeros((2, 3, 20, 20), np.float32)
    pixels[0, :, :10] = 1
    assert preview(Images(pixels), width=5).split("\n") == ["█" * 20] * 5 + [" " * 20] * 5


def test_of_a_sound_it_is_shown_how_loud_it_is_over_time():
    waves = np.zeros((2, 80), np.float32)
    waves[0, :40:2], waves[1, 79] = -1, 0.5
    sounds = Sounds(waves, 80, np.array([1, 0]), ("oboe", "horn"), np.array([60, 100]))
    assert preview(sounds, width=17).split("\n") == ["horn 60  ████▁▁▁▁", "oboe 100 ▁▁▁▁▁▁▁▅"]
    assert preview(Sounds(waves[:1], 80), width=8) == "████▁▁▁▁"


def test_a_series_has_its_unit():
    days = np.array(["2020-01-01", "2020-01-02"], "datetime64[D]")
    assert preview(Series(np.array([1.5, 2.0]), days, "K")) == "2020-01-01  1.5 K\n2020-01-02  2 K"


def test_a_network_says_its_edges():
    row = np.array([0.5, 0.5])
    states, tables = dict.fromkeys("ab", ("no", "yes")), {"a": row, "b": np.array([row, row])}
    assert preview(Network(("a", "b"), states, {"a": (), "b": ("a",)}, tables)) == "() → a\na → b"


@pytest.mark.parametrize(
    ("part", "text"),
    [
        (["ada", "bob"], "ada\nbob"),
        ([("C4:1", "R:2")], "C4:1 R:2"),
        ([("ada", ("EY1", "D", "AH0"))], "ada → EY1 D AH0"),
        ("To be" * 100, "To be" * 80 + "…"),
        ("To be", "To be"),
    ],
)
def test_sequences_pairs_and_text(part, text):
    assert preview(part) == text


def test_a_table_shows_its_first_rows():
    assert preview(pd.DataFrame({"a": range(50)})).split("\n")[-1].split() == ["5", "5"]
