"""Instruction tuning: what is counted, what is trained, and that nothing else changes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sdg_lab.files import read_tensors
from sdg_lab.models.language_model import LanguageModel, tuning
from sdg_lab.models.language_model.packed import PackedLinear
from sdg_lab.models.language_model.tuning import Tuning, fine_tune
from sdg_lab.models.transformer import lora
from tests.models.conftest import WriteGGUF


def talk(*texts: str) -> list[dict[str, str]]:
    """Return turns of the user's and the assistant's."""
    return [{"role": ("user", "assistant")[turn % 2], "content": text} for turn, text in enumerate(texts)]


TALKS = [talk("a", "in the"), talk("bb", "no"), talk("c", "the"), talk("dd", "yes"), talk("e", "a the the")]
OPENED = "<|im_start|>assistant\n"


def outputs(lm: LanguageModel) -> torch.Tensor:
    return lm.logits(lm.encode("the in the a"))


def train(lm: LanguageModel, **options: Any) -> LanguageModel:
    return fine_tune(lm, TALKS, **{"epochs": 3, "batch_size": 2, "rank": 2, "progress": False, **options})[0]


class TestTokens:
    def test_what_the_assistant_says_counts_with_its_end(self, tiny: LanguageModel):
        found = tuning.tokens(tiny, talk("a", "in the", "b", "no"))
        whole = "<|im_start|>user\na<|im_end|>\n" + OPENED + "in the<|im_end|>"
        whole += "\n<|im_start|>user\nb<|im_end|>\n" + OPENED + "no<|im_end|>"
        assert tiny.decode(found.ids) == whole
        assert tiny.decode(np.array(found.ids)[found.counted].tolist()) == "in the<|im_end|>no<|im_end|>"

    def test_an_answer_follows_what_the_model_reads_before_it_writes(self, tiny: LanguageModel):
        ids, counted = tuning.tokens(tiny, talk("a", "in the"))
        assert ids[: counted.index(True)] == tiny.encode(tiny.prompt(talk("a")))

    def test_the_templates_own_first_message_is_read_and_not_counted(self, smollm2: LanguageModel):
        found = tuning.tokens(smollm2, talk("Hi", "Hello, there!"))
        assert smollm2.decode(found.ids) == smollm2.prompt(talk("Hi")) + "Hello, there!<|im_end|>"
        assert smollm2.decode(np.array(found.ids)[found.counted].tolist()) == "Hello, there!<|im_end|>"

    def test_rows_are_padded_at_their_right(self, tiny: LanguageModel):
        ids, lengths, counted, weights = tuning.tensors(tiny, TALKS)
        for row, conversation in enumerate(TALKS):
            own = tuning.tokens(tiny, conversation)
            assert ids[row, : lengths[row]].tolist() == own.ids
            assert counted[row].tolist() == own.counted + [False] * (ids.shape[1] - len(own.ids))
        assert float(weights.mean()) == pytest.approx(len(TALKS) / int(counted.sum()))

    @pytest.mark.parametrize(
        ("conversations", "kind", "said"),
        [
            ([], ValueError, "there are no conversations"),
            ([talk("a")], ValueError, "conversation 0: it has no message of the assistant's after another's"),
            ([talk("a", "b"), talk("a", "")], ValueError, "conversation 1: message 1 says nothing; leave it out"),
            ([talk("a", "b<|im_end|>")], ValueError, r"conversation 0: message 1 holds <\|im_end\|>"),
            ([[{"role": "user"}]], TypeError, "conversation 0: message 0 must be"),
            ([talk("a", "b" * 60)], ValueError, "conversation 0 has 81 tokens, .* context holds 48; shorten it"),
        ],
    )
    def test_refusals(self, tiny: LanguageModel, conversations: Any, kind: type[Exception], said: str):
        with pytest.raises(kind, match=said):
            fine_tune(tiny, conversations)

    @pytest.mark.parametrize("wrong", [None, "smollm2"])
    def test_what_is_no_language_model_is_refused(self, wrong: Any):
        with pytest.raises(TypeError, match=r"lm must be a LanguageModel, got .*give student\.network"):
            fine_tune(wrong, TALKS)
        with pytest.raises(TypeError, match="lm must be a LanguageModel, got"):
            tuning.tensors(wrong, TALKS)
        with pytest.raises(TypeError, match="lm must be a LanguageModel, got"):
            tuning.tokens(wrong, TALKS[0])

    @pytest.mark.parametrize("wrong", [None, 3, "in the"])
    def test_conversations_are_several(self, tiny: LanguageModel, wrong: Any):
        with pytest.raises(ValueError, match="conversations must be several values, such as"):
            fine_tune(tiny, wrong)

    def test_conversations_may_come_one_by_one(self, tiny: LanguageModel):
        found = zip(tuning.tensors(tiny, iter(TALKS)), tuning.tensors(tiny, TALKS), strict=True)  # type: ignore[arg-type] # that is the point
        assert all(torch.equal(one, other) for one, other in found)

    def test_a_template_that_hides_the_answer_is_refused(self, write_gguf: WriteGGUF):
        template = "{% for m in messages %}{{ m['role'] + m['content'] | upper }}{% endfor %}"
        lm = LanguageModel.from_gguf(write_gguf(metadata={"tokenizer.chat_template": template}))
        with pytest.raises(ValueError, match="does not write message 1 between"):
            tuning.tokens(lm, talk("a", "b"))


class TestLoss:
    def test_is_the_answers_log_probability_by_token(self, tiny: LanguageModel):
        # The oracle reads one conversation at a time, with keys and values in a cache and packed weights.
        answers = [conversation[-1]["content"] + "<|im_end|>" for conversation in TALKS]
        nats = -tiny.log_prob(answers, given=[conversation[:-1] for conversation in TALKS])
        tokens = sum(len(tiny.encode(answer)) for answer in answers)
        model = Tuning(tiny.network, 2, 16.0, None, 0)
        found = float(model.loss(*tuning.tensors(tiny, TALKS)).detach())
        assert found == pytest.approx(float(nats.sum()) / tokens, rel=1e-4)

    @pytest.mark.parametrize("rank", [2, None])
    def test_its_gradient_is_that_of_finite_differences(self, tiny: LanguageModel, rank: int | None):
        model = Tuning(tiny.network, rank, 16.0, None, 0).double()
        *batch, weights = tuning.tensors(tiny, TALKS[:1])  # 25 tokens: few enough to be multiplied packed
        assert batch[0].shape[1] <= 32
        generator = torch.Generator().manual_seed(0)
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        with torch.no_grad():
            for weight in trained:
                weight += 0.01 * torch.randn(weight.shape, generator=generator, dtype=weight.dtype)
        # Rotations are computed in float32: the step is as large as their rounding asks for.
        directions = [torch.randn(weight.shape, generator=generator, dtype=weight.dtype) for weight in trained]
        length, h = math.sqrt(sum(float(direction.square().sum()) for direction in directions)), 0.01

        def moved(step: float) -> float:
            with torch.no_grad():
                for weight, direction in zip(trained, directions, strict=True):
                    weight += step / length * direction
            return float(model.loss(*batch, weights.double()).detach())

        model.loss(*batch, weights.double()).backward()
        slope = sum(float((p.grad * d).sum()) for p, d in zip(trained, directions, strict=True)) / length
        above, below = moved(h), moved(-2 * h)
        assert slope == pytest.approx((above - below) / (2 * h), rel=0.01)

    def test_gradients_flow_through_adapters_beside_packed_weights(self, write_gguf: WriteGGUF):
        packed = LanguageModel.from_gguf(write_gguf()).network
        plain = Tuning(packed, 2, 16.0, None, 0).network
        lora.add(packed, rank=2)
        assert isinstance(lora.layers(packed)["blocks.0.attention.qkv"].base, PackedLinear)
        for network in (packed, plain):
            torch.manual_seed(0)
            for layer in lora.layers(network).values():
                torch.nn.init.normal_(layer.B, std=0.1)
            network.hidden(torch.tensor([[5, 9, 7, 8]])).square().sum().backward()
        for mine, theirs in zip(lora.parameters(packed), lora.parameters(plain), strict=True):
            assert mine.grad is not None
            scale = float(theirs.grad.abs().max())
            torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-4, atol=1e-4 * scale)
        with torch.no_grad():  # and what is read packed is the same
            tokens = torch.tensor([[5, 9, 7, 8]])
            torch.testing.assert_close(packed.hidden(tokens), plain.hidden(tokens), rtol=1e-4, atol=1e-4)


class TestFineTune:
    @pytest.mark.parametrize("rank", [2, None])
    def test_an_answer_is_learnt_and_the_model_itself_stays(self, tiny: LanguageModel, rank: int | None):
        before = outputs(tiny)
        asked, wanted = TALKS[0][:1], TALKS[0][1]["content"]
        assert tiny.chat(asked, temperature=0, max_tokens=8) != wanted
        tuned, history = fine_tune(tiny, [TALKS[0]], rank=rank, epochs=60, lr=0.01, progress=False)
        assert tuned.chat(asked, temperature=0, max_tokens=8) == wanted
        assert history.train_loss[-1] < history.train_loss[0] / 2
        torch.testing.assert_close(outputs(tiny), before, rtol=0, atol=0)
        assert not lora.layers(tiny.network)
        assert not any(weight.requires_grad for weight in tuned.network.parameters())

    def test_low_rank_updates_stand_beside_the_same_packed_weights(self, tiny: LanguageModel):
        tuned = train(tiny)
        for name, layer in lora.layers(tuned.network).items():
            own = tiny.network.get_submodule(name)
            assert isinstance(layer.base, PackedLinear)
            assert layer.base.packed is own.packed
            assert layer.base.weight.data_ptr() == own.weight.data_ptr()
        assert tuned.network.token_embedding.weight.data_ptr() == tiny.network.token_embedding.weight.data_ptr()

    def test_all_weights_are_trained_in_memory_of_their_own(self, tiny: LanguageModel):
        tuned = train(tiny, rank=None)
        mine, theirs = (dict(lm.network.named_parameters()) for lm in (tuned, tiny))
        assert mine.keys() == theirs.keys() - {"head.weight"}
        assert not any(torch.equal(mine[name], theirs[name]) for name in mine)

    def test_merged_answers_alike_and_adapters_can_be_kept(self, tiny: LanguageModel, tmp_path: Path, write_gguf):
        tuned = train(tiny)
        adapted = outputs(tuned)
        assert float((adapted - outputs(tiny)).abs().max()) > 0.01
        lora.save(tuned.network, tmp_path / "a.safetensors")
        lora.merge(tuned.network)
        torch.testing.assert_close(outputs(tuned), adapted, rtol=1e-4, atol=1e-4 * float(adapted.abs().max()))
        again = LanguageModel.from_gguf(write_gguf())
        lora.load(again.network, tmp_path / "a.safetensors")
        torch.testing.assert_close(outputs(again), adapted, rtol=1e-4, atol=1e-4 * float(adapted.abs().max()))

    def test_a_run_that_was_killed_goes_on_to_the_same_bits(self, tiny: LanguageModel, tmp_path: Path):
        file = tmp_path / "run"

        def kill(epoch: int, _: LanguageModel) -> None:
            if epoch == 1:
                raise KeyboardInterrupt

        for rank in (2, None):
            through = train(tiny, rank=rank)
            with pytest.raises(KeyboardInterrupt):
                train(tiny, rank=rank, checkpoint=file, on_epoch=kill)
            resumed = train(tiny, rank=rank, checkpoint=file)
            mine, theirs = resumed.network.state_dict(), through.network.state_dict()
            torch.testing.assert_close(mine, theirs, rtol=0, atol=0)
            if rank:
                tensors, _ = read_tensors(file)
                model = {name for name in tensors if name.startswith("model.")}
                assert len(model) == 2 * len(lora.layers(resumed.network))
                assert {name.rpartition(".")[2] for name in model} == {"A", "B"}
            file.unlink()

    @pytest.mark.parametrize(
        ("other", "said"),
        [
            ({"rank": 3}, "its model's rank is 2"),
            ({"alpha": 4}, "its model's alpha is 16.0"),
            ({"seed": 1}, "its seed"),
        ],
    )
    def test_another_run_is_refused(self, tiny: LanguageModel, tmp_path: Path, other: dict[str, Any], said: str):
        train(tiny, checkpoint=tmp_path / "run")
        with pytest.raises(ValueError, match=said):
            train(tiny, checkpoint=tmp_path / "run", **other)

    def test_another_base_is_refused(self, tiny: LanguageModel, tmp_path: Path):
        train(tiny, checkpoint=tmp_path / "run")
        with pytest.raises(ValueError, match="its model's base is"):
            train(train(tiny, rank=None), checkpoint=tmp_path / "run")

    def test_options_reach_the_loop(self, tiny: LanguageModel):
        seen: list[int] = []

        def talks(epoch: int, lm: LanguageModel) -> None:
            assert isinstance(lm, LanguageModel)
            assert len(lm.chat(talk("a"), max_tokens=2, seed=0)) >= 0
            seen.append(epoch)

        options = {"rank": 2, "epochs": 3, "progress": False, "validation": TALKS[:2], "ema": 0.5, "patience": 3}
        tuned, history = fine_tune(tiny, TALKS, on_epoch=talks, targets=["qkv"], **options)
        assert seen == [0, 1, 2]
        assert len(history.validation_loss) == 3
        assert list(lora.layers(tuned.network)) == ["blocks.0.attention.qkv", "blocks.1.attention.qkv"]
        torch.testing.assert_close(outputs(train(tiny)), outputs(train(tiny)), rtol=0, atol=0)
        assert not torch.equal(outputs(train(tiny)), outputs(train(tiny, seed=1)))
        assert not torch.equal(outputs(train(tiny)), outputs(train(tiny, alpha=1)))

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            ({"rank": None, "alpha": 8}, "alpha and targets belong to low-rank updates"),
            ({"rank": None, "targets": ["qkv"]}, "alpha and targets belong to low-rank updates"),
            ({"rank": 0}, "the rank beside a matrix of 128 by 64 must be"),
            ({"optimizer": "muon"}, "does not say which matrices muon shall step"),
        ],
    )
    def test_options_that_do_not_fit_are_refused(self, tiny: LanguageModel, options: dict[str, Any], said: str):
        with pytest.raises(ValueError, match=said):
            train(tiny, **options)

    def test_a_tuned_model_is_merged_before_it_is_tuned_again(self, tiny: LanguageModel):
        tuned = train(tiny)
        with pytest.raises(ValueError, match=r"has adapters already; merge them first: lora.merge\(lm.network\)"):
            train(tuned)
        lora.merge(tuned.network)
        assert lora.layers(train(tuned).network)

    def test_an_option_that_is_mistyped_is_told(self, tiny: LanguageModel):
        with pytest.raises(TypeError, match="no option 'epoch'; did you mean 'epochs'"):
            fine_tune(tiny, TALKS, epoch=1)
