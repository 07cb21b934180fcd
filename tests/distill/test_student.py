"""Students: the loss counts answers alone, generation agrees with the likelihood, and a student teaches."""

from __future__ import annotations

import copy
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sdg_lab.distill.student import Pairs, Student, StudentTeacher, accuracy, alphabet_of, answer_mask
from sdg_lab.distill.teacher import Options, Teacher
from sdg_lab.models.contract import NotFittedError
from sdg_lab.models.transformer import lora

PAIRS: Pairs = [("ab", "ba"), ("a", "b"), ("abb", "a"), ("bb", "aab")]
SIZES: dict[str, Any] = {"d_model": 16, "n_layers": 1, "n_heads": 2, "context": 12}


@pytest.fixture(scope="module")
def student() -> Student:
    return Student(**SIZES).fit(PAIRS, epochs=3, progress=False)


def by_hand(student: Student, prompt: str, answer: str) -> list[float]:
    """The log-probability of each token of an answer, one call of the network a token, nothing padded."""
    code = {letter: number for number, letter in enumerate(student.alphabet.symbols)}
    read, found = [0, *(code[c] for c in prompt)], []
    for token in [*(code[c] for c in answer), 0]:
        with torch.no_grad():
            found.append(float(student.network(torch.tensor([read]))[0, -1].double().log_softmax(0)[token]))
        read.append(token)
    return found


class TestLoss:
    def test_log_prob_is_that_of_the_answer_token_by_token(self, student: Student):
        expected = [sum(by_hand(student, *pair)) for pair in PAIRS]
        np.testing.assert_allclose(student.log_prob(PAIRS), expected, rtol=1e-4, atol=1e-4)

    def test_answers_of_a_prompt_have_probabilities_that_sum_to_one(self):
        """All answers of up to three characters, and what goes on beyond them: every text has one of these starts."""
        student = Student(**{**SIZES, "context": 6}).fit(PAIRS, epochs=1, progress=False)
        total = 0.0
        for length in range(1, 4):
            answers = ["".join(letters) for letters in itertools.product("ab", repeat=length)]
            total += float(np.exp(student.log_prob([("ab", answer) for answer in answers])).sum())
        goes_on = [by_hand(student, "ab", "".join(letters)) for letters in itertools.product("ab", repeat=3)]
        total += sum(np.exp(sum(nats[:3])) * (1 - np.exp(nats[3])) for nats in goes_on)
        total += float(np.exp(by_hand(student, "ab", "")[0]))  # an empty answer
        assert total == pytest.approx(1, abs=1e-4)

    def test_the_loss_of_all_is_nats_per_answer_token(self, student: Student):
        expected = -sum(sum(by_hand(student, *pair)) for pair in PAIRS) / sum(len(answer) + 1 for _, answer in PAIRS)
        batch = student.weighted(student.alphabet, PAIRS)
        assert student.loss(*batch).item() == pytest.approx(expected, rel=1e-4)
        halves = [student.loss(*(t[part] for t in batch)).item() for part in (slice(0, 2), slice(2, 4))]
        assert np.mean(halves) == pytest.approx(expected, rel=1e-4), "whatever batches it is taken in"

    def test_only_answers_count(self, student: Student):
        """torch's own masking, by ignore_index, gives the same; and what no answer depends on has no gradient."""
        tokens, starts, lengths = student.tensors(student.alphabet, PAIRS)
        targets = tokens[:, 1:].clone()
        targets[~answer_mask(starts, lengths, targets.shape[1])] = -100
        logits = student.logits(tokens[:, :-1])
        expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="sum") / len(PAIRS)
        torch.testing.assert_close(student.loss(tokens, starts, lengths), expected, rtol=1e-4, atol=1e-4)
        assert answer_mask(starts, lengths, 5).int().tolist() == [
            [0, 0, 1, 1, 1],
            [0, 1, 1, 0, 0],
            [0, 0, 0, 1, 1],
            [0, 0, 1, 1, 1],
        ]

    def test_another_prompt_changes_the_loss_only_through_what_is_read(self):
        """A student cannot learn prompts: after training, a prompt of the data is no likelier than its mirror image."""
        data = [("aaab", "b")] * 8
        student = Student(**SIZES).fit(data, symbols="c", epochs=30, progress=False)
        assert student.log_prob([("aaab", "b")])[0] > np.log(0.9)
        with torch.no_grad():
            first = student.logits(torch.zeros(1, 1, dtype=torch.int64))[0, 0].softmax(0)
        assert first[1] < 0.9, "the first character of every prompt has not been learnt as a prediction"


class TestAnswers:
    def test_greedy_takes_the_likeliest_token(self, student: Student):
        for (prompt, _), one in zip(PAIRS, student.generate([p for p, _ in PAIRS]), strict=True):
            nats = by_hand(student, prompt, one.text)
            assert one.prompt_tokens == len(prompt)
            if one.reason == "end":
                assert one.tokens == len(one.text) + 1
            else:
                assert one.reason == "context"
                assert one.tokens == len(one.text) == 12 - len(prompt)
                nats = nats[: one.tokens] if len(prompt) + len(one.text) < 12 else nats[:-1]
            assert one.log_prob == pytest.approx(sum(nats), rel=1e-4, abs=1e-4)

    def test_a_row_depends_on_its_own_prompt_and_seed(self, student: Student):
        prompts, seeds = ["ab", "b", "abbab", "aa", "ab"], [7, 8, 9, 10, 7]
        together = student.generate(prompts, seeds=seeds, temperature=1.0)
        alone = [student.generate([p], seeds=[s], temperature=1.0)[0] for p, s in zip(prompts, seeds, strict=True)]
        assert [one.text for one in together] == [one.text for one in alone]
        assert [one.reason for one in together] == [one.reason for one in alone]
        np.testing.assert_allclose([c.log_prob for c in together], [c.log_prob for c in alone], rtol=1e-4, atol=1e-4)
        assert together[0] == together[4]
        others = student.generate(["ab"] * 20, seeds=range(20), temperature=1.0)
        assert len({one.text for one in others}) > 5

    def test_draws_have_the_probabilities_that_log_prob_gives(self, student: Student):
        n = 3_000
        drawn = [one.text for one in student.generate(["ab"] * n, seeds=range(n), temperature=1.0)]
        for answer in ("a", "b", "ba"):
            p = float(np.exp(student.log_prob([("ab", answer)])[0]))
            assert abs(drawn.count(answer) / n - p) < 5 * np.sqrt(p * (1 - p) / n)

    def test_the_answer_s_log_prob_is_that_of_the_model(self, student: Student):
        """Whatever was filtered, and whatever the temperature."""
        options: dict[str, Any] = {"temperature": 0.7, "top_p": 0.9}
        for seed, one in enumerate(student.generate(["ab"] * 8, seeds=range(8), **options)):
            if one.reason == "end" and one.text:
                assert one.log_prob == pytest.approx(student.log_prob([("ab", one.text)])[0], rel=1e-4, abs=1e-4), seed

    def test_max_tokens_and_the_context_end_an_answer(self, student: Student):
        cut = student.generate(["ab"] * 30, seeds=range(30), temperature=3.0, max_tokens=2)
        assert {(one.tokens, one.reason) for one in cut} <= {(1, "end"), (2, "end"), (2, "length")}
        assert "length" in {one.reason for one in cut}
        prompts = ["a" * 11, "a", "a" * 9]
        full = student.generate(prompts * 20, seeds=range(60), temperature=3.0)
        for one in full:
            assert one.tokens <= 12 - one.prompt_tokens
            assert one.reason == "end" or one.tokens == 12 - one.prompt_tokens

    def test_stop_ends_an_answer_and_is_not_in_it(self, student: Student):
        plain = student.generate(["ab"] * 40, seeds=range(40), temperature=1.0)
        stopped = student.generate(["ab"] * 40, seeds=range(40), temperature=1.0, stop=("ab", "bb"))
        for before, after in zip(plain, stopped, strict=True):
            places = [place for place in range(len(before.text)) if before.text[place : place + 2] in ("ab", "bb")]
            if not places:
                assert after == before
                continue
            assert after.text == before.text[: places[0]]
            assert after.reason == "stop"
            assert after.tokens == places[0] + 2
            nats = by_hand(student, "ab", before.text[: places[0] + 2])[:-1]
            assert after.log_prob == pytest.approx(sum(nats), rel=1e-4, abs=1e-4)
        assert "stop" in {one.reason for one in stopped}

    def test_many_prompts_are_answered_in_parts(self, student: Student, monkeypatch: pytest.MonkeyPatch):
        whole = student.generate(["ab", "b"] * 5)
        monkeypatch.setattr("sdg_lab.distill.student.MAX_PROMPTS", 3)
        assert [one.text for one in student.generate(["ab", "b"] * 5)] == [one.text for one in whole]

    @pytest.mark.parametrize(
        ("prompts", "options", "said"),
        [
            ("ab", {}, "prompts must be several values"),
            (["a", ""], {}, "prompt 1 has 0 characters"),
            (["a", "b" * 12], {}, "prompt 1 has 12 characters.*the context of 12"),
            (["az"], {}, "symbol 'z' was never seen"),
            (["a"], {"temperature": 1.0}, "seeds must be as many as the prompts, 1, got none; or temperature=0"),
            (["a"], {"seeds": [1, 2]}, "seeds must be as many as the prompts, 1, got 2"),
            (["a"], {"seeds": [-1]}, "each of seeds must be a whole number >= 0"),
            (["a"], {"temperature": -1.0, "seeds": [0]}, "temperature must be"),
            (["a"], {"top_p": 0.0}, "top_p must be"),
            (["a"], {"top_k": 0}, "top_k must be"),
            (["a"], {"max_tokens": 0}, "max_tokens must be"),
        ],
    )
    def test_what_cannot_be_answered_is_refused(self, student: Student, prompts: Any, options: Any, said: str):
        with pytest.raises(ValueError, match=said):
            student.generate(prompts, **options)

    def test_no_prompts_have_no_answers(self, student: Student):
        assert student.generate([]) == []

    def test_before_fit_it_says_so(self):
        with pytest.raises(NotFittedError):
            Student(**SIZES).generate(["a"])


class TestFit:
    def test_it_learns_to_answer_what_it_has_not_seen(self):
        """Answer with the last character; prompts of four letters, half of them held out."""
        prompts = ["".join(letters) for letters in itertools.product("abc", repeat=4)]
        pairs = [(prompt, prompt[-1]) for prompt in prompts]
        student = Student(**SIZES).fit(pairs[::2], epochs=25, batch_size=16, progress=False)
        assert accuracy(student, pairs[1::2]) > 0.9
        assert accuracy(student, [(p, a.upper()) for p, a in pairs[1::2]]) == 0
        assert accuracy(student, pairs[1::2], lambda prompt, said: None if said != prompt[-1] else "right") < 0.1

    def test_characters_can_be_named_that_the_data_lacks(self):
        student = Student(**SIZES).fit([("a", "b")], symbols="xy", epochs=1, progress=False)
        assert student.alphabet.letters == ("a", "b", "x", "y")
        assert np.isfinite(student.log_prob([("x", "y")])).all()

    def test_a_warm_start_goes_on_from_the_weights_that_are_there(self):
        """With a plain optimiser one phase after another is the same as torch's own loop over both."""
        first, second = PAIRS[:2], [("b", "bb"), ("bab", "a")]
        plain: dict[str, Any] = {"optimizer": "adamw", "lr": 1e-3, "clip": None, "batch_size": 2, "progress": False}
        student = Student(**SIZES).fit(first, symbols="b", epochs=4, **plain)
        before = {name: weight.clone() for name, weight in student.network.state_dict().items()}
        twin = Student(**SIZES).fit(first, symbols="b", epochs=4, **plain)
        student.fit(second, warm_start=True, epochs=3, seed=5, **plain)
        assert student.trained["epochs"] == 3
        optimizer = torch.optim.Adam(twin.network.parameters(), lr=1e-3)
        batch = twin.weighted(twin.alphabet, second)
        twin.network.load_state_dict(before)
        for _ in range(3):  # a batch is the whole phase, so that no order plays a part
            optimizer.zero_grad()
            twin.loss(*batch).backward()
            optimizer.step()
        for name, weight in twin.network.state_dict().items():
            torch.testing.assert_close(student.network.state_dict()[name], weight, rtol=1e-4, atol=1e-5)

    def test_a_warm_start_of_a_new_student_is_a_first_fit(self):
        loop, first = Student(**SIZES), Student(**SIZES).fit(PAIRS, epochs=2, seed=3, progress=False)
        loop.fit(PAIRS, epochs=2, seed=3, warm_start=True, progress=False)
        np.testing.assert_array_equal(loop.log_prob(PAIRS), first.log_prob(PAIRS))
        loop.fit(PAIRS, epochs=2, seed=3, progress=False)
        np.testing.assert_array_equal(loop.log_prob(PAIRS), first.log_prob(PAIRS), "without it, from new weights")

    def test_a_warm_start_keeps_the_characters(self):
        student = Student(**SIZES).fit(PAIRS, symbols="c", epochs=1, progress=False)
        student.fit([("a", "a")], warm_start=True, epochs=1, progress=False)
        assert student.alphabet.letters == ("a", "b", "c")
        assert np.isfinite(student.log_prob([("b", "c")])).all()

    @pytest.mark.parametrize(
        ("data", "options", "said"),
        [
            ([("az", "by")], {}, r"the student was fitted without the characters 'yz'; leave them out, or name them"),
            ([("a", "b")], {"symbols": "+"}, r"without the characters '\+'"),
            ([("a", "b")], {"validation": [("z", "b")]}, "'z' was never seen"),
            ([("a", "b")], {"warm_start": "no"}, "warm_start must be True or False, got 'no'"),
        ],
    )
    def test_a_warm_start_that_is_refused_changes_nothing(self, data: Pairs, options: dict[str, Any], said: str):
        student = Student(**SIZES).fit(PAIRS, epochs=1, progress=False)
        before = student.log_prob(PAIRS)
        with pytest.raises(ValueError, match=said):
            student.fit(data, **{"warm_start": True, **options}, progress=False)
        np.testing.assert_array_equal(student.log_prob(PAIRS), before)

    def test_a_checkpoint_belongs_to_the_weights_that_the_run_began_with(self, tmp_path: Path):
        options: dict[str, Any] = {"epochs": 3, "progress": False, "warm_start": True, "checkpoint": tmp_path / "run"}
        first, other = (Student(**SIZES).fit(PAIRS, epochs=1, seed=seed, progress=False) for seed in (0, 1))
        whole = copy.deepcopy(first).fit(PAIRS, **{**options, "checkpoint": None}).log_prob(PAIRS)

        def killed(epoch: int, model: Student) -> None:
            assert np.isfinite(model.log_prob(PAIRS)).all()
            if epoch == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            first.fit(PAIRS, **options, on_epoch=killed)
        before = other.log_prob(PAIRS)
        with pytest.raises(ValueError, match="belongs to another run: its model's starting weights is"):
            other.fit(PAIRS, **options)
        np.testing.assert_array_equal(other.log_prob(PAIRS), before)
        np.testing.assert_array_equal(first.fit(PAIRS, **options).log_prob(PAIRS), whole)

    def test_a_fit_from_new_weights_is_not_taken_up_by_a_warm_start(self, tmp_path: Path):
        options: dict[str, Any] = {"epochs": 2, "progress": False, "checkpoint": tmp_path / "run"}
        student = Student(**SIZES).fit(PAIRS, **options)
        once = student.log_prob(PAIRS)
        with pytest.raises(ValueError, match="belongs to another run"):
            student.fit(PAIRS, warm_start=True, **options)
        np.testing.assert_array_equal(student.fit(PAIRS, **options).log_prob(PAIRS), once)

    def test_frozen_weights_are_refused(self):
        student = Student(**SIZES).fit(PAIRS, epochs=1, progress=False)
        student.requires_grad_(False)
        with pytest.raises(ValueError, match=r"all weights of this student are frozen; call student\.requires_grad_"):
            student.fit(PAIRS, warm_start=True, progress=False)
        student.requires_grad_(True)
        student.fit(PAIRS, warm_start=True, epochs=1, progress=False)

    def test_adapters_are_merged_before_it_is_saved(self, tmp_path: Path):
        student = Student(**SIZES).fit(PAIRS, epochs=1, progress=False)
        lora.add(student.network, 2)
        student.fit(PAIRS, warm_start=True, epochs=1, progress=False)
        with pytest.raises(ValueError, match=r"has adapters; merge them first: lora\.merge\(student\.network\)"):
            student.save(tmp_path / "student")
        assert not list(tmp_path.iterdir())
        lora.merge(student.network)
        student.save(tmp_path / "student")
        np.testing.assert_array_equal(Student.load(tmp_path / "student").log_prob(PAIRS), student.log_prob(PAIRS))

    def test_a_verifier_says_a_reason_or_nothing(self, student: Student):
        assert accuracy(student, PAIRS, lambda prompt, text: None) == 1
        assert accuracy(student, PAIRS, lambda prompt, text: "wrong") == 0
        for wrong in (True, False, 1, np.True_):
            with pytest.raises(TypeError, match="must return what is wrong with an answer, as a text, or None, got"):
                accuracy(student, PAIRS, lambda prompt, text, wrong=wrong: wrong)

    def test_it_is_saved_and_loaded(self, student: Student, tmp_path: Path):
        student.save(tmp_path / "student")
        loaded = Student.load(tmp_path / "student")
        np.testing.assert_array_equal(loaded.log_prob(PAIRS), student.log_prob(PAIRS))
        assert loaded.config() == student.config()
        assert loaded.trained == student.trained

    @pytest.mark.parametrize(
        ("data", "kind", "said"),
        [
            ("ab", TypeError, r"data must be a list of pairs \(prompt, answer\), got str"),
            ([], ValueError, "data holds no pairs"),
            (["ab"], TypeError, "pair 0 is 'ab'"),
            ([("a", "b"), ("a", "b", "c")], TypeError, "pair 1 is"),
            ([("a", 1)], TypeError, "pair 0 is"),
            ([("a", "")], ValueError, "the answer of pair 0 is empty"),
            ([("", "a")], ValueError, "the prompt of pair 0 is empty"),
            ([("a", "b"), ("a" * 6, "b" * 6)], ValueError, "pair 1 has 12 characters.*context of 12.*context=13"),
        ],
    )
    def test_other_data_are_refused(self, data: Any, kind: type[Exception], said: str):
        with pytest.raises(kind, match=said):
            Student(**SIZES).fit(data, progress=False)

    def test_an_alphabet_is_sorted_and_holds_each_character_once(self):
        assert alphabet_of([("ba", "c")], "za").letters == ("a", "b", "c", "z")


class TestStudentTeacher:
    def test_it_is_a_teacher(self, student: Student):
        teacher = StudentTeacher(student, name="small")
        assert isinstance(teacher, Teacher)
        assert repr(teacher) == "StudentTeacher('small', batch=256)"
        options = Options(max_tokens=3, temperature=0.8, top_p=0.9, stop=("bb",))
        written = teacher.generate(["ab", "b"], seeds=[3, 4], options=options)
        own = student.generate(["ab", "b"], seeds=[3, 4], max_tokens=3, temperature=0.8, top_p=0.9, stop=("bb",))
        assert written == own
        np.testing.assert_array_equal(teacher.log_prob(["ab"], ["b"]), student.log_prob([("ab", "b")]))
        assert teacher.generate([], seeds=[], options=options) == []
        assert teacher.log_prob([], []).shape == (0,)

    @pytest.mark.parametrize("wrong", [{"regex": "a"}, {"schema": {}}, {"min_p": 0.1}, {"repetition_penalty": 1.1}])
    def test_what_a_student_cannot_do_is_refused(self, student: Student, wrong: dict[str, Any]):
        with pytest.raises(ValueError, match=f"a student has no {next(iter(wrong))}"):
            StudentTeacher(student).generate(["a"], seeds=[0], options=Options(**wrong))

    def test_chats_are_refused(self, student: Student):
        teacher, chat = StudentTeacher(student), [{"role": "user", "content": "a"}]
        with pytest.raises(ValueError, match="knows no chats"):
            teacher.generate([chat], seeds=[0], options=Options())
        with pytest.raises(ValueError, match="knows no chats"):
            teacher.log_prob([chat], ["a"])

    def test_only_a_fitted_student_teaches(self):
        with pytest.raises(NotFittedError):
            StudentTeacher(Student(**SIZES))
