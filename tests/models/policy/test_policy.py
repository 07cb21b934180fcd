"""The policy gradient against closed forms and enumeration; what it must not do."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.policy import PolicyGradient, advantages, clipped_surrogate, kl_term, learn
from sdg_lab.models.sequences.base import SequenceModel

LETTERS = "abc"


class Table(SequenceModel):
    """Logits by the last token alone: small enough that every sequence up to a length can be counted out."""

    def config(self):
        return {}

    def build(self, n_symbols):
        self.table = nn.Parameter(torch.randn(n_symbols, n_symbols))

    def logits(self, tokens):
        return self.table[tokens]

    def start(self, n):
        return None

    def read(self, tokens, state):
        return self.table[tokens[:, -1]], state

    def keep(self, state, rows):
        return state


@pytest.fixture
def table() -> Table:
    return Table().fit(["abc", "cab", "bb", "a"], epochs=1, seed=3, progress=False)


def every_sequence(longest: int) -> list[str]:
    return ["".join(s) for n in range(longest + 1) for s in itertools.product(LETTERS, repeat=n)]


def log_probs_when_cut(table: Table, longest: int) -> tuple[list[str], Tensor]:
    """All sequences that can be drawn with max_length ``longest``, and log π of each: a cut one has no end."""
    sequences = every_sequence(longest)
    nats = table.table.log_softmax(dim=1)
    found = []
    for sequence in sequences:
        codes = [0, *(LETTERS.index(s) + 1 for s in sequence)]
        if len(sequence) < longest:
            codes.append(0)
        found.append(sum(nats[a, b] for a, b in itertools.pairwise(codes)))
    return sequences, torch.stack(found)


def reward_of(sequences) -> list[float]:
    return [s.count("a") - 0.3 * len(s) for s in sequences]


def test_all_that_can_be_drawn_has_probability_one(table: Table):
    _, log_probs = log_probs_when_cut(table, 4)
    assert float(log_probs.detach().exp().sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("baseline", ["none", "leave-one-out"])
@pytest.mark.parametrize("kl", [0.0, 0.7])
def test_the_gradient_is_that_of_the_enumerated_objective(table: Table, baseline: str, kl: float):
    """∇(E[r] - β KL(π || π_ref)), exactly, lies within four standard errors of the mean of the estimates."""
    game = PolicyGradient(table, reward_of, baseline=baseline, kl=kl, max_length=3)
    with torch.no_grad():
        table.table += torch.randn(table.table.shape, generator=torch.Generator().manual_seed(0))
    sequences, log_probs = log_probs_when_cut(table, 3)
    _, reference = log_probs_when_cut(game.reference, 3)
    p = log_probs.exp()
    objective = (p * torch.tensor(reward_of(sequences))).sum() - kl * (p * (log_probs - reference.detach())).sum()
    (exact,) = torch.autograd.grad(objective, table.table)

    torch.manual_seed(0)
    estimates = []
    for _ in range(300):
        (gradient,) = torch.autograd.grad(game.loss(torch.zeros(32)), table.table)
        estimates.append(-gradient)
    stack = torch.stack(estimates)
    error = stack.std(dim=0) / math.sqrt(len(stack))
    assert bool(((stack.mean(dim=0) - exact).abs() <= 4 * error + 1e-6).all())
    assert float(error.max()) < 0.1 * float(exact.abs().max())  # the estimate is precise enough to be wrong


def test_a_bandit_has_the_gradient_of_the_closed_form():
    """One choice among four: ∂J/∂θ_k = π_k (r_k - J). The mean over all choices is taken exactly."""
    theta = torch.tensor([0.5, -1.0, 0.0, 2.0], requires_grad=True)
    rewards = torch.tensor([1.0, 3.0, -2.0, 0.5])
    log_probs = theta.log_softmax(dim=0)
    gain = clipped_surrogate(log_probs, log_probs.detach(), rewards, clip_ratio=0.2)
    (gradient,) = torch.autograd.grad((log_probs.exp().detach() * gain).sum(), theta)
    pi = log_probs.exp()
    torch.testing.assert_close(gradient, pi * (rewards - (pi * rewards).sum()))


def test_advantages_by_hand():
    rewards = torch.tensor([[1.0, 2.0, 6.0], [5.0, 5.0, 5.0]])
    assert torch.equal(advantages(rewards, "none"), rewards)
    torch.testing.assert_close(advantages(rewards, "leave-one-out")[0], torch.tensor([1 - 4.0, 2 - 3.5, 6 - 1.5]))
    torch.testing.assert_close(
        advantages(rewards, "group")[0], torch.tensor([-2.0, -1.0, 3.0]) / np.std([1.0, 2.0, 6.0]), rtol=1e-4, atol=1e-4
    )
    assert advantages(rewards, "group")[1].abs().max() == 0


def test_a_round_says_what_was_drawn(table: Table):
    seen = []

    def reward(sequences) -> list[float]:
        seen.extend(sequences)
        return reward_of(sequences)

    game = PolicyGradient(table, reward, max_length=3)
    torch.manual_seed(0)
    game.loss(torch.zeros(32))
    (found,) = game.rounds
    assert found.reward == pytest.approx(np.mean(reward_of(seen)))
    assert found.unique == len(set(seen)) / 32
    assert found.length == pytest.approx(np.mean([min(len(s) + 1, 3) for s in seen]))  # an end is drawn, too


def test_a_baseline_lowers_the_variance_of_the_gradient(table: Table):
    def variance(baseline: str) -> float:
        game = PolicyGradient(table, lambda s: [10 + r for r in reward_of(s)], baseline=baseline, max_length=3)
        torch.manual_seed(0)
        gradients = [torch.autograd.grad(game.loss(torch.zeros(16)), table.table)[0] for _ in range(50)]
        return float(torch.stack(gradients).var(dim=0).sum())

    assert variance("leave-one-out") < 0.1 * variance("none")


def test_the_clip_ends_what_goes_too_far_and_only_that():
    old, advantage = torch.zeros(4), torch.tensor([1.0, 1.0, -1.0, -1.0])
    new = torch.tensor([0.5, -0.5, 0.5, -0.5], requires_grad=True)  # ratios about 1.65 and 0.61
    (gradient,) = torch.autograd.grad(clipped_surrogate(new, old, advantage, 0.2).sum(), new)
    torch.testing.assert_close(gradient, torch.tensor([0.0, math.exp(-0.5), -math.exp(0.5), 0.0]))


def test_the_term_of_the_penalty_has_the_divergence_as_its_mean():
    p, q = torch.tensor([0.1, 0.2, 0.7]), torch.tensor([0.5, 0.3, 0.2])
    exact = torch.distributions.kl_divergence(torch.distributions.Categorical(p), torch.distributions.Categorical(q))
    terms = kl_term(p.log(), q.log())
    torch.testing.assert_close((p * terms).sum(), exact)
    assert bool((terms >= 0).all())


def test_learning_raises_the_reward_and_the_penalty_holds_the_policy_back(table: Table):
    start = table.table.detach().clone()
    kept = {}
    for kl in (0.0, 1.0):
        with torch.no_grad():
            table.table.copy_(start)
        game = PolicyGradient(table, reward_of, kl=kl, max_length=5)
        learn(game, rounds=60, batch_size=64, lr=0.1, progress=False, device="cpu")
        kept[kl] = (game.rounds[0], game.rounds[-1])
        assert len(game.rounds) == 60
        assert game.rounds[0].kl == pytest.approx(0, abs=1e-6)
        assert torch.equal(game.reference.table, start)
    assert kept[0.0][1].reward > kept[0.0][0].reward + 1
    assert kept[1.0][1].kl < 0.3 * kept[0.0][1].kl
    assert kept[1.0][1].unique > kept[0.0][1].unique


def test_the_penalty_in_the_loss_holds_it_back_too(table: Table):
    game = PolicyGradient(table, reward_of, baseline="group", kl=3.0, penalty="loss", max_length=5, reuse=3)
    learn(game, rounds=20, batch_size=64, lr=0.1, progress=False, device="cpu")
    assert len(game.rounds) == 20  # three steps each
    assert game.rounds[-1].kl < 0.5


def test_the_same_seed_learns_the_same(table: Table):
    start, ends = table.table.detach().clone(), []
    for seed in (0, 0, 1):
        with torch.no_grad():
            table.table.copy_(start)
        game = PolicyGradient(table, reward_of, max_length=4)
        learn(game, rounds=3, batch_size=8, lr=0.1, seed=seed, progress=False, device="cpu")
        ends.append(table.table.detach().clone())
    assert torch.equal(ends[0], ends[1])
    assert not torch.equal(ends[0], ends[2])


def test_prompts_make_groups_and_are_not_learnt(table: Table):
    """What a prompt holds was not chosen by the policy: the logits that lead there get no gradient."""
    drawn = []

    def reward(sequences):
        drawn.extend(sequences)
        return reward_of(sequences)

    game = PolicyGradient(table, reward, prompts=("ab", "c"), max_length=2)
    (gradient,) = torch.autograd.grad(game.loss(torch.zeros(6)), table.table)
    assert [s[:2] for s in drawn[:3]] == ["ab"] * 3
    assert [s[:1] for s in drawn[3:]] == ["c"] * 3
    assert gradient[0].abs().max() == 0  # the boundary stood before both prompts


def test_the_policy_reads_what_it_has_drawn_once_a_step(table: Table):
    """What the first step descends on is also what the later steps are compared with."""
    read, game = [], PolicyGradient(table, reward_of, max_length=3, reuse=3)
    logits = table.logits
    table.logits = lambda tokens: (read.append(len(tokens)), logits(tokens))[1]
    for step in (1, 2, 3):
        game.loss(torch.zeros(8))
        assert read == [8] * step
    assert len(game.rounds) == 1


def test_dropout_does_not_make_another_policy(table: Table):
    game = PolicyGradient(table, reward_of, max_length=3).train()
    assert game.training
    assert not game.policy.training
    assert not game.reference.training


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"baseline": "median"}, "baseline must be one of none, leave-one-out, group, got 'median'"),
        ({"penalty": "fine"}, "penalty must be one of reward, loss, got 'fine'"),
        ({"kl": -1.0}, "kl must be >= 0, got -1.0"),
        ({"max_length": 0}, "max_length must be a whole number >= 1, got 0"),
        ({"reuse": 0}, "reuse must be a whole number >= 1, got 0"),
        ({"prompts": "ab"}, r"prompts must be several values, such as \['ab'\], got 'ab'"),
        ({"prompts": ()}, "the number of prompts must be a whole number >= 1, got 0"),
    ],
)
def test_arguments_out_of_range_are_refused(table: Table, arguments: dict[str, object], sentence: str):
    with pytest.raises(ValueError, match=sentence):
        PolicyGradient(table, reward_of, **arguments)


@pytest.mark.parametrize(
    ("reward", "batch_size", "sentence"),
    [
        (
            lambda s: [math.nan] * len(s),
            4,
            r"the reward of sequence 0, '[abc]*', is nan; every sequence needs a finite",
        ),
        (lambda s: 1.0, 4, r"the reward must give 2 numbers, one a sequence, got shape \(\)|must give 4 numbers"),
        (reward_of, 3, "batch_size must be a multiple of the 2 prompts, got 3"),
        (reward_of, 2, "baseline 'leave-one-out' compares the sequences of a group: groups must hold >= 2, got 1"),
    ],
)
def test_rewards_and_groups_that_teach_nothing_are_refused(table: Table, reward, batch_size: int, sentence: str):
    game = PolicyGradient(table, reward, prompts=("a", "b"), max_length=3)
    before = table.table.detach().clone()
    with pytest.raises(ValueError, match=sentence):
        learn(game, rounds=1, batch_size=batch_size, progress=False, device="cpu")
    assert torch.equal(table.table, before)


@pytest.mark.parametrize(
    "wrong", [{"rounds": 0}, {"rounds": 1, "batch_size": "a"}, {"rounds": 1, "batch_size": 0}], ids=str
)
def test_rounds_and_sizes_out_of_range_are_refused_by_their_names(table: Table, wrong: dict[str, object]):
    name, value = list(wrong.items())[-1]
    with pytest.raises(ValueError, match=f"{name} must be a whole number >= 1, got {value!r}"):
        learn(PolicyGradient(table, reward_of), progress=False, **wrong)


def test_a_mistyped_option_is_told_the_nearest(table: Table):
    with pytest.raises(TypeError, match=r"PolicyGradient has no option 'promts'; did you mean 'prompts'\?"):
        PolicyGradient(table, reward_of, promts=("a",))


def test_a_policy_that_knows_nothing_is_refused():
    with pytest.raises(NotFittedError, match="has not been fitted"):
        PolicyGradient(Table(), reward_of)
