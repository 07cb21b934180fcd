"""Preferences: DPO's loss, gradient and optimum are the closed forms of a bandit, and SPIN stands still at its gold."""

from __future__ import annotations

import copy
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.distill.preference import (
    Preference,
    Triples,
    both_sides,
    contrasts,
    dpo_loss,
    dpo_weight,
    implicit_reward,
    optimum,
    prefer,
    shift,
)
from sdg_lab.distill.recipes.spin import next_policy, own_answers, spin
from sdg_lab.distill.student import Pairs, Student
from sdg_lab.models.contract import NotFittedError

PAIRS: Pairs = [("ab", "ba"), ("a", "b"), ("abb", "a"), ("bb", "aab")]
TRIPLES: Triples = [("ab", "ba", "aab"), ("a", "b", "a"), ("abb", "a", "bb"), ("bb", "aab", "b")]
SIZES: dict[str, Any] = {"d_model": 16, "n_layers": 1, "n_heads": 2, "context": 12}
RNG = torch.Generator().manual_seed(0)


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=RNG)


@pytest.fixture(scope="module")
def taught() -> Student:
    return Student(**SIZES).fit(PAIRS, symbols="c", epochs=8, progress=False)


@pytest.fixture
def student(taught: Student) -> Student:
    return copy.deepcopy(taught)


def minimised(loss: Any, reference: torch.Tensor) -> torch.Tensor:
    """Return the log-policy of a bandit that scipy finds for a loss of log-probabilities, from the reference on."""

    def value_and_gradient(logits: np.ndarray) -> tuple[float, np.ndarray]:
        free = torch.from_numpy(logits).requires_grad_()
        value = loss(free.log_softmax(0))
        value.backward()
        return value.item(), free.grad.numpy()

    options = {"gtol": 1e-11, "ftol": 1e-16, "maxiter": 10_000, "maxfun": 100_000}
    found = scipy.optimize.minimize(value_and_gradient, reference.numpy(), jac=True, method="L-BFGS-B", options=options)
    return torch.from_numpy(found.x).log_softmax(0)


def expected(log_policy: torch.Tensor, reference: torch.Tensor, wins: torch.Tensor, beta: float) -> torch.Tensor:
    """Return the mean of DPO's loss over all pairs of arms, ``wins[i, j]`` being how often i is preferred to j."""
    chosen, rejected = log_policy[:, None].expand_as(wins), log_policy.expand_as(wins)
    losses = dpo_loss(chosen, rejected, reference[:, None].expand_as(wins), reference.expand_as(wins), beta)
    return (wins * losses).sum() / wins.sum()


class TestLoss:
    @pytest.mark.parametrize("beta", [0.1, 1.0, 5.0])
    def test_it_is_scipy_s_log_expit_of_the_rewards_margin(self, beta: float):
        chosen, rejected, ref_chosen, ref_rejected = 20 * draw(4, 7)
        margin = beta * ((chosen - ref_chosen) - (rejected - ref_rejected)).numpy()
        found = dpo_loss(chosen, rejected, ref_chosen, ref_rejected, beta)
        np.testing.assert_allclose(found.numpy(), -scipy.special.log_expit(margin), rtol=1e-12)
        rewards = implicit_reward(chosen, ref_chosen, beta) - implicit_reward(rejected, ref_rejected, beta)
        np.testing.assert_allclose(rewards.numpy(), margin, rtol=1e-12)

    def test_a_policy_that_is_its_reference_has_log_2(self):
        chosen, rejected = draw(2, 5)
        torch.testing.assert_close(dpo_loss(chosen, rejected, chosen, rejected), math.log(2) * torch.ones_like(chosen))

    def test_a_margin_that_is_huge_overflows_nothing(self):
        far, zero = torch.tensor([1e6, -1e6]), torch.zeros(2)
        torch.testing.assert_close(dpo_loss(far, zero, zero, zero, 1.0), torch.tensor([0.0, 1e6]))
        torch.testing.assert_close(dpo_weight(far, zero, zero, zero, 1.0), torch.tensor([0.0, 1.0]))

    @pytest.mark.parametrize("place", range(4))
    def test_other_shapes_are_refused(self, place: int):
        parts = [torch.zeros(3) for _ in range(4)]
        parts[place] = torch.zeros(3, 1)
        with pytest.raises(ValueError, match=r"must be of one shape, got .*\(3, 1\)"):
            dpo_loss(*parts)

    @pytest.mark.parametrize(
        "wrong", [np.zeros(3), [0.0] * 3, None, torch.zeros(3, dtype=torch.int64), torch.zeros(3, dtype=torch.bool)]
    )
    def test_what_is_no_tensor_of_floats_is_refused(self, wrong: Any):
        zero = torch.zeros(3)
        for name, refused in {
            "rejected": lambda: dpo_loss(zero, wrong, zero, zero),
            "ref_chosen": lambda: dpo_weight(zero, zero, wrong, zero),
            "reference": lambda: implicit_reward(zero, wrong),
            "rewards": lambda: optimum(zero, wrong, 1.0),
            "policy": lambda: next_policy(wrong, zero, 1.0),
            "gold": lambda: next_policy(zero, wrong, 1.0),
        }.items():
            with pytest.raises(TypeError, match=f"^{name} must be a tensor of floats, got"):
                refused()

    def test_answers_are_not_compared_with_those_of_other_prompts(self):
        row, column = torch.zeros(3), torch.zeros(3, 1)
        for refused in (
            lambda: implicit_reward(row, column),
            lambda: optimum(row, column, 1.0),
            lambda: next_policy(row, column, 1.0),
        ):
            with pytest.raises(ValueError, match=r"must be of one shape, got \(3,\), \(3, 1\)"):
                refused()

    @pytest.mark.parametrize(
        ("reference", "rewards", "beta"),
        [
            ([0.0, 0.0], [1.0, 2.0], 1e-300),
            ([0.0, 0.0], [math.nan, 2.0], 1.0),
            ([0.0, -math.inf], [0.0, math.inf], 1.0),
            ([-math.inf, -math.inf], [0.0, 0.0], 1.0),
        ],
    )
    def test_where_no_policy_is_the_best_none_is_returned(
        self, reference: list[float], rewards: list[float], beta: float
    ):
        with pytest.raises(ValueError, match=f"finite largest entry .* raise beta, got {beta:g}"):
            optimum(torch.tensor(reference), torch.tensor(rewards), beta)

    def test_an_answer_that_gold_holds_must_have_a_chance(self):
        never = torch.tensor([0.0, -math.inf])
        with pytest.raises(ValueError, match="leave out answers that one of both never gives"):
            next_policy(never, torch.tensor([0.5, 0.5]).log(), 1.0)
        assert next_policy(torch.tensor([0.5, 0.5]).log(), never, 1.0).tolist() == [0, -math.inf]

    def test_nothing_flows_into_the_reference(self):
        parts = [draw(3).requires_grad_() for _ in range(4)]
        dpo_loss(*parts).sum().backward()
        assert [part.grad is None for part in parts] == [False, False, True, True]

    @pytest.mark.parametrize("beta", [0, -0.1, float("nan")])
    def test_other_betas_are_refused(self, beta: float):
        zero = torch.zeros(2)
        for refused in (
            lambda: dpo_loss(zero, zero, zero, zero, beta),
            lambda: dpo_weight(zero, zero, zero, zero, beta),
            lambda: implicit_reward(zero, zero, beta),
            lambda: optimum(zero, zero, beta),
            lambda: Preference(Student(**SIZES), beta=beta),
        ):
            with pytest.raises(ValueError, match="beta must be > 0"):
                refused()


class TestGradient:
    def policy(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the logits of 6 prompts with 5 answers each, the reference, and a preferred and a rejected answer."""
        answers = torch.stack([torch.randperm(5, generator=RNG)[:2] for _ in range(6)])
        return 2 * draw(6, 5).requires_grad_(), draw(6, 5).log_softmax(1), answers

    def losses(self, logits: torch.Tensor, reference: torch.Tensor, answers: torch.Tensor, beta: float) -> torch.Tensor:
        both = [log_probs.gather(1, answers).unbind(1) for log_probs in (logits.log_softmax(1), reference)]
        return dpo_loss(*both[0], *both[1], beta)

    @pytest.mark.parametrize("beta", [0.1, 1.0, 3.0])
    def test_it_is_the_paper_s(self, beta: float):
        """-β σ(r̂_l - r̂_w) [∇ log π(y_w) - ∇ log π(y_l)]; for logits the bracket is one-hot w less one-hot l."""
        logits, reference, answers = self.policy()
        (found,) = torch.autograd.grad(self.losses(logits, reference, answers, beta).sum(), logits)
        log_p = logits.detach().log_softmax(1)
        rewards = beta * (log_p - reference).gather(1, answers).numpy()
        weights = beta * scipy.special.expit(rewards[:, 1] - rewards[:, 0])
        w, l = np.eye(5)[answers.T.numpy()]  # noqa: E741 - the paper's letters
        np.testing.assert_allclose(found.numpy(), -weights[:, None] * (w - l), rtol=1e-12, atol=1e-14)
        both = (*log_p.gather(1, answers).unbind(1), *reference.gather(1, answers).unbind(1))
        np.testing.assert_allclose(dpo_weight(*both, beta).numpy(), weights, rtol=1e-12)

    def test_it_is_that_of_finite_differences(self):
        logits, reference, answers = self.policy()
        (found,) = torch.autograd.grad(self.losses(logits, reference, answers, 0.7).sum(), logits)
        around, step = logits.detach(), 1e-5
        for row in range(6):
            for place in range(5):
                up, down = around.clone(), around.clone()
                up[row, place] += step
                down[row, place] -= step
                values = [self.losses(z, reference, answers, 0.7).sum() for z in (up, down)]
                assert float((values[0] - values[1]) / (2 * step)) == pytest.approx(float(found[row, place]), abs=1e-9)

    def test_of_a_student_s_weights_it_is_the_paper_s_too(self, student: Student):
        """Prompts and answers of different lengths, one by one and nothing padded, against the batch."""
        reference = copy.deepcopy(student).double()
        with torch.no_grad():
            for weights in student.double().parameters():
                weights += 0.05 * draw(*weights.shape)
        module, beta = Preference(student, beta=0.5), 0.5
        batch = module.tensors(student.alphabet, TRIPLES, reference)
        weights = list(student.parameters())
        found = torch.autograd.grad(module.loss(*batch[:3], batch[3].double()), weights)
        wanted = [torch.zeros_like(w) for w in weights]
        for prompt, preferred, rejected in TRIPLES:
            log_p, ref, gradients = [], [], []
            for answer in (preferred, rejected):
                one = student.tensors(student.alphabet, [(prompt, answer)])
                log_p.append(student.answer_log_probs(*one).sum())
                ref.append(float(reference.answer_log_probs(*one).detach().sum()))
                gradients.append(torch.autograd.grad(log_p[-1], weights))
            margins = [beta * (float(p.detach()) - r) for p, r in zip(log_p, ref, strict=True)]
            weight = beta * float(scipy.special.expit(margins[1] - margins[0]))
            for total, w, l in zip(wanted, *gradients, strict=True):  # noqa: E741
                total -= weight * (w - l) / len(TRIPLES)
        for one, other in zip(found, wanted, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)  # the reference is kept in float32

    def test_both_log_probabilities_can_fall_though_the_margin_grows(self):
        """Three answers with features 1, 2 and 0: a step towards the first, away from the second, feeds the third.

        log π(y) = θ φ(y) - log Z moves with φ(y) - E[φ] for each unit of θ, and DPO moves θ by φ_w - φ_l = -1.
        """
        features = torch.tensor([1.0, 2.0, 0.0], dtype=torch.float64)
        theta = torch.tensor(-1.0, dtype=torch.float64, requires_grad=True)
        before = (theta * features).log_softmax(0)
        dpo_loss(*before[:2], *before[:2].detach(), 0.1).backward()
        assert theta.grad.item() == pytest.approx(0.1 / 2)
        step = 1e-3
        moved = ((theta - step * theta.grad) * features).log_softmax(0) - before
        mean = float((before.detach().exp() * features).sum())
        np.testing.assert_allclose(moved.detach(), -step * 0.05 * (features - mean), rtol=1e-3)
        assert moved[1] < moved[0] < 0 < moved[2]


class TestBandit:
    @pytest.mark.parametrize("beta", [0.3, 1.0, 3.0])
    def test_the_minimum_is_the_reference_times_exp_of_the_reward(self, beta: float):
        """Preferences by Bradley and Terry of known rewards; equation 4 is what DPO finds, and it is told no reward."""
        reference, rewards = draw(6).log_softmax(0), draw(6)
        wins = torch.from_numpy(scipy.special.expit((rewards[:, None] - rewards).numpy()))
        found = minimised(lambda log_p: expected(log_p, reference, wins, beta), reference)
        weights = np.exp(reference.numpy()) * np.exp(rewards.numpy() / beta)
        np.testing.assert_allclose(found.exp().numpy(), weights / weights.sum(), atol=1e-5)
        torch.testing.assert_close(optimum(reference, rewards, beta).exp(), torch.from_numpy(weights / weights.sum()))
        implied = implicit_reward(found, reference, beta)
        np.testing.assert_allclose((implied - implied.mean()).numpy(), (rewards - rewards.mean()).numpy(), atol=1e-3)

    def test_how_often_a_pair_is_asked_does_not_move_the_minimum(self):
        reference, rewards = draw(5).log_softmax(0), draw(5)
        wins = torch.from_numpy(scipy.special.expit((rewards[:, None] - rewards).numpy()))
        asked = draw(5, 5).exp()
        found = minimised(lambda log_p: expected(log_p, reference, wins * (asked + asked.T), 0.5), reference)
        np.testing.assert_allclose(found.exp(), optimum(reference, rewards, 0.5).exp(), atol=1e-5)

    def test_the_optimum_is_the_best_policy_of_the_penalised_reward(self):
        reference, rewards, beta = draw(6).log_softmax(0), draw(6), 0.4

        def worth(log_p: torch.Tensor) -> torch.Tensor:
            return (log_p.exp() * (rewards - beta * (log_p - reference))).sum()

        best = optimum(reference, rewards, beta)
        climbed = minimised(lambda log_p: -worth(log_p), reference)
        np.testing.assert_allclose(climbed.exp(), best.exp(), atol=1e-5)
        z = scipy.special.logsumexp((reference + rewards / beta).numpy())
        assert float(worth(best)) == pytest.approx(beta * z, rel=1e-10)

    def test_preferences_without_doubt_have_no_minimum(self):
        """Where one answer always wins, the loss falls without end: only an early stop keeps the policy near."""
        reference = torch.zeros(2, dtype=torch.float64).log_softmax(0)
        always = torch.tensor([[0.0, 1.0], [0.0, 0.0]], dtype=torch.float64)
        losses = [
            float(expected(torch.tensor([z, 0.0], dtype=torch.float64).log_softmax(0), reference, always, 0.1))
            for z in (0, 10, 100, 400)
        ]
        assert losses == sorted(losses, reverse=True)
        assert losses[0] == pytest.approx(math.log(2))
        assert losses[-1] < 1e-10


class TestContrasts:
    @given(
        answers=st.lists(st.tuples(st.sampled_from("pq"), st.sampled_from(["r1", "r2", "r3", "w1", "w2"])), min_size=1),
        most=st.integers(1, 4),
        seed=st.integers(0, 5),
    )
    def test_right_and_wrong_meet_once_a_prompt(self, answers: Pairs, most: int, seed: int):
        def verify(prompt: str, text: str) -> str | None:
            return None if text.startswith("r") else "wrong"

        found = contrasts(answers, verify, most=most, seed=seed)
        assert found == contrasts(answers, verify, most=most, seed=seed)
        assert all(verify(x, w) is None and verify(x, l) == "wrong" for x, w, l in found)  # noqa: E741
        used = both_sides(found) if found else []
        assert len(set(used)) == len(used)
        assert set(used) <= set(answers)
        for prompt in "pq":
            texts = {text for x, text in answers if x == prompt}
            right = sum(text.startswith("r") for text in texts)
            assert Counter(x for x, _, _ in found)[prompt] == min(most, right, len(texts) - right)

    def test_a_verifier_says_a_reason_or_nothing(self):
        with pytest.raises(TypeError, match="must return what is wrong with an answer, as a text, or None, got True"):
            contrasts([("a", "b"), ("a", "c")], lambda prompt, answer: answer == "b")

    def test_what_is_no_answer_is_refused(self):
        with pytest.raises(ValueError, match="most must be a whole number >= 1, got 0"):
            contrasts(PAIRS, lambda x, y: None, most=0)
        with pytest.raises(ValueError, match="data holds no pairs"):
            contrasts([], lambda x, y: None)
        with pytest.raises(ValueError, match="verify must be a function of a prompt and an answer, got None"):
            contrasts(PAIRS, None)  # type: ignore[arg-type] # that is the point


class TestPrefer:
    def test_it_begins_at_log_2_and_the_batch_is_the_loss_of_each(self, student: Student, taught: Student):
        module = Preference(student, beta=0.3)
        found = float(module.loss(*module.tensors(student.alphabet, TRIPLES, taught)).detach())
        assert found == pytest.approx(math.log(2))
        other = Student(**SIZES).fit(PAIRS, symbols="c", epochs=2, seed=1, progress=False)
        found = float(module.loss(*module.tensors(student.alphabet, TRIPLES, other)).detach())
        log_p, ref = (model.log_prob(both_sides(TRIPLES)).reshape(-1, 2) for model in (student, other))
        margin = 0.3 * ((log_p - ref) @ [1, -1])
        losses = -scipy.special.log_expit(margin)
        assert found == pytest.approx(losses.mean(), rel=1e-4)
        tokens = np.array([len(preferred) + 1 for _, preferred, _ in TRIPLES])
        module = Preference(student, beta=0.3, likelihood=2.0)
        found = float(module.loss(*module.tensors(student.alphabet, TRIPLES, other)).detach())
        assert found == pytest.approx((losses - 2 * log_p[:, 0] / tokens).mean(), rel=1e-4)

    def test_a_student_learns_what_is_preferred(self, student: Student, taught: Student, tmp_path: Path):
        seen: list[float] = []
        result = prefer(
            student,
            TRIPLES,
            validation=TRIPLES,
            epochs=20,
            batch_size=2,
            on_epoch=lambda epoch, model: seen.append(shift(model, taught, TRIPLES).margin),
            progress=False,
        )
        assert result is student
        about = shift(student, taught, TRIPLES)
        assert about.won == 1
        assert about.margin == pytest.approx(about.chosen - about.rejected)
        assert about.margin == pytest.approx(seen[-1], rel=1e-6)
        assert seen[0] < seen[-1]
        assert student.history is not None
        assert student.history.validation_loss[-1] < student.history.validation_loss[0] < math.log(2)
        assert student.trained["steps"] == 40
        student.save(tmp_path / "student")
        np.testing.assert_array_equal(Student.load(tmp_path / "student").log_prob(PAIRS), student.log_prob(PAIRS))

    def test_of_itself_a_student_has_not_moved(self, taught: Student):
        about = shift(taught, taught, TRIPLES)
        assert (about.chosen, about.rejected, about.margin, about.won) == (0, 0, 0, 0)

    def test_with_likelihood_the_preferred_answer_rises_itself(self, taught: Student):
        """An answer that its student deems unlikely, against a likely one: DPO alone may as well make both fall."""
        triples: Triples = [("ab", "cc", "ba"), ("a", "cab", "b")]
        options: dict[str, Any] = {"epochs": 30, "lr": 3e-3, "beta": 0.1, "progress": False}
        alone, beside = (
            shift(prefer(copy.deepcopy(taught), triples, likelihood=alpha, **options), taught, triples)
            for alpha in (0.0, 1.0)
        )
        assert beside.chosen > alone.chosen
        assert beside.chosen > 1

    def test_a_killed_run_goes_on_to_the_same_student(self, taught: Student, tmp_path: Path):
        options: dict[str, Any] = {"epochs": 4, "batch_size": 2, "seed": 3, "progress": False}
        whole = prefer(copy.deepcopy(taught), TRIPLES, **options)
        student = copy.deepcopy(taught)

        def killed(epoch: int, model: Student) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

        options["checkpoint"] = tmp_path / "run"
        with pytest.raises(KeyboardInterrupt):
            prefer(student, TRIPLES, on_epoch=killed, **options)
        np.testing.assert_array_equal(student.log_prob(PAIRS), taught.log_prob(PAIRS))
        with pytest.raises(ValueError, match="belongs to another run: its model's"):
            prefer(student, TRIPLES, beta=0.2, **options)
        np.testing.assert_array_equal(prefer(student, TRIPLES, **options).log_prob(PAIRS), whole.log_prob(PAIRS))

    def test_a_checkpoint_belongs_to_its_reference(self, taught: Student, tmp_path: Path):
        options: dict[str, Any] = {"epochs": 1, "progress": False, "checkpoint": tmp_path / "run"}
        student = prefer(copy.deepcopy(taught), TRIPLES, **options)
        with pytest.raises(ValueError, match="belongs to another run"):
            prefer(student, TRIPLES, **options)
        assert Preference(student, beta=0.1).config() != Preference(taught, beta=0.1).config()

    def test_frozen_weights_are_refused(self, student: Student):
        with pytest.raises(ValueError, match="all weights of this student are frozen"):
            prefer(student.requires_grad_(False), TRIPLES, progress=False)

    def test_a_refused_run_leaves_a_student_as_it_was(self, student: Student, taught: Student):
        for wrong, said in (
            ([], "there are no triples"),
            ([("a", "b", "b")], "both answers of triple 0 are 'b'"),
            ([("a", "b", "")], "the rejected answer of triple 0 is empty"),
            ([("a", "b", "z")], "symbol 'z' was never seen"),
            ([("a", "b", "a" * 20)], "more than the context"),
        ):
            with pytest.raises(ValueError, match=said):
                prefer(student, wrong, progress=False)
        for kind in (tuple(TRIPLES), [("a", "b")], [("a", "b", 1)]):
            with pytest.raises(TypeError, match=r"triples must be a list|must be a tuple of three texts"):
                prefer(student, kind, progress=False)  # type: ignore[arg-type] # that is the point
        for option in ({"beta": 0}, {"likelihood": -1}, {"epochs": 0}, {"seed": None}, {"seed": -1}):
            with pytest.raises(ValueError, match=next(iter(option))):
                prefer(student, TRIPLES, progress=False, **option)  # type: ignore[arg-type] # that is the point
        with pytest.raises(NotFittedError):
            prefer(Student(**SIZES), TRIPLES, progress=False)
        np.testing.assert_array_equal(student.log_prob(PAIRS), taught.log_prob(PAIRS))


class TestSpin:
    @pytest.mark.parametrize("beta", [0.5, 1.0, 4.0])
    def test_a_round_s_minimum_in_closed_form(self, beta: float):
        """All pairs of a gold answer and an own one, each with its probability: theorem 5.4 is what scipy finds."""
        policy, gold = draw(5).log_softmax(0), draw(5).log_softmax(0)
        met = gold.exp()[:, None] * policy.exp()
        found = minimised(lambda log_p: expected(log_p, policy, met, beta), policy)
        weights = np.exp(policy.numpy()) * np.exp((gold - policy).numpy() / beta)
        np.testing.assert_allclose(found.exp(), weights / weights.sum(), atol=1e-5)
        torch.testing.assert_close(next_policy(policy, gold, beta).exp(), torch.from_numpy(weights / weights.sum()))

    def test_gold_is_where_it_stands_still(self):
        gold = draw(5).log_softmax(0)
        for beta in (0.1, 1.0, 10.0):
            torch.testing.assert_close(next_policy(gold, gold, beta), gold)
        torch.testing.assert_close(next_policy(draw(5).log_softmax(0), gold, 1.0), gold)

    @pytest.mark.parametrize("beta", [0.25, 0.8, 4.0])
    def test_a_round_multiplies_the_distance_to_gold(self, beta: float):
        """By 1 - 1/λ, in log-ratios: rounds come nearer for λ > 1/2, and leap further and further for a smaller one."""
        gold, policy = draw(5).log_softmax(0), draw(5).log_softmax(0)
        away = policy - gold
        moved = next_policy(policy, gold, beta) - gold
        torch.testing.assert_close(moved - moved.mean(), (1 - 1 / beta) * (away - away.mean()))

    def test_in_many_rounds_it_does_not_exceed_its_gold(self):
        """The gold gives arm 0, which alone is right, 70 %: this is where rounds end, from below and from above."""
        gold = torch.tensor([0.7, 0.2, 0.1], dtype=torch.float64).log()
        for start in ([0.3, 0.3, 0.4], [0.95, 0.03, 0.02]):
            policy = torch.tensor(start, dtype=torch.float64).log()
            for _ in range(60):
                policy = next_policy(policy, gold, 2.0)
            assert float(policy[0].exp()) == pytest.approx(0.7, abs=1e-9)

    def test_own_answers_are_the_rejected_ones(self, taught: Student):
        gold: Pairs = [("ab", "ba"), ("a", "b")] * 100
        found = own_answers(taught, gold, temperature=2.0, seed=5)
        assert found == own_answers(taught, gold, temperature=2.0, seed=5) != own_answers(taught, gold, seed=6)
        assert {(prompt, chosen) for prompt, chosen, _ in found} == set(gold)
        assert all(chosen != own for _, chosen, own in found)
        assert len({own for _, _, own in found}) > 5
        assert 0 < len(found) < len(gold), "what is letter by letter the gold is left out"

    def test_a_student_comes_nearer_to_its_gold(self, student: Student, taught: Student):
        heard: list[int] = []
        gold: Pairs = [("ab", "cc"), ("a", "c")] * 20
        spin(student, gold, rounds=3, epochs=6, on_round=lambda place, model: heard.append(place), progress=False)
        assert heard == [1, 2, 3]
        assert student.log_prob(gold).mean() > taught.log_prob(gold).mean() + 1

    def test_a_killed_run_goes_on_to_the_same_student(self, taught: Student, tmp_path: Path):
        options: dict[str, Any] = {"rounds": 3, "epochs": 2, "batch_size": 4, "seed": 2, "progress": False}
        whole = spin(copy.deepcopy(taught), PAIRS * 4, **options)
        student = copy.deepcopy(taught)

        def killed(place: int, model: Student) -> None:
            if place == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            spin(student, PAIRS * 4, folder=tmp_path / "rounds", on_round=killed, **options)
        np.testing.assert_array_equal(student.log_prob(PAIRS), taught.log_prob(PAIRS))
        spin(student, PAIRS * 4, folder=tmp_path / "rounds", **options)
        np.testing.assert_array_equal(student.log_prob(PAIRS), whole.log_prob(PAIRS))
        with pytest.raises(ValueError, match="belongs to another run"):
            spin(copy.deepcopy(taught), PAIRS[:3] * 4, folder=tmp_path / "rounds", **options)

    def test_it_ends_where_nothing_is_left_to_tell_apart(self):
        student = Student(**SIZES).fit([("a", "b")] * 8, epochs=40, progress=False)
        before, heard = student.log_prob([("a", "b")]), []
        spin(student, [("a", "b")] * 8, temperature=0.2, on_round=lambda *about: heard.append(about), progress=False)
        assert heard == []
        np.testing.assert_array_equal(student.log_prob([("a", "b")]), before)

    def test_what_cannot_be_done_is_refused(self, student: Student, tmp_path: Path):
        for option in ({"rounds": 0}, {"beta": 0}, {"temperature": 0}, {"seed": -1}, {"checkpoint": tmp_path / "x"}):
            with pytest.raises(ValueError, match=next(iter(option))):
                spin(student, PAIRS, progress=False, **option)  # type: ignore[arg-type] # that is the point
        with pytest.raises(ValueError, match="on_round must be a function of a round's number and a student, got 3"):
            spin(student, PAIRS, on_round=3, progress=False)  # type: ignore[arg-type] # that is the point
        with pytest.raises(ValueError, match="folder is empty"):
            spin(student, PAIRS, folder="", progress=False)
        with pytest.raises(TypeError, match="folder must be a text or a Path, got 3"):
            spin(student, PAIRS, folder=3, progress=False)  # type: ignore[arg-type] # that is the point
        (tmp_path / "mine").write_text("text")
        with pytest.raises(NotADirectoryError, match="mine' is a file"):
            spin(student, PAIRS, folder=tmp_path / "mine", progress=False)
        with pytest.raises(NotFittedError):
            spin(Student(**SIZES), PAIRS, progress=False)
        with pytest.raises(ValueError, match="none of the student's 1 answers comes to an end"):
            own_answers(student, [("a" * 11, "b")])  # there is room for one token: no text is there and ends


@pytest.mark.parametrize("wrong", [None, "student", Student])
def test_what_is_no_student_is_refused(taught: Student, wrong: Any):
    with pytest.raises(TypeError, match=r"^reference must be a Student, got"):
        shift(taught, wrong, TRIPLES)
    for refused in (
        lambda: prefer(wrong, TRIPLES, progress=False),
        lambda: shift(wrong, taught, TRIPLES),
        lambda: own_answers(wrong, PAIRS),
        lambda: spin(wrong, PAIRS, progress=False),
    ):
        with pytest.raises(TypeError, match=r"^student must be a Student, got"):
            refused()


def test_a_network_is_no_student(taught: Student):
    with pytest.raises(TypeError, match="student must be a Student, got Transformer"):
        prefer(taught.network, TRIPLES, progress=False)  # type: ignore[arg-type] # that is the point
