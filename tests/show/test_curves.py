"""Curves: the lines, bands, bars and figures drawn are the numbers given."""

import numpy as np
import pytest
from scipy.stats import sem

from sdg_lab import show
from sdg_lab.show.curves import plus_minus
from sdg_lab.training import History

HISTORY = History(loss=[9.0, 7.0, 6.0, 4.0, 3.0, 3.0], train_loss=[8.0, 5.0, 3.0], validation_loss=[8.5, 6.0, 4.25])
SEEDS = np.array([[1.0, 2.0, 3.0], [1.2, 2.0, 3.5], [0.8, 2.0, 2.8]])


def test_a_loss_curve_shows_steps_epochs_and_their_ends():
    figure = show.loss_curve(HISTORY, unit="nats per image")
    ax = figure.axes[0]
    lines = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(lines["training"].get_xydata(), [[1, 8], [2, 5], [3, 3]])
    np.testing.assert_array_equal(lines["validation"].get_ydata(), HISTORY.validation_loss)
    np.testing.assert_allclose(ax.lines[0].get_xydata()[[1, 5]], [[1, 7], [3, 3]])  # epochs end at their last step
    assert [text.get_text() for text in ax.texts] == ["training 3", "validation 4.25"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss (nats per image)")
    assert ax.get_title(loc="left") == "The validation loss goes from 8.5 to 4.25 nats per image in 3 epochs"


def test_the_names_at_the_ends_do_not_touch():
    figure = show.loss_curve(HISTORY, unit="nats")
    figure.canvas.draw()
    one, other = (text.get_window_extent() for text in figure.axes[0].texts)
    assert not one.overlaps(other)


def test_without_validation_the_training_loss_gives_the_title():
    figure = show.loss_curve(History(loss=[2.0], train_loss=[2.0]), unit="nats")
    assert figure.axes[0].get_title(loc="left") == "The training loss goes from 2 to 2 nats in 1 epoch"


def test_the_axis_fits_the_epochs_although_the_first_steps_tower():
    towering = History(loss=[1e6] + [5.0] * 99, train_loss=[5.0] * 10)
    assert show.loss_curve(towering, unit="nats").axes[0].get_ylim()[1] < 10


def test_a_line_is_the_mean_and_its_band_one_standard_error():
    figure = show.line_with_error([1, 2, 3], SEEDS, label="VAE", xlabel="order", ylabel="loss (nats)", title="t")
    ax = figure.axes[0]
    np.testing.assert_allclose(ax.lines[0].get_ydata(), SEEDS.mean(axis=0))
    edges = ax.collections[0].get_paths()[0].get_extents()
    assert edges.y0 == pytest.approx((SEEDS.mean(axis=0) - sem(SEEDS)).min())
    assert edges.y1 == pytest.approx((SEEDS.mean(axis=0) + sem(SEEDS)).max())


def test_a_second_line_joins_the_first_and_a_single_seed_has_no_band():
    labels = {"xlabel": "order", "ylabel": "loss (nats)"}
    figure = show.line_with_error([1, 2, 3], SEEDS[0], label="one", **labels)
    assert len(figure.axes[0].collections) == 0
    again = show.line_with_error([1, 2, 3], SEEDS, label="two", ax=figure.axes[0], hue="#D55E00", **labels)
    assert again is figure
    assert [text.get_text() for text in figure.axes[0].get_legend().get_texts()] == ["one", "two"]
    assert figure.axes[0].lines[1].get_color() == "#D55E00"


def test_bars_start_at_zero_and_carry_mean_error_and_seeds():
    figure = show.bars_with_error(["a", "b", "c"], SEEDS.T, unit="accuracy", title="t", floor=("real", 3.2))
    ax = figure.axes[0]
    assert [bar.get_x() for bar in ax.patches] == [0, 0, 0]
    np.testing.assert_allclose([bar.get_width() for bar in ax.patches], SEEDS.mean(axis=0))
    dots = next(c for c in ax.collections if len(c.get_offsets()) == 9)
    np.testing.assert_allclose(sorted(dots.get_offsets()[:, 0]), sorted(SEEDS.ravel()))
    texts = [text.get_text() for text in ax.texts]
    assert texts == ["1.00 ± 0.12", "2 ± 0", "3.1 ± 0.2", "real: 3.2"]
    assert ax.get_xlabel() == "accuracy: mean ± standard error of 3 seeds (dots)"
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first label is on top


def test_one_seed_has_no_error_to_show():
    ax = show.bars_with_error(["a", "b"], [0.5, 0.75], unit="accuracy", title="t").axes[0]
    assert [text.get_text() for text in ax.texts] == ["0.5", "0.75"]
    assert ax.get_xlabel() == "accuracy"


@pytest.mark.parametrize(
    ("mean", "error", "text"),
    [
        (0.84, 0.0091, "0.840 ± 0.009"),
        (0.777, 0.00163, "0.7770 ± 0.0016"),
        (115.42, 3.3, "115 ± 3"),
        (1.0, 0.0, "1 ± 0"),
        (0.8, 0.00996, "0.800 ± 0.010"),
    ],
)
def test_mean_and_error_end_at_the_same_decimal(mean, error, text):
    assert plus_minus(mean, error) == text


LABELS = {"label": "VAE", "xlabel": "x", "ylabel": "y"}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: show.loss_curve(History(), unit="nats"), "history holds no epoch; train for at least 1 epoch"),
        (lambda: show.line_with_error([1, 2], SEEDS, **LABELS), r"VAE: ys must have shape \(seeds, 2\) .*got \(3, 3\)"),
        (lambda: show.line_with_error([1], [[np.nan]], **LABELS), r"VAE\[0, 0\] is nan; every value"),
        (lambda: show.line_with_error([], [[]], **LABELS), r"VAE: x must be an array of 1 axes, got shape \(0,\)"),
        (lambda: show.line_with_error([1], [[]], **LABELS), r"VAE must be an array of 2 axes, got shape \(1, 0\)"),
        (lambda: show.line_with_error([np.nan], [[1]], **LABELS), r"VAE: x\[0\] is nan; every value must be finite"),
        (lambda: show.bars_with_error(["a"], SEEDS, unit="u", title="t"), r"shape \(1 labels, seeds\), got \(3, 3\)"),
        (
            lambda: show.bars_with_error(["a"], [[1.0]], unit="u", title="t", hues=["red", "blue"]),
            "hues must be one a label: got 2 for 1 labels",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
