"""The table of image quality: means and standard errors over seeds, told apart from what was measured once."""

import numpy as np
import pytest

from sdg_lab.metrics import ImageFigures, ImageQuality, image_quality_table


def figures(frechet, *, label_consistency=0.9, kernel=0.001):
    return ImageFigures(frechet, kernel, 0.9, 0.8, 1.0, 0.95, 0.05, 0.08, 0.01, label_consistency)


def quality(frechet, floor, *, data="bars", n=100, **more):
    return ImageQuality(data, n, 2, figures(frechet, **more), figures(floor), ("a", "b"), (0.5, 0.5), (0.4, 0.6))


def test_a_row_is_the_mean_over_seeds_with_its_standard_error():
    table = image_quality_table(
        {
            "<GAN>": [quality(1.0, 0.5), quality(2.0, 0.4), quality(3.0, 0.6)],
            "DDPM": [quality(0.5, 0.5, label_consistency=None, kernel=0.0123)],
        }
    )
    assert table.frame["images"].tolist() == ["real, held out: the reference", "<GAN>", "DDPM"]
    assert table.frame["Fréchet"].tolist() == pytest.approx([0.5, 2.0, 0.5])
    assert table.frame["× floor"].tolist() == pytest.approx([1.0, (2 + 5 + 5) / 3, 1.0])
    assert table.errors["Fréchet"][1] == pytest.approx(1 / np.sqrt(3))
    assert table.frame["seeds"].tolist() == [3, 3, 1]
    text = table.readable()
    assert text["Fréchet"].tolist() == ["0.50 ± 0.06", "2.00 ± 0.58", "0.50"]
    assert text["kernel × 1000"].tolist() == ["1.00", "1.00", "12.30"]
    assert text["label consistency"].tolist() == ["90.0%", "90.0%", "–"]
    assert "batches of 100 images" in repr(table)
    assert "&lt;GAN&gt;" in table._repr_html_()


def test_one_judgement_is_a_table_and_its_columns_stand_in_the_order_of_the_figures():
    table = image_quality_table({"GAN": [quality(1.0, 0.5)]})
    assert list(table.frame.columns) == list(table.errors.columns) == list(table.readable().columns)
    assert list(table.frame.columns) == [
        "images", "Fréchet", "× floor", "kernel × 1000", "precision", "recall", "density", "coverage", "imbalance",
        "rarest class", "near copies", "label consistency", "seeds",
    ]  # fmt: skip
    assert table.frame["seeds"].tolist() == [1, 1]


def test_a_reference_that_models_share_is_one_measurement():
    table = image_quality_table({name: [quality(1.0, 0.5), quality(1.0, 0.7)] for name in ("GAN", "DDPM")})
    assert table.frame["seeds"].tolist() == [2, 2, 2]
    assert table.readable()["Fréchet"][0] == "0.60 ± 0.10"


def test_the_ratio_is_the_mean_of_ratios_and_figures_without_spread_have_no_error():
    table = image_quality_table({"GAN": [quality(1.0, 0.5), quality(1.0, 0.25)]})
    assert table.frame["× floor"].tolist() == [1.0, 3.0]
    assert table.errors["× floor"][1] == pytest.approx(1.0)
    text = table.readable().iloc[1]
    assert (text["Fréchet"], text["precision"], text["near copies"]) == ("1.00", "0.90", "1.0%")
    assert table.readable()["images"].tolist() == ["real, held out: the reference", "GAN"]
    assert table.readable()["label consistency"].tolist() == ["90.0%", "90.0%"]
    assert table.readable()["rarest class"].tolist() == ["8.0%", "8.0%"]


def test_a_share_has_its_error_in_percent():
    table = image_quality_table({"GAN": [quality(1, 1, label_consistency=share) for share in (0.8, 0.9)]})
    assert table.readable()["label consistency"].tolist() == ["90.0%", "85.0% ± 5.0%"]


@pytest.mark.parametrize(
    ("results", "sentence"),
    [
        ({}, "each model needs at least one judgement"),
        ({"GAN": [quality(1, 1)], "DDPM": []}, r"got none for \['DDPM'\]"),
        (
            {"GAN": [quality(1, 1)], "DDPM": [quality(1, 1, n=50)]},
            r"one table holds one data set and one n, got \[\('bars', 50\), \('bars', 100\)\]",
        ),
    ],
)
def test_a_table_that_would_mislead_is_refused(results, sentence):
    with pytest.raises(ValueError, match=sentence):
        image_quality_table(results)
