"""What a training run leaves behind, in numbers and in a sentence."""

import pytest

from sdg_lab.training import History


def test_nothing_was_run() -> None:
    history = History(stopped="not begun")
    assert (history.epochs, history.steps, history.best_epoch) == (0, 0, None)
    assert str(history) == "0 epochs, 0 steps, 0.0 s: no epoch run (not begun)"


@pytest.mark.parametrize(
    ("validation", "best", "said"),
    [([], None, "loss 2.5"), ([3.0, 1.0, 1.0], 1, "loss 2.5, validation 1"), ([1.0, 2.0, 4.5], 0, "validation 4.5")],
)
def test_the_last_losses_are_said_and_the_first_of_the_best_is_kept(
    validation: list[float], best: int | None, said: str
) -> None:
    history = History([5.0, 4, 3, 2, 3, 2], [4.5, 2.5, 2.5], validation, seconds=1.25, stopped="all epochs done")
    assert (history.epochs, history.steps, history.best_epoch) == (3, 6, best)
    assert f"3 epochs, 6 steps, 1.2 s: loss 2.5{', ' if validation else ' '}" in str(history)
    assert said in str(history)
    assert str(history).endswith("(all epochs done)")
