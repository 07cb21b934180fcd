"""Chapter 15: its references against oracles of other makers; right answers of another making, and wrong ones."""

import itertools
import statistics
from collections import Counter
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, mode
from torch.nn import functional as F

from sdg_lab.course.ch15.exercises import (
    EXERCISES,
    begins_so,
    dpo_loss,
    keep_right,
    lora,
    majority,
    next_diversity,
    rationalised,
    sum_is_right,
)
from sdg_lab.course.engine.grade import WHEN_GRADING, verdict

SEEDS = [0, pytest.param(WHEN_GRADING, marks=pytest.mark.slow), pytest.param(2, marks=pytest.mark.slow)]
BY_KEY = {exercise.key.partition(".")[2]: exercise for exercise in EXERCISES}


def _normal(*shape: int, seed: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


# The references


@pytest.mark.parametrize(
    ("prompt", "text", "right"),
    [
        ("12+30=", "12+30;#42", True),
        ("12+30=", "#42", True),
        ("12+30=", "#43", False),
        ("12+30=", "42", True),
        ("12+30=", "", False),
        ("#42", "12+30=", False),
        ("12+30= (it is 42)", "#42", False),
    ],
)
def test_the_cases_verifier_knows_sums(prompt, text, right) -> None:
    assert sum_is_right(prompt, text) is right


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["a", "ab", "abc", "b", "ba", "abb"])), max_size=3), st.integers(1, 4))
def test_what_is_kept_is_what_pandas_keeps(samples, most) -> None:
    prompts = ["a", "ab", "b"][: len(samples)]
    rows = [(p, t, begins_so(p, t)) for p, texts in zip(prompts, samples, strict=True) for t in texts]
    frame = pd.DataFrame(rows, columns=["prompt", "text", "right"]).drop_duplicates()
    kept = frame[frame["right"].astype(bool)].groupby("prompt", sort=False).head(most)
    assert keep_right(prompts, samples, begins_so, most) == list(zip(kept["prompt"], kept["text"], strict=True))


@pytest.mark.parametrize("right", list(itertools.product([False, True], repeat=4)))
def test_a_problem_s_own_solution_comes_before_a_hint_s(right) -> None:
    prompts, samples, after = ["p", "q"], ["p1", "q1"], ["p2", "q2"]
    verdicts = dict(zip([*samples, *after], right, strict=True))
    made = rationalised(
        prompts, samples, [(f"{p}!", t) for p, t in zip(prompts, after, strict=True)], lambda p, t: verdicts[t]
    )
    want = [
        (p, next(t for t in (f"{p}1", f"{p}2") if verdicts[t]))
        for p in prompts
        if verdicts[f"{p}1"] or verdicts[f"{p}2"]
    ]
    assert made == want


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.none() | st.integers(-2, 3), max_size=9), max_size=4))
def test_the_vote_is_python_s_mode_of_what_can_be_read(answers) -> None:
    read = [[a for a in given if a is not None] for given in answers]
    assert majority(answers) == [statistics.mode(given) if given else None for given in read]


def test_dpo_s_loss_and_gradient_are_those_of_a_logistic_regression() -> None:
    """Of a label 1 for every pair; its gradient by a log-probability is -β σ(-margin) / n, and the opposite."""
    chosen, rejected, old, other = (4 * _normal(7, seed=seed) - 20 for seed in range(4))
    chosen, rejected = chosen.requires_grad_(), rejected.requires_grad_()
    margin = 0.3 * ((chosen - old) - (rejected - other))
    loss = dpo_loss(chosen, rejected, old, other, 0.3)
    torch.testing.assert_close(loss, F.binary_cross_entropy_with_logits(margin, torch.ones_like(margin)))
    gradients = torch.autograd.grad(loss, (chosen, rejected))
    want = -0.3 * torch.sigmoid(-margin.detach()) / 7
    torch.testing.assert_close(gradients, (want, -want))


@pytest.mark.parametrize("beta", [0.1, 1.0, 3.0])
def test_dpo_is_at_rest_where_the_penalised_reward_is_best(beta) -> None:
    """On a bandit whose pairs are preferred as Bradley and Terry say, π ∝ π_ref exp(r/β) has no gradient."""
    reference, rewards = _normal(5, seed=5).log_softmax(0), 2 * _normal(5, seed=6)
    logits = (reference + rewards / beta).requires_grad_()
    log_pi = logits.log_softmax(0)
    pairs = list(itertools.permutations(range(5), 2))
    losses = torch.stack(
        [dpo_loss(log_pi[i, None], log_pi[j, None], reference[i, None], reference[j, None], beta) for i, j in pairs]
    )
    preferred = torch.stack([torch.sigmoid(rewards[i] - rewards[j]) for i, j in pairs])  # how often i is
    (gradient,) = torch.autograd.grad((preferred * losses).sum(), logits, retain_graph=True)
    torch.testing.assert_close(gradient, torch.zeros(5, dtype=torch.float64), atol=1e-12, rtol=0)
    (other,) = torch.autograd.grad(((1 - preferred) * losses).sum(), logits)
    assert other.abs().max() > 1e-2  # where preferences are turned round it is not at rest


def test_lora_is_torch_s_linear_layer_with_merged_weights() -> None:
    x, weight, a, b = _normal(2, 3, 6, seed=0), _normal(5, 6, seed=1), _normal(2, 6, seed=2), _normal(5, 2, seed=3)
    torch.testing.assert_close(lora(x, weight, a, b, 8.0), F.linear(x, weight + 4 * b @ a))
    merged = lora(torch.eye(6, dtype=torch.float64), weight, a, b, 8.0).T
    torch.testing.assert_close(merged, weight + 4 * b @ a)


def test_lora_of_full_rank_is_any_other_layer() -> None:
    x, weight, other = _normal(4, 6, seed=0), _normal(5, 6, seed=1), _normal(5, 6, seed=2)
    u, s, v = torch.linalg.svd(other - weight, full_matrices=False)
    torch.testing.assert_close(lora(x, weight, v, u * s, 5.0), x @ other.T)


@pytest.mark.parametrize(("n", "fresh"), [(2, 0), (3, 1), (6, 2), (8, 8), (12, 1)])
def test_diversity_is_that_of_the_exact_chain(n, fresh) -> None:
    """Of two kinds the whole distribution of a model is known: its states are how many of its data are of one kind."""
    p, kinds = 0.3, np.arange(n + 1)
    differ = 2 * (kinds / n) * (1 - kinds / n)
    state = binom.pmf(kinds, n, p)  # the first model is fitted to n real data
    real = 2 * p * (1 - p)
    now = next_diversity(real, real, n, n)
    real_ones = binom.pmf(np.arange(fresh + 1), fresh, p)
    rows = [np.convolve(real_ones, binom.pmf(np.arange(n - fresh + 1), n - fresh, k / n)) for k in kinds]
    for _ in range(6):
        assert now == pytest.approx(state @ differ, rel=1e-9)
        state, now = state @ np.stack(rows), next_diversity(now, real, n, fresh)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_diversity_is_that_of_simulated_generations(seed) -> None:
    """Of 8 kinds, in 4,000 histories of 12 generations: within 4 standard errors, which formulas nearby are not."""
    rng, n, fresh, histories = np.random.default_rng(seed), 15, 3, 4000
    p = rng.dirichlet(np.ones(8))
    real = 1 - (p**2).sum()
    model, now, linear = np.tile(p, (histories, 1)), real, real
    for _ in range(12):
        model = (rng.multinomial(fresh, p, histories) + rng.multinomial(n - fresh, model)) / n
        now = next_diversity(now, real, n, fresh)
        linear = (1 - 1 / n) * (fresh / n * real + (1 - fresh / n) * linear)
    left = 1 - (model**2).sum(axis=1)
    error = left.std() / np.sqrt(histories)
    assert abs(left.mean() - now) < 4 * error
    assert abs(left.mean() - linear) > 10 * error


# Right answers of another making


def kept_by_hand(prompts, samples, verify, most):
    pairs = []
    for i in range(len(prompts)):
        kept = 0
        for text in samples[i]:
            if kept < most and (prompts[i], text) not in pairs and verify(prompts[i], text):
                pairs.append((prompts[i], text))
                kept += 1
    return pairs


def kept_by_a_generator(prompts, samples, verify, most):
    for prompt, texts in zip(prompts, samples, strict=True):
        seen = set()
        right = (t for t in texts if verify(prompt, t) and not (t in seen or seen.add(t)))
        yield from ([prompt, text] for text in itertools.islice(right, most))


def kept_by_pandas(prompts, samples, verify, most):
    rows = [(p, t) for p, texts in zip(prompts, samples, strict=True) for t in texts if verify(p, t)]
    frame = pd.DataFrame(rows, columns=["prompt", "text"]).drop_duplicates()
    return frame.groupby("prompt", sort=False).head(most).to_numpy()


def kept_by_numpy(prompts, samples, verify, most):
    pairs = ()
    for prompt, texts in zip(prompts, samples, strict=True):
        right = np.array([text for text in texts if verify(prompt, text)], dtype=object)
        _, places = np.unique(right.astype(str), return_index=True)
        pairs += tuple((prompt, right[place]) for place in np.sort(places)[:most])
    return pairs


def kept_of_counters(prompts, samples, verify, most):
    return [
        (prompt, text)
        for prompt, texts in zip(prompts, samples, strict=True)
        for text in [text for text in Counter(texts) if verify(prompt, text)][:most]
    ]


def rationalised_by_next(prompts, samples, hinted, verify):
    for prompt, *texts in zip(prompts, samples, [text for _, text in hinted], strict=True):
        found = next((text for text in texts if verify(prompt, text)), None)
        if found is not None:
            yield prompt, found


def rationalised_in_two_rounds(prompts, samples, hinted, verify):
    solved = {p: s for p, s in zip(prompts, samples, strict=True) if verify(p, s)}
    open_still = [(p, text) for p, (_, text) in zip(prompts, hinted, strict=True) if p not in solved]
    solved |= {p: text for p, text in open_still if verify(p, text)}
    return [[p, solved[p]] for p in prompts if p in solved]


def rationalised_by_the_library_s_order(prompts, samples, hinted, verify):
    both = [(i, 0, p, s) for i, (p, s) in enumerate(zip(prompts, samples, strict=True))]
    both += [(i, 1, p, text) for i, (p, (_, text)) in enumerate(zip(prompts, hinted, strict=True))]
    right = sorted(row for row in both if verify(*row[2:]))
    return [next(rows)[2:] for _, rows in itertools.groupby(right, key=lambda row: row[0])]


def rationalised_in_one_line(prompts, samples, hinted, verify):
    return [
        (p, s if own else h[1])
        for p, s, h in zip(prompts, samples, hinted, strict=True)
        if (own := verify(p, s)) or verify(p, h[1])
    ]


def rationalised_by_places(prompts, samples, hinted, verify):
    pairs = []
    for i in range(len(prompts)):
        if not verify(prompts[i], samples[i]) and not verify(prompts[i], hinted[i][1]):
            continue
        pairs += [(prompts[i], [hinted[i][1], samples[i]][verify(prompts[i], samples[i])])]
    return np.array(pairs, dtype=object)


def vote_by_mode(answers):
    read = [[a for a in given if a is not None] for given in answers]
    return tuple(statistics.mode(given) if given else None for given in read)


def vote_by_sorting(answers):
    for row in answers:
        read = [a for a in row if a is not None]
        yield min(read, key=lambda a: (-read.count(a), read.index(a)), default=None)


def vote_by_pandas(answers):
    chosen = []
    for row in answers:
        read = pd.Series(row, dtype="Int64").dropna()
        sizes = read.groupby(read, sort=False).size()
        chosen.append(sizes.idxmax() if len(sizes) else None)
    return chosen


def vote_by_numpy(answers):
    chosen = np.full(len(answers), None)
    for i, row in enumerate(answers):
        read = np.array([a for a in row if a is not None], dtype=int)
        if read.size:
            kinds, first, votes = np.unique(read, return_index=True, return_counts=True)
            chosen[i] = float(kinds[np.lexsort((first, -votes))[0]])
    return chosen


def vote_by_a_dictionary(answers):
    chosen = []
    for row in answers:
        votes = {}
        for answer in row:
            if answer is not None:
                votes[answer] = votes.get(answer, 0) + 1
        best = None
        for answer in votes:
            if best is None or votes[answer] > votes[best]:
                best = answer
        chosen.append(best)
    return chosen


def dpo_by_softplus(c, r, cr, rr, beta):
    return F.softplus(beta * ((r - rr.detach()) - (c - cr.detach()))).mean()


def dpo_by_cross_entropy(c, r, cr, rr, beta):
    z = beta * (c - r - (cr - rr).detach())
    return F.binary_cross_entropy_with_logits(z, torch.ones_like(z))


def dpo_by_softmax(c, r, cr, rr, beta):
    rewards = beta * torch.stack([c - cr.detach(), r - rr.detach()], dim=-1)
    return F.cross_entropy(rewards, torch.zeros(len(c), dtype=torch.long))


def dpo_one_by_one(c, r, cr, rr, beta):
    zero, losses = torch.zeros((), dtype=c.dtype), []
    for i in range(len(c)):
        losses.append(torch.logaddexp(zero, -beta * (c[i] - cr[i].item() - (r[i] - rr[i].item()))))
    return sum(losses) / len(losses)


def dpo_by_hand(c, r, cr, rr, beta):
    with torch.no_grad():
        before = cr.double() - rr.double()
    z = beta * (c.double() - r.double() - before)
    return -torch.where(z > -30, torch.log(torch.sigmoid(z.clamp(min=-30))), z).mean().reshape(1)


def dpo_by_maximum(c, r, cr, rr, beta):
    """At a tie torch shares maximum's gradient out, and so it is right at z = 0."""
    z = beta * ((c - cr.detach()) - (r - rr.detach()))
    return (torch.maximum(-z, torch.zeros_like(z)) + torch.log1p(torch.exp(-z.abs()))).mean()


def lora_merged(x, weight, a, b, alpha):
    return F.linear(x, weight + alpha / len(a) * b @ a)


def lora_by_einsum(x, weight, a, b, alpha):
    update = torch.einsum("...i,ri,or->...o", x, a, b)
    return torch.einsum("...i,oi->...o", x, weight) + update * alpha / b.shape[1]


def lora_by_columns(x, weight, a, b, alpha):
    column = x[..., None]
    return (weight @ column + b @ (a @ (alpha * column)) / a.size(0))[..., 0]


def lora_side_by_side(x, weight, a, b, alpha):
    wide = torch.cat([x, alpha / a.shape[0] * F.linear(x, a)], dim=-1)
    return F.linear(wide, torch.cat([weight, b], dim=1))


def lora_by_tensordot(x, weight, a, b, alpha):
    down = torch.tensordot(x, a, dims=([-1], [1]))
    return torch.tensordot(x, weight, dims=([-1], [1])) + torch.tensordot(down, b, dims=([-1], [1])) * (alpha / len(a))


def diversity_by_probabilities(now, real, n, fresh):
    both = (n - fresh) / n * (n - fresh - 1) / (n - 1)
    return (1 - 1 / n) * (both * now + (1 - both) * real)


def diversity_in_fractions(now, real, n, fresh):
    now, real, m = Fraction(float(now)), Fraction(float(real)), n - fresh
    same = Fraction(m * (m - 1), n * n)
    return same * now + (Fraction(n - 1, n) - same) * real


def diversity_by_parts(now, real, n, fresh):
    """Within the real ones, within the synthetic ones, and across, as the textbooks of population genetics do."""
    s = fresh / n
    within = s**2 * real * (1 - 1 / fresh) if fresh else 0.0
    within += (1 - s) ** 2 * now * (1 - 1 / (n - fresh)) if fresh < n else 0.0
    return np.float32(within + 2 * s * (1 - s) * real)


def diversity_of_what_is_equal(now, real, n, fresh):
    m = n - fresh
    equal = n + m * (m - 1) * (1 - now) + (n * n - n - m * (m - 1)) * (1 - real)
    return torch.tensor([1 - equal / n**2], dtype=torch.float64)


def diversity_by_what_is_missing(now, real, n, fresh):
    """The real diversity, less what is lost to equal data, less what two synthetic ones lack."""
    m = n - fresh
    return np.array(real - real / n - m * (m - 1) / n**2 * (real - now))


RIGHT = {
    "keep_right": (kept_by_hand, kept_by_a_generator, kept_by_pandas, kept_by_numpy, kept_of_counters),
    "rationalised": (
        rationalised_by_next,
        rationalised_in_two_rounds,
        rationalised_by_the_library_s_order,
        rationalised_in_one_line,
        rationalised_by_places,
    ),
    "majority": (vote_by_mode, vote_by_sorting, vote_by_pandas, vote_by_numpy, vote_by_a_dictionary),
    "dpo_loss": (
        dpo_by_softplus,
        dpo_by_cross_entropy,
        dpo_by_softmax,
        dpo_one_by_one,
        dpo_by_hand,
        dpo_by_maximum,
    ),
    "lora": (lora_merged, lora_by_einsum, lora_by_columns, lora_side_by_side, lora_by_tensordot),
    "next_diversity": (
        diversity_by_probabilities,
        diversity_in_fractions,
        diversity_by_parts,
        diversity_of_what_is_equal,
        diversity_by_what_is_missing,
    ),
}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(("name", "answer"), [(name, answer) for name, all_of in RIGHT.items() for answer in all_of])
def test_right_answers_of_another_making_pass(name, answer, seed) -> None:
    result = verdict(BY_KEY[name], answer, seed=seed)
    assert result.status == "passed", result


# Wrong answers, and a piece of what their authors read


def _of_each(keep):
    """Return an answer that keeps of each prompt's texts what a function says."""
    return lambda prompts, samples, verify, most: [
        (prompt, text)
        for prompt, texts in zip(prompts, samples, strict=True)
        for text in keep([t for t in texts if verify(prompt, t)], most)
    ]


def one_dictionary(prompts, samples, verify, most):
    owner = {}
    for prompt, texts in zip(prompts, samples, strict=True):
        kept = 0
        for text in texts:
            if verify(prompt, text) and text not in owner and kept < most:
                owner[text] = prompt
                kept += 1
    return [(prompt, text) for text, prompt in owner.items()]


def one_counter(prompts, samples, verify, most):
    pairs = []
    for prompt, texts in zip(prompts, samples, strict=True):
        for text in texts:
            if len(pairs) < most and (prompt, text) not in pairs and verify(prompt, text):
                pairs.append((prompt, text))
    return pairs


def breaks_too_late(prompts, samples, verify, most):
    pairs = []
    for prompt, texts in zip(prompts, samples, strict=True):
        kept = []
        for text in texts:
            if text not in kept and verify(prompt, text):
                kept.append(text)
            if len(kept) > most:
                break
        pairs += [(prompt, text) for text in kept]
    return pairs


def breaks_at_what_is_wrong(prompts, samples, verify, most):
    return [
        (prompt, text)
        for prompt, texts in zip(prompts, samples, strict=True)
        for text in list(dict.fromkeys(itertools.takewhile(lambda t, p=prompt: verify(p, t), texts)))[:most]
    ]


def copies_until_the_last(right, most):
    kept = []
    for text in right:
        if not kept or kept[-1] != text:
            kept.append(text)
    return kept[:most]


def in_small_letters(right, most):
    first = {}
    for text in right:
        first.setdefault(text.lower(), text)
    return list(first.values())[:most]


def by_the_first_prompt(prompts, samples, verify, most):
    return keep_right(prompts, samples, lambda prompt, text: verify(prompts[0], text), most)


def looks_at_three_times_as_many(prompts, samples, verify, most):
    return keep_right(prompts, [texts[: 3 * most] for texts in samples], verify, most)


def a_dictionary_of_lists(prompts, samples, verify, most):
    kept = {p: [] for p in prompts}
    for prompt, text in keep_right(prompts, samples, verify, most):
        kept[prompt].append(text)
    return list(kept.items())


def _each_problem(pair):
    """Return an answer that makes pairs of a prompt, a sample, a hinted prompt, the text after it, and a verifier."""
    return lambda prompts, samples, hinted, verify: [
        made
        for prompt, sample, (asked, text) in zip(prompts, samples, hinted, strict=True)
        if (made := pair(prompt, sample, asked, text, verify)) is not None
    ]


def _with_its_hint(p, s, asked, text, verify):
    return (p, s) if verify(p, s) else (asked, text) if verify(p, text) else None


def _shortest(p, s, asked, text, verify):
    right = [t for t in (s, text) if verify(p, t)]
    return (p, min(right, key=len)) if right else None


def _or_of_texts(p, s, asked, text, verify):
    return (p, s or text)


def _joined(p, s, asked, text, verify):
    return (p, s) if verify(p, s) else (p, s + text) if verify(p, s + text) else None


def _both_must_be_right(p, s, asked, text, verify):
    return (p, s) if verify(p, s) and verify(p, text) else None


def _asks_with_the_hint(p, s, asked, text, verify):
    return (p, s) if verify(p, s) else (p, text) if verify(asked, text) else None


def _else_unverified(p, s, asked, text, verify):
    return (p, s) if verify(p, s) else (p, text)


def stops_at_what_is_not_solved(prompts, samples, hinted, verify):
    pairs = []
    for prompt, sample, (_, text) in zip(prompts, samples, hinted, strict=True):
        if not verify(prompt, sample) and not verify(prompt, text):
            break
        pairs.append((prompt, sample if verify(prompt, sample) else text))
    return pairs


def in_two_passes(prompts, samples, hinted, verify):
    first = [(p, s) for p, s in zip(prompts, samples, strict=True) if verify(p, s)]
    solved = dict(first)
    return first + [(p, t) for p, (_, t) in zip(prompts, hinted, strict=True) if p not in solved and verify(p, t)]


def with_what_it_was(prompts, samples, hinted, verify):
    return [(p, t, t in samples) for p, t in rationalised(prompts, samples, hinted, verify)]


def appends_to_its_samples(prompts, samples, hinted, verify):
    pairs = rationalised(prompts, samples, hinted, verify)
    samples[:] = [text for _, text in pairs]
    return pairs


def _read(given):
    return [a for a in given if a is not None]


def _each_vote(choose):
    return lambda answers: [choose(_read(given)) if _read(given) else None for given in answers]


def none_is_struck_out_afterwards(answers):
    return [Counter(given).most_common(1)[0][0] if given else None for given in answers]


def any_of_them(answers):
    return [statistics.mode(_read(given)) if any(given) else None for given in answers]


def filtered(answers):
    return [statistics.mode(read) if (read := list(filter(None, given))) else None for given in answers]


def _margin(c, r, cr, rr, beta):
    return beta * ((c - cr.detach()) - (r - rr.detach()))


def dpo_with_an_epsilon(*case):
    return -torch.sigmoid(_margin(*case)).add(1e-8).log().mean()


def dpo_with_a_kink_at_the_start(*case):
    z = _margin(*case)
    return (torch.log1p(torch.exp(-z.abs())) - z.clamp(max=0)).mean()


def dpo_by_relu(*case):
    z = _margin(*case)
    return (F.relu(-z) + torch.log1p(torch.exp(-z.abs()))).mean()


def dpo_by_where(*case):
    z = _margin(*case)
    return (torch.where(z > 0, 0.0, -z) + torch.log1p(torch.exp(-z.abs()))).mean()


def dpo_of_labels_0(*case):
    z = _margin(*case)
    return F.binary_cross_entropy_with_logits(z, torch.zeros_like(z))


def dpo_by_log1p(*case):
    return torch.log1p(torch.exp(-_margin(*case))).mean()


def dpo_mended_by_nan_to_num(*case):
    return -torch.log(torch.sigmoid(_margin(*case))).nan_to_num(neginf=-100.0).mean()


def dpo_without_a_gradient(*case):
    with torch.no_grad():
        return dpo_loss(*case)


def dpo_half_detached(c, r, cr, rr, beta):
    return -F.logsigmoid(beta * (c - cr.detach() - r + rr)).mean()


def dpo_of_quotients(c, r, cr, rr, beta):
    cr, rr = cr.detach(), rr.detach()
    better, worse = ((c.exp() / cr.exp()) ** beta, (r.exp() / rr.exp()) ** beta)
    return -torch.log(better / (better + worse)).mean()


def dpo_smoothed(*case):
    z = _margin(*case)
    return -(0.9 * F.logsigmoid(z) + 0.1 * F.logsigmoid(-z)).mean()


def dpo_across_pairs(c, r, cr, rr, beta):
    rewards = beta * torch.stack([c - cr.detach(), r - rr.detach()])
    return -rewards.log_softmax(dim=1)[0].mean()


def dpo_beta_on_one(c, r, cr, rr, beta):
    return -F.logsigmoid(beta * (c - cr.detach()) - (r - rr.detach())).mean()


def lora_in_place(x, weight, a, b, alpha):
    weight += (alpha / len(a) * b @ a).detach()
    return x @ weight.T + alpha / len(a) * (x @ a.T @ b.T - (x @ a.T @ b.T).detach())


def lora_with_dropout(x, weight, a, b, alpha):
    return x @ weight.T + alpha / len(a) * (F.dropout(x, 0.1) @ a.T @ b.T)


def lora_for_matrices(x, weight, a, b, alpha):
    return (weight @ x.T).T + alpha / len(a) * (b @ a @ x.T).T


def lora_by_a_batch(x, weight, a, b, alpha):
    flat = x.reshape(-1, x.shape[-1])
    return (flat @ weight.T + alpha / len(a) * flat @ a.T @ b.T).reshape(len(x), -1, len(weight))


def diversity_by_a_simulation(now, real, n, fresh):
    p = np.random.default_rng(0).dirichlet(np.ones(30))
    kinds = np.random.default_rng(1).choice(30, size=(50, min(n, 100)), p=p)
    return float(np.mean([1 - (np.bincount(row) / len(row) @ (np.bincount(row) / len(row))) for row in kinds]))


WRONG = {
    "keep_right": [
        (one_dictionary, "it belongs to both"),
        (one_counter, "not for all of them together"),
        (breaks_too_late, "one pair too many"),
        (breaks_at_what_is_wrong, "items, got"),
        (_of_each(copies_until_the_last), "side by side"),
        (_of_each(in_small_letters), "a space or a capital"),
        (by_the_first_prompt, "items, got"),
        (a_dictionary_of_lists, "items, got"),
        (_of_each(lambda right, most: sorted(dict.fromkeys(right), key=len)[:most]), "item"),
        (_of_each(lambda right, most: list(dict.fromkeys(right))[:1]), "items, got"),
        (_of_each(lambda right, most: list(dict.fromkeys(right[:most]))), "Copies use up places"),
        (_of_each(lambda right, most: list(dict.fromkeys(right))[: min(most, 3)]), "eight right texts, and most = 6"),
        (looks_at_three_times_as_many, "expected"),
        (lambda *case: [f"{p}{t}" for p, t in keep_right(*case)], "expected a tuple of 2 items"),
    ],
    "rationalised": [
        (_each_problem(_with_its_hint), "learns to read it off"),
        (_each_problem(_shortest), "expected"),
        (_each_problem(_or_of_texts), "Nothing is verified"),
        (_each_problem(_joined), "expected"),
        (_each_problem(_both_must_be_right), "items, got"),
        (_each_problem(_asks_with_the_hint), "give it the prompt without the hint"),
        (_each_problem(_else_unverified), "A hint does not make a text right"),
        (stops_at_what_is_not_solved, "items, got"),
        (in_two_passes, "in the order of the problems"),
        (with_what_it_was, "expected 2 items, got 3"),
        (lambda *case: dict(rationalised(*case)), "expected a list"),
        (appends_to_its_samples, "changes samples in place"),
    ],
    "majority": [
        (_each_vote(lambda read: max(sorted(set(read)), key=read.count)), "not the smallest"),
        (_each_vote(lambda read: int(mode(read).mode)), "not the smallest"),
        (_each_vote(lambda read: statistics.multimode(read)[-1]), "expected"),
        (_each_vote(lambda read: statistics.median_high(read)), "the answer in the middle"),
        (_each_vote(lambda read: sum(read) / len(read)), "not averaged"),
        (_each_vote(lambda read: next(iter(dict.fromkeys(read)))), "first answer of each problem"),
        (_each_vote(lambda read: str(statistics.mode(read))), "expected"),
        (_each_vote(lambda read: (statistics.mode(read), read.count(statistics.mode(read)))), "expected"),
        (none_is_struck_out_afterwards, "what cannot be read has no vote"),
        (any_of_them, "0 is an answer"),
        (filtered, "0 is an answer"),
        (lambda answers: majority([[a for given in answers for a in given]])[0], "expected"),
    ],
    "dpo_loss": [
        (dpo_with_an_epsilon, "caps the loss"),
        (dpo_with_a_kink_at_the_start, "a policy that is its reference: the value is right, but its gradient"),
        (dpo_by_where, "the first step would be twice as long"),
        (dpo_by_relu, "the policy would never leave its reference"),
        (dpo_of_labels_0, "its log-ratio comes first"),
        (dpo_by_log1p, "take logsigmoid"),
        (dpo_mended_by_nan_to_num, "expected"),
        (dpo_without_a_gradient, "no gradient reaches chosen"),
        (dpo_half_detached, "a gradient flows into rejected_reference"),
        (dpo_of_quotients, "far"),
        (dpo_smoothed, "expected"),
        (dpo_across_pairs, "expected"),
        (dpo_beta_on_one, "expected"),
        (lambda *case: dpo_loss(*case).item(), "no gradient reaches chosen"),
        (lambda c, r, *rest: dpo_loss(c.exp().log(), r.exp().log(), *rest), "expected"),
    ],
    "lora": [
        (lora_in_place, "changes weight in place"),
        (lora_with_dropout, "random"),
        (lora_for_matrices, "(for x of shape"),
        (lora_by_a_batch, "shape"),
        (lambda *case: lora(*case).squeeze(), "squeeze() takes its dimension away"),
        (lambda *case: lora(*case).squeeze(0), "squeeze() takes its dimension away"),
        (lambda x, w, a, b, alpha: x @ w.T + alpha // len(a) * (x @ a.T @ b.T), "expected"),
        (lambda x, w, a, b, alpha: x @ w.T + alpha / len(a) ** 2 * (x @ a.T @ b.T), "expected"),
        (lambda x, w, a, b, alpha: x @ (w + alpha / len(a) * a.T @ b.T).T, "for"),
        (lambda x, w, a, b, alpha: x + lora(x, w, a, b, alpha), "for"),
        (lambda x, w, a, b, alpha: (1 - alpha / len(a)) * (x @ w.T) + alpha / len(a) * (x @ a.T @ b.T), "expected"),
        (lambda x, w, a, b, alpha: F.relu(lora(x, w, a, b, alpha)), "expected"),
        (lambda x, w, a, b, alpha: lora(x.detach(), w, a, b, alpha), "no gradient reaches x"),
        (lambda x, w, a, b, alpha: lora(x, w, a, b, alpha).tolist(), "no gradient reaches x"),
    ],
    "next_diversity": [
        (lambda now, real, n, fresh: (1 - 1 / n) * ((1 - fresh / n) ** 2 * now + (fresh / n) ** 2 * real), "expected"),
        (lambda now, real, n, fresh: (1 - 1 / n) * next_diversity(now, real, n, fresh), "expected"),
        (lambda now, real, n, fresh: (1 - 1 / n) * (fresh // n * real + (1 - fresh // n) * now), "forgotten"),
        (lambda now, real, n, fresh: round(next_diversity(now, real, n, fresh), 3), "is something rounded"),
        (lambda *case: round(next_diversity(*case), 6), "rounded to 6 digits"),
        (lambda *case: round(next_diversity(*case), 8), "is something rounded"),
        (lambda now, real, n, fresh: (1 - 1 / n) * max(now, fresh / n * real), "expected"),
        (lambda now, real, n, fresh: ((n - fresh) ** 2 * now + (n**2 - (n - fresh) ** 2) * real) / n**2, "expected"),
        (lambda now, real, n, fresh: (n - 1) / (n + 1) * real, "expected"),
        (lambda now, real, n, fresh: (1 - 1 / n) ** fresh * now, "expected"),
        (lambda now, real, n, fresh: (1 - 1 / n) * (fresh * real + (n - fresh) * now) / n, "Two data meet"),
        (lambda now, real, n, fresh: next_diversity(now, real, n, fresh) + 1 / n, "expected"),
        (diversity_by_a_simulation, "expected"),
    ],
}


@pytest.mark.slow  # each is compared with every usual mistake
@pytest.mark.parametrize("seed", [0, WHEN_GRADING, 2])
@pytest.mark.parametrize(
    ("name", "answer", "says"), [(name, answer, says) for name, all_of in WRONG.items() for answer, says in all_of]
)
def test_wrong_answers_are_refused_in_words_that_help(name, answer, says, seed) -> None:
    result = verdict(BY_KEY[name], answer, seed=seed)
    assert result.status in ("failed", "error"), result
    assert says in result.message
