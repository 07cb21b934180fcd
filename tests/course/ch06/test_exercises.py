"""Chapter 06: its references against torch's cells and distributions, and against the library's edit distance."""

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal

from sdg_lab.course.ch06 import exercises as ch06
from sdg_lab.metrics.sequences.edit_distance import error_rate


@pytest.mark.parametrize(("inputs", "width"), [(3, 4), (1, 7)])
def test_the_steps_are_those_of_torch_s_cells(inputs: int, width: int) -> None:
    torch.manual_seed(0)
    x, h, c = torch.randn(5, inputs), torch.randn(5, width), torch.randn(5, width)
    lstm, gru = torch.nn.LSTMCell(inputs, width), torch.nn.GRUCell(inputs, width)
    torch.testing.assert_close(ch06.lstm_step(x, h, c, *lstm.parameters()), lstm(x, (h, c)))
    torch.testing.assert_close(ch06.gru_step(x, h, *gru.parameters()), gru(x, h))


def test_the_mixture_is_that_of_torch_distributions() -> None:
    torch.manual_seed(0)
    weights, means, scales = torch.randn(6, 3).log_softmax(1), torch.randn(6, 3), 0.2 + torch.rand(6, 3)
    values = torch.randn(6)
    theirs = MixtureSameFamily(Categorical(logits=weights), Normal(means, scales)).log_prob(values)
    torch.testing.assert_close(ch06.mixture_log_density(values, weights, means, scales), theirs)


def test_the_loss_is_the_mean_of_every_token_s_nats() -> None:
    torch.manual_seed(0)
    logits, tokens, lengths = (
        torch.randn(2, 4, 5),
        torch.tensor([[0, 3, 1, 0, 0], [0, 4, 2, 2, 0]]),
        torch.tensor([3, 4]),
    )
    each = [-logits[i, t].log_softmax(0)[tokens[i, t + 1]] for i in range(2) for t in range(int(lengths[i]))]
    torch.testing.assert_close(ch06.teacher_forcing_loss(logits, tokens, lengths), torch.stack(each).mean())


def test_the_error_rate_is_the_library_s() -> None:
    rng = np.random.default_rng(0)
    written, true = ([tuple(rng.choice(list("ABCD"), rng.integers(1, 7))) for _ in range(200)] for _ in range(2))
    assert ch06.phoneme_error_rate(written, true) == pytest.approx(error_rate(written, true))
