"""Knowledge distillation: the loss is torch's and the paper's, and a student becomes its teacher."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from torch.nn import functional as F

from sdg_lab.distill.recipes import logits as logits_module
from sdg_lab.distill.recipes.logits import Distillation, carried, distil, logits_along, soft_loss
from sdg_lab.distill.student import Pairs, Student
from sdg_lab.models.contract import NotFittedError

PAIRS: Pairs = [("ab", "ba"), ("a", "b"), ("abb", "a"), ("bb", "aab")]
SIZES: dict[str, Any] = {"d_model": 16, "n_layers": 1, "n_heads": 2, "context": 12}
RNG = torch.Generator().manual_seed(0)


def logits(*shape: int, dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return 3 * torch.randn(*shape, dtype=dtype, generator=RNG)


@pytest.fixture(scope="module")
def teacher() -> Student:
    return Student(**SIZES).fit(PAIRS, symbols="c", epochs=8, progress=False)


class TestSoftLoss:
    def test_two_symbols_in_closed_form(self):
        """KL of Bernoulli distributions 1/4 and 1/2: log 2 - H(1/4), in nats."""
        student, teacher = torch.zeros(2), torch.tensor([1.0, 3.0]).log()
        entropy = -(0.25 * np.log(0.25) + 0.75 * np.log(0.75))
        assert soft_loss(student, teacher).item() == pytest.approx(np.log(2) - entropy, rel=1e-5)

    @pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
    def test_it_is_torch_s(self, temperature: float):
        student, teacher = logits(5, 7, 11), logits(5, 7, 11)
        p, log_q = (teacher / temperature).softmax(-1), (student / temperature).log_softmax(-1)
        expected = temperature**2 * F.kl_div(log_q.flatten(0, 1), p.flatten(0, 1), reduction="batchmean")
        torch.testing.assert_close(soft_loss(student, teacher, temperature).mean(), expected)

    def test_the_gradient_is_the_paper_s(self):
        """Equation 2: τ² · (q - p) / τ, the softened probabilities' difference."""
        student, teacher = logits(4, 6).requires_grad_(), logits(4, 6)
        soft_loss(student, teacher, 3.0).sum().backward()
        expected = 3.0 * ((student.detach() / 3).softmax(-1) - (teacher / 3).softmax(-1))
        torch.testing.assert_close(student.grad, expected)

    def test_as_the_temperature_grows_logits_are_matched(self):
        """Equation 4: the gradient goes to (z - v) / N with both less their means; it does not vanish."""
        student, teacher = logits(4, 6).requires_grad_(), logits(4, 6)
        z, v = (x.detach() - x.detach().mean(-1, keepdim=True) for x in (student, teacher))
        errors = []
        for temperature in (1.0, 10.0, 100.0, 1000.0):
            student.grad = None
            soft_loss(student, teacher, temperature).sum().backward()
            assert student.grad is not None
            errors.append(float((student.grad - (z - v) / 6).abs().max()))
        assert errors == sorted(errors, reverse=True)
        assert errors[-1] < 0.02
        assert errors[-1] == pytest.approx(errors[-2] / 10, rel=0.2), "the rest is of order 1 / τ"

    def test_it_is_zero_for_equal_distributions_and_positive_else(self):
        teacher = logits(3, 5)
        torch.testing.assert_close(soft_loss(teacher + 7, teacher, 2.0), torch.zeros(3, dtype=torch.float64))
        assert (soft_loss(logits(3, 5), teacher, 2.0) > 0).all()

    def test_impossible_tokens_and_huge_logits_are_no_trouble(self):
        student, teacher = torch.tensor([1e4, 0.0, -1e4]), torch.tensor([0.0, 0.0, -1e4])
        assert torch.isfinite(soft_loss(student, teacher, 2.0))

    def test_nothing_flows_into_the_teacher(self):
        student, teacher = logits(2, 3).requires_grad_(), logits(2, 3).requires_grad_()
        soft_loss(student, teacher).sum().backward()
        assert teacher.grad is None

    @pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
    def test_other_temperatures_are_refused(self, temperature: float):
        with pytest.raises(ValueError, match="temperature must be > 0"):
            soft_loss(torch.zeros(2), torch.zeros(2), temperature)


class TestLoss:
    @pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
    def test_it_mixes_soft_and_hard_targets_over_answer_tokens(self, teacher: Student, alpha: float):
        student = Student(**SIZES).fit(PAIRS, symbols="c", epochs=1, seed=1, progress=False)
        batch = student.weighted(teacher.alphabet, PAIRS)
        module = Distillation(student, temperature=2.0, alpha=alpha)
        found = module.loss(*batch, logits_along(teacher, PAIRS)).item()
        total, tokens = 0.0, 0
        for pair in PAIRS:  # one by one, nothing padded
            own, start, length = student.tensors(student.alphabet, [pair])
            place = slice(int(start[0]), int(length[0]))
            with torch.no_grad():
                z, v = (m.logits(own[:, :-1])[0, place] for m in (student, teacher))
            hard = F.cross_entropy(z, own[0, 1:][place], reduction="sum")
            total += float(alpha * soft_loss(z, v, 2.0).sum() + (1 - alpha) * hard)
            tokens += len(z)
        assert found == pytest.approx(total / tokens, rel=1e-4, abs=1e-4)

    def test_without_soft_targets_it_is_fit(self, teacher: Student):
        options: dict[str, Any] = {"epochs": 3, "seed": 5, "progress": False}
        plain = Student(**SIZES).fit(PAIRS, symbols="c", **options)
        same = distil(Student(**SIZES), teacher, PAIRS, alpha=0, **options)
        np.testing.assert_allclose(same.log_prob(PAIRS), plain.log_prob(PAIRS), rtol=1e-3, atol=1e-3)


class TestDistil:
    def test_a_student_comes_near_its_teacher(self, teacher: Student, tmp_path: Any):
        student = distil(Student(**SIZES), teacher, PAIRS, alpha=1, temperature=1, epochs=60, seed=3, progress=False)
        assert student.fitted
        assert student.history is not None
        assert student.trained["epochs"] == 60
        before = Student(**SIZES).fit(PAIRS, symbols="c", epochs=1, seed=3, progress=False)
        assert carried(teacher, student, PAIRS).missing < 0.1 * carried(teacher, before, PAIRS).missing
        student.save(tmp_path / "student")
        np.testing.assert_array_equal(Student.load(tmp_path / "student").log_prob(PAIRS), student.log_prob(PAIRS))

    def test_distributions_teach_what_the_texts_do_not_say(self, teacher: Student):
        """Taught on other answers than its teacher's, a student learns the teacher's probabilities, not the texts."""
        others = [(prompt, "cc") for prompt, _ in PAIRS]
        soft = distil(Student(**SIZES), teacher, others, alpha=1, epochs=40, progress=False)
        hard = distil(Student(**SIZES), teacher, others, alpha=0, epochs=40, progress=False)
        assert carried(teacher, soft, others).missing < 0.1 < carried(teacher, hard, others).missing

    def test_validation_is_measured_by_the_same_loss_and_hooks_get_the_student(self, teacher: Student):
        seen: list[str] = []
        student = distil(
            Student(**SIZES),
            teacher,
            PAIRS,
            validation=PAIRS,
            epochs=2,
            batch_size=1,
            ema=0.5,
            on_epoch=lambda epoch, model: seen.append(model.generate(["ab"])[0].text),
            progress=False,
        )
        assert student.history is not None
        assert len(student.history.validation_loss) == len(seen) == 2
        module = Distillation(student, temperature=2.0, alpha=0.9)
        again = module.loss(*student.weighted(student.alphabet, PAIRS), logits_along(teacher, PAIRS)).item()
        assert student.history.validation_loss[-1] == pytest.approx(again, rel=1e-4)
        assert seen[-1] == student.generate(["ab"])[0].text

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            ({"on_epoch": 3}, "on_epoch must be a function of an epoch's number and a student, got 3"),
            ({"temperature": 0}, "temperature must be > 0, got 0"),
            ({"alpha": 2}, "alpha must be >= 0 and <= 1, got 2"),
        ],
    )
    def test_a_wrong_argument_is_refused_before_anything_is_computed(
        self, teacher: Student, wrong: dict[str, Any], said: str, monkeypatch: pytest.MonkeyPatch
    ):
        monkeypatch.setattr(logits_module, "logits_along", lambda *given: pytest.fail("it was computed"))
        with pytest.raises(ValueError, match=said):
            distil(Student(**SIZES), teacher, PAIRS, progress=False, **wrong)

    def test_a_refused_distillation_leaves_a_student_as_it_was(self, teacher: Student):
        student = Student(**SIZES).fit(PAIRS, epochs=1, progress=False)
        before = student.log_prob(PAIRS)
        for wrong in ({"alpha": 1.5}, {"temperature": 0}, {"epochs": 0}):
            with pytest.raises(ValueError, match=next(iter(wrong))):
                distil(student, teacher, PAIRS, progress=False, **wrong)  # type: ignore[arg-type] # that is the point
        with pytest.raises(ValueError, match="symbol 'z' was never seen"):
            distil(student, teacher, [("a", "z")], progress=False)
        with pytest.raises(NotFittedError):
            distil(student, Student(**SIZES), PAIRS, progress=False)
        np.testing.assert_array_equal(student.log_prob(PAIRS), before)


class TestCarried:
    def test_of_a_model_to_itself_nothing_is_missing(self, teacher: Student):
        about = carried(teacher, teacher, PAIRS)
        assert about.missing == 0
        assert about.cross_entropy == about.entropy > 0

    def test_it_is_scipy_s_entropy_and_divergence_place_by_place(self, teacher: Student):
        student = Student(**SIZES).fit(PAIRS, symbols="c", epochs=2, seed=1, progress=False)
        entropy, missing = [], []
        for prompt, answer in PAIRS:
            tokens, _, _ = teacher.tensors(teacher.alphabet, [(prompt, answer)])
            with torch.no_grad():
                p, q = (
                    model.logits(tokens[:, :-1])[0, len(prompt) :].double().softmax(-1).numpy()
                    for model in (teacher, student)
                )
            assert len(p) == len(answer) + 1
            entropy += list(scipy.stats.entropy(p, axis=1))
            missing += list(scipy.stats.entropy(p, q, axis=1))
        about = carried(teacher, student, PAIRS)
        assert about.entropy == pytest.approx(np.mean(entropy), rel=1e-4)
        assert about.missing == pytest.approx(np.mean(missing), rel=1e-4)
        assert about.cross_entropy == pytest.approx(np.mean(entropy) + np.mean(missing), rel=1e-4)

    def test_models_of_other_characters_are_refused(self, teacher: Student):
        other = Student(**SIZES).fit(PAIRS, epochs=1, progress=False)
        with pytest.raises(ValueError, match="must know the same characters, got 'abc' and 'ab'; name them in fit"):
            carried(teacher, other, PAIRS)
