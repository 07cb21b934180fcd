"""Chapter 06: its references against torch's cells and distributions, and against the library's edit distance."""

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, Normal

from sdg_lab.course.ch06 import exercises as ch06
from sdg_lab.course.engine import registry
from sdg_lab.course.engine.grade import verdict
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


def _by_torch(values, log_weights, means, scales):
    return MixtureSameFamily(Categorical(logits=log_weights), Normal(means, scales)).log_prob(values)


def _normalised_once_more(values, log_weights, means, scales):
    return ch06.mixture_log_density(values, log_weights.log_softmax(1), means, scales)


@pytest.mark.parametrize("answer", [_by_torch, _normalised_once_more])
def test_a_mixture_may_take_its_log_weights_for_logits(answer) -> None:
    for seed in range(4):
        result = verdict(registry.find("06.mixture"), answer, seed=seed)
        assert result.status == "passed", result


def _weights_detached(values, log_weights, means, scales):
    return ch06.mixture_log_density(values, log_weights.detach(), means, scales)


def _by_the_largest_of_all(values, log_weights, means, scales):
    joint = log_weights + Normal(means, scales).log_prob(values[:, None])
    return joint.max() + (joint - joint.max()).exp().sum(1).log()


def _all_logits_by_the_largest(logits, tokens, lengths):
    low = logits - logits.max()
    log_probs = low - low.exp().sum(2, keepdim=True).log()
    nats = -log_probs.gather(2, tokens[:, 1:, None])[..., 0]
    return torch.where(torch.arange(logits.shape[1]) < lengths[:, None], nats, 0).sum() / lengths.sum()


@pytest.mark.parametrize(
    ("key", "answer", "says"),
    [
        ("06.mixture", _weights_detached, "no gradient reaches log_weights"),
        ("06.mixture", _by_the_largest_of_all, "60 away"),
        ("06.teacher_forcing", _all_logits_by_the_largest, "logits"),
        ("06.lstm_step", lambda *case: ch06.lstm_step(*case)[0], "expected 2 things"),
    ],
)
def test_what_only_the_extremes_tell_is_refused_on_every_seed(key, answer, says) -> None:
    for seed in range(4):
        result = verdict(registry.find(key), answer, seed=seed)
        assert result.status == "failed"
        assert says in result.message
