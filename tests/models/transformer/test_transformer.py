"""The transformer: equal to GPT-2 and Llama with the same weights; causal; and a cache changes nothing."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from sdg_lab.files import write_tensors
from sdg_lab.models.contract import HasLogProb, NotFittedError
from sdg_lab.models.transformer import GPT, Transformer, TransformerConfig
from sdg_lab.models.transformer.cache import causal_mask

SYMBOLS, CONTEXT = 11, 12

FORMS: dict[str, dict[str, Any]] = {
    "gpt-2": {"bias": True},
    "llama": {"positions": "rotary", "norm": "rms", "feed_forward": "swiglu", "n_kv_heads": 2, "tied": False},
    "llama in a file": {"positions": "rotary", "rope_pairs": "neighbours", "n_kv_heads": 1, "norm": "rms"},
}


def assert_same_logits(found: Tensor, wanted: Tensor) -> None:
    """Equal to the arithmetic of float32: sums of another order, at the scale of these logits."""
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4 * float(wanted.detach().abs().max()))


def network(**options: Any) -> Transformer:
    """Make a small network with weights so large that every part of it matters."""
    torch.manual_seed(0)
    sizes = {"d_model": 16, "n_layers": 2, "n_heads": 4, "context": CONTEXT}
    made = Transformer(SYMBOLS, **(sizes | options)).eval()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(parameter * 3 + 0.3 * torch.randn_like(parameter))
    return made


@pytest.fixture(params=FORMS, ids=str)
def form(request: pytest.FixtureRequest) -> Transformer:
    return network(**FORMS[request.param])


def codes(n: int, length: int, seed: int = 0) -> Tensor:
    return torch.randint(SYMBOLS, (n, length), generator=torch.Generator().manual_seed(seed))


# The same weights in another implementation give the same scores.


def test_it_is_the_gpt_2_of_transformers() -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    ours = network(bias=True)
    config = GPT2Config(
        vocab_size=SYMBOLS,
        n_positions=CONTEXT,
        n_embd=16,
        n_layer=2,
        n_head=4,
        activation_function="gelu",
        bos_token_id=0,
        eos_token_id=0,
    )
    theirs = GPT2LMHeadModel(config).eval()
    weights = {
        "transformer.wte.weight": ours.token_embedding.weight,
        "transformer.wpe.weight": ours.state_dict()["position_embedding.weight"],
    }
    names = {
        "ln_1": "attention_norm",
        "attn.c_attn": "attention.qkv",
        "attn.c_proj": "attention.out",
        "ln_2": "feed_forward_norm",
        "mlp.c_fc": "feed_forward.up",
        "mlp.c_proj": "feed_forward.down",
    }
    state = ours.state_dict()
    for kind in ("weight", "bias"):
        weights[f"transformer.ln_f.{kind}"] = state[f"norm.{kind}"]
        for layer in range(2):
            for their_name, our_name in names.items():
                tensor = state[f"blocks.{layer}.{our_name}.{kind}"]
                weights[f"transformer.h.{layer}.{their_name}.{kind}"] = tensor.T if tensor.ndim == 2 else tensor
    missing = theirs.load_state_dict(weights, strict=False)
    assert missing.unexpected_keys == []
    assert missing.missing_keys == ["lm_head.weight"]  # tied
    theirs.tie_weights()
    tokens = codes(3, CONTEXT)
    with torch.no_grad():
        assert_same_logits(ours(tokens), theirs(tokens).logits)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_it_is_the_llama_of_transformers(kv_heads: int, tied: bool) -> None:
    from transformers import LlamaConfig, LlamaForCausalLM

    options = {**FORMS["llama"], "n_kv_heads": kv_heads, "tied": tied, "rope_base": 500.0, "norm_eps": 1e-3}
    ours = network(d_ff=24, **options)
    config = LlamaConfig(
        vocab_size=SYMBOLS,
        hidden_size=16,
        intermediate_size=24,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=kv_heads,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-3,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        tie_word_embeddings=tied,
        bos_token_id=0,
        eos_token_id=0,
    )
    theirs = LlamaForCausalLM(config).eval()
    state = ours.state_dict()
    weights = {"model.embed_tokens.weight": state["token_embedding.weight"], "model.norm.weight": state["norm.weight"]}
    if not tied:
        weights["lm_head.weight"] = state["head.weight"]
    for layer in range(2):
        mine = {name.removeprefix(f"blocks.{layer}."): t for name, t in state.items() if f"blocks.{layer}." in name}
        q, k, v = mine["attention.qkv.weight"].split([16, 4 * kv_heads, 4 * kv_heads])
        gate, up = mine["feed_forward.gate_up.weight"].split(24)
        parts = {
            "input_layernorm": mine["attention_norm.weight"],
            "self_attn.q_proj": q,
            "self_attn.k_proj": k,
            "self_attn.v_proj": v,
            "self_attn.o_proj": mine["attention.out.weight"],
            "post_attention_layernorm": mine["feed_forward_norm.weight"],
            "mlp.gate_proj": gate,
            "mlp.up_proj": up,
            "mlp.down_proj": mine["feed_forward.down.weight"],
        }
        weights |= {f"model.layers.{layer}.{name}.weight": tensor for name, tensor in parts.items()}
    missing = theirs.load_state_dict(weights, strict=False)
    assert missing.unexpected_keys == []
    assert missing.missing_keys == (["lm_head.weight"] if tied else [])
    theirs.tie_weights()
    tokens = codes(3, CONTEXT)
    with torch.no_grad():
        assert_same_logits(ours(tokens), theirs(tokens).logits)


# What a token may depend on


def test_changing_a_token_changes_no_logit_before_it_and_all_from_it_on(form: Transformer) -> None:
    tokens = codes(1, CONTEXT)
    before = form(tokens)
    for place in range(CONTEXT):
        changed = tokens.clone()
        changed[0, place] = (tokens[0, place] + 1) % SYMBOLS
        differs = (form(changed) - before)[0].abs().amax(dim=-1) > 1e-4 * before.abs().max()
        assert differs.tolist() == [False] * place + [True] * (CONTEXT - place)


def test_the_weights_of_attention_are_what_the_layers_use(form: Transformer) -> None:
    tokens = codes(2, 7)
    weights = form.attention_weights(tokens)
    assert weights.shape == (2, 2, 4, 7, 7)
    torch.testing.assert_close(weights.sum(-1), torch.ones(2, 2, 4, 7))
    assert (weights[..., ~causal_mask(7, 7)] == 0).all()
    # Rebuild the scores from the weights and the values alone.
    x, _ = form._embed(tokens, None)
    for layer, block in enumerate(form.blocks):
        qkv = block.attention.qkv(block.attention_norm(x)).view(2, 7, -1, 4).transpose(1, 2)
        v = qkv[:, (qkv.shape[1] + 4) // 2 :]  # after 4 query heads, half of the rest are of keys
        gathered = weights[layer] @ v.repeat_interleave(4 // v.shape[1], dim=1)
        x = x + block.attention.out(gathered.transpose(1, 2).flatten(2))
        x = x + block.feed_forward(block.feed_forward_norm(x))
    assert_same_logits(form.unembed(form.norm(x)), form(tokens))


def test_dropout_is_after_the_embedding_and_in_what_each_block_adds() -> None:
    made = network(dropout=0.5, n_layers=3).train()
    drawn: list[torch.Size] = []
    for module in made.modules():
        if isinstance(module, torch.nn.Dropout):
            assert module.p == 0.5
            module.register_forward_hook(lambda module, read, found: drawn.append(found.shape))
    made(codes(2, 7))
    assert drawn == [torch.Size([2, 7, 16])] * (1 + 2 * 3)


# The cache


@pytest.mark.parametrize("parts", [[1] * 10, [4, 1, 5], [9, 1], [10]], ids=str)
@torch.no_grad()
def test_with_a_cache_the_logits_are_those_of_the_whole_pass(form: Transformer, parts: list[int]) -> None:
    tokens = codes(3, 10)
    cache = form.cache(3)
    found = torch.cat([form(part, cache) for part in tokens.split(parts, dim=1)], dim=1)
    assert_same_logits(found, form(tokens))
    assert cache.length == 10


@torch.no_grad()
def test_prompts_of_different_lengths_read_together_score_as_each_alone(form: Transformer) -> None:
    prompts = [codes(1, length, seed=length) for length in (6, 1, 4)]
    padding = torch.tensor([0, 5, 2])
    together = torch.cat([F.pad(prompt, (6 - prompt.shape[1], 0), value=7) for prompt in prompts])
    cache = form.cache(3, capacity=9, padding=padding)
    prefill = form(together, cache)
    answers = codes(3, 3, seed=9)
    first, rest = form(answers[:, :1], cache), form(answers[:, 1:], cache)
    for row, prompt in enumerate(prompts):
        alone = form(torch.cat([prompt, answers[row : row + 1]], dim=1))[0]
        found = torch.cat([prefill[row, int(padding[row]) :], first[row], rest[row]])
        assert_same_logits(found, alone)


@torch.no_grad()
def test_rows_of_a_cache_go_on_alone(form: Transformer) -> None:
    tokens = codes(4, 6)
    cache = form.cache(4)
    form(tokens[:, :4], cache)
    rows = torch.tensor([3, 1])
    found = form(tokens[rows, 4:], cache.keep(rows))
    assert_same_logits(found, form(tokens[rows])[:, 4:])


def test_more_tokens_than_the_context_are_refused(form: Transformer) -> None:
    with pytest.raises(ValueError, match="13 tokens are more than the context of 12; give fewer"):
        form(codes(1, 13))
    cache = form.cache(1, capacity=4)
    form(codes(1, 3), cache)
    with pytest.raises(ValueError, match="5 tokens, padding included, are more than the cache's capacity of 4; make"):
        form(codes(1, 2), cache)
    for capacity in (0, -1, 2.5):
        with pytest.raises(ValueError, match=f"capacity must be a whole number >= 1, got {capacity}"):
            form.cache(1, capacity=capacity)  # type: ignore[arg-type]


@pytest.mark.parametrize("padding", [None, [2, 0, 1]])
@torch.no_grad()
def test_rows_of_a_cache_go_on_from_beginnings_of_what_was_read(form: Transformer, padding: list[int] | None) -> None:
    cache = form.cache(3, padding=None if padding is None else torch.tensor(padding))
    tokens = codes(3, 6)
    form(tokens, cache)
    begins = padding or [0, 0, 0]
    rows, lengths, rest = [2, 0, 2, 1], [5, 0, 3, 6], codes(4, 2)
    taken = cache.take(torch.tensor(rows), torch.tensor(lengths), capacity=8)
    lengths[3] = min(lengths[3], 6 - begins[1])
    found = form(rest, taken)
    for place, (row, length) in enumerate(zip(rows, lengths, strict=True)):
        text = torch.cat([tokens[row, begins[row] : begins[row] + length], rest[place]])
        assert_same_logits(found[place], form(text[None])[0, length:])


@torch.no_grad()
def test_a_row_that_takes_less_than_nothing_is_padded_in_what_is_read_next(form: Transformer) -> None:
    cache = form.cache(1)
    tokens = codes(1, 4)
    form(tokens, cache)
    taken = cache.take(torch.tensor([0, 0]), torch.tensor([3, -1]), capacity=6)
    rest = codes(2, 3)
    found = form(rest, taken)
    assert_same_logits(found[0], form(torch.cat([tokens[0, :3], rest[0]])[None])[0, 3:])
    assert_same_logits(found[1, 1:], form(rest[1:, 1:])[0])
    assert cache.length == 4


@torch.no_grad()
def test_padding_takes_room_in_the_cache_and_none_in_the_context() -> None:
    form = network()
    with pytest.raises(ValueError, match="13 tokens, padding included, are more than the cache's capacity of 12"):
        form(codes(2, 13), form.cache(2, padding=torch.tensor([4, 1])))
    cache = form.cache(2, capacity=20, padding=torch.tensor([4, 1]))
    tokens = codes(2, 13)
    found = form(tokens, cache)
    assert_same_logits(found[1, 1:], form(tokens[1:, 1:])[0])
    with pytest.raises(ValueError, match="13 tokens are more than the context of 12; give fewer"):
        form(codes(2, 1), cache)
    form(codes(1, 1), cache.keep(torch.tensor([0])))  # the row that has read 9


# The model of sequences

NAMES = ["anna", "hannah", "otto", "nat", "tonna", "ann", "tat", "hanno"]


def gpt(**options: Any) -> GPT:
    return GPT(**({"context": 12, "d_model": 16, "n_layers": 1, "n_heads": 2} | options))


@pytest.fixture(scope="module")
def fitted() -> GPT:
    return gpt().fit(NAMES, epochs=60, batch_size=8, lr=1e-2, progress=False)


def test_training_learns_the_names_by_heart(fitted: GPT) -> None:
    # Without a context, the best that can be said of their symbols is their shares.
    text = "".join(f"{name}\n" for name in NAMES)
    shares = [text.count(letter) / len(text) for letter in text]
    assert fitted.log_prob(NAMES).sum() / len(text) > np.log(shares).mean() + 0.5


def test_all_probabilities_of_a_position_sum_to_one_and_log_prob_is_their_product(fitted: GPT) -> None:
    tokens, _ = fitted.pad(["anna"])
    nats = fitted.logits(tokens[:, :-1]).detach().log_softmax(-1)[0]
    by_hand = sum(float(nats[place, code]) for place, code in enumerate(tokens[0, 1:].tolist()))
    assert fitted.log_prob(["anna"])[0] == pytest.approx(by_hand, abs=1e-5)
    assert isinstance(fitted, HasLogProb)


def test_sampling_with_the_cache_draws_what_the_whole_pass_would(fitted: GPT) -> None:
    drawn = [str(name) for name in fitted.sample(5, temperature=0, prompt="ha", max_length=5)]
    assert len(set(drawn)) == 1
    want = "ha"
    while len(want) < 7:
        tokens = torch.tensor([[0, *(fitted.symbols.index(letter) for letter in want)]])
        code = int(fitted.logits(tokens)[0, -1].argmax())
        if code == 0:
            break
        want += fitted.symbols[code]
    assert drawn[0] == want


@pytest.mark.parametrize("options", FORMS.values(), ids=FORMS)
def test_save_and_load_give_back_the_same_model(options: dict[str, Any], tmp_path: Path) -> None:
    model = gpt(**options | {"n_heads": 4, "dropout": 0.1}).fit(NAMES, epochs=2, progress=False)
    model.save(tmp_path / "gpt.safetensors")
    again = GPT.load(tmp_path / "gpt.safetensors")
    assert again.config() == model.config()
    np.testing.assert_array_equal(again.log_prob(NAMES), model.log_prob(NAMES))
    assert again.sample(4, seed=0) == model.sample(4, seed=0)


def test_weights_bring_their_alphabet_along(fitted: GPT) -> None:
    again = gpt()
    again.load_state_dict({name: value.clone() for name, value in fitted.state_dict().items()})
    assert again.symbols == fitted.symbols
    np.testing.assert_array_equal(again.log_prob(NAMES), fitted.log_prob(NAMES))


def test_before_fit_its_size_is_not_known_and_its_options_are() -> None:
    model = gpt()
    with pytest.raises(NotFittedError, match="the size of this GPT depends on its data"):
        model.n_parameters  # noqa: B018 - a property that refuses
    assert model.config() == dataclasses.asdict(TransformerConfig(context=12, d_model=16, n_layers=1, n_heads=2))
    assert GPT(**model.config()).config() == model.config()


def test_a_file_of_the_first_version_is_read(fitted: GPT, tmp_path: Path) -> None:
    arguments = {"context": 12, "d_model": 16, "n_layers": 1, "n_heads": 2}
    config = {"arguments": arguments, **fitted.facts(), "trained": {"seconds": 1.5}}
    write_tensors(tmp_path / "old.safetensors", fitted.state(), {"model": "GPT", "config": config})
    again = GPT.load(tmp_path / "old.safetensors")
    np.testing.assert_array_equal(again.log_prob(NAMES), fitted.log_prob(NAMES))
    assert again.trained == {"seconds": 1.5}


def test_muon_steps_the_matrices_inside_the_blocks_and_no_other() -> None:
    model = gpt(tied=False).fit(NAMES, epochs=1, optimizer="muon", progress=False)
    assert sorted(tuple(matrix.shape) for matrix in model.matrices()) == [(16, 16), (16, 64), (48, 16), (64, 16)]


@pytest.mark.parametrize("thing", [GPT, Transformer])
def test_help_shows_the_options_with_their_defaults(thing: type) -> None:
    shown = inspect.signature(thing).parameters
    for field in dataclasses.fields(TransformerConfig):
        assert shown[field.name].default == field.default
    assert "options" not in shown


def test_the_seed_decides_the_weights() -> None:
    first, again, other = (gpt(dropout=0.2).fit(NAMES, epochs=1, seed=seed, progress=False) for seed in (1, 1, 2))
    for name, tensor in first.state().items():
        assert torch.equal(tensor, again.state()[name]), name
    assert not torch.equal(first.network.token_embedding.weight, other.network.token_embedding.weight)


def test_new_weights_are_as_small_as_those_of_gpt_2() -> None:
    made = Transformer(200, d_model=64, n_layers=8)
    assert float(made.token_embedding.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    block = made.blocks[3]
    assert float(block.attention.qkv.weight.detach().std()) == pytest.approx(0.02, rel=0.05)
    assert float(block.feed_forward.down.weight.detach().std()) == pytest.approx(0.02 / math.sqrt(16), rel=0.05)
    # So a network that has learnt nothing finds all symbols about equally likely.
    loss = F.cross_entropy(made(torch.arange(200)[None]).flatten(0, 1), torch.arange(200).roll(1))
    assert float(loss.detach()) == pytest.approx(math.log(200), abs=0.1)


# What it refuses, and the sentence


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"n_layers": 0}, "n_layers must be a whole number >= 1, got 0"),
        ({"d_ff": 2.5}, r"d_ff must be a whole number >= 1, got 2\.5"),
        ({"d_model": 10, "n_heads": 4}, "d_model must be a multiple of n_heads, got 10 and 4"),
        ({"n_heads": 4, "n_kv_heads": 3}, "n_heads must be a multiple of n_kv_heads, got 4 and 3"),
        ({"positions": "sinusoidal"}, "positions must be one of learned, rotary, got 'sinusoidal'"),
        ({"norm": "batch"}, "norm must be one of layer, rms, got 'batch'"),
        ({"feed_forward": "relu"}, "feed_forward must be one of gelu, swiglu, got 'relu'"),
        ({"rope_pairs": "thirds"}, "rope_pairs must be one of halves, neighbours, got 'thirds'"),
        ({"dropout": 1.0}, r"dropout must be >= 0 and < 1, got 1\.0"),
        ({"positions": "rotary", "d_model": 6, "n_heads": 2}, "d_model / n_heads must be even, got 3"),
        ({"context": 1}, "context must be a whole number >= 2, got 1"),
        ({"positions": "rotary", "rope_base": 0.0}, r"rope_base must be >= 1, got 0\.0"),
        ({"positions": "rotary", "rope_base": math.inf}, "rope_base must be >= 1, got inf"),
        ({"rope_base": "10000"}, "rope_base must be >= 1, got '10000'"),
        ({"bias": "no"}, "bias must be True or False, got 'no'"),
        ({"tied": 1}, "tied must be True or False, got 1"),
        ({"norm_eps": math.nan}, "norm_eps must be > 0, got nan"),
        ({"norm_eps": 0.0}, r"norm_eps must be > 0, got 0\.0"),
    ],
)
def test_bad_arguments_are_refused(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        gpt(**options)


def test_numbers_of_numpy_are_saved_as_numbers(tmp_path: Path) -> None:
    model = gpt(d_model=np.int64(16), tied=np.True_).fit(["an", "na"], epochs=1, progress=False)
    model.save(tmp_path / "numpy.safetensors")
    assert GPT.load(tmp_path / "numpy.safetensors").config() == model.config()


def test_what_does_not_fit_is_refused(fitted: GPT) -> None:
    tokens = torch.zeros(1, 3, dtype=torch.int64)
    questions: tuple[Callable[[GPT], Any], ...] = (
        lambda m: m.sample(1),
        lambda m: m.logits(tokens),
        lambda m: m.loss(tokens, torch.tensor([2])),
        lambda m: m.start(1),
        lambda m: m.matrices(),
    )
    for ask in questions:
        with pytest.raises(NotFittedError, match="this GPT has not been fitted"):
            ask(gpt())
    with pytest.raises(ValueError, match="sequence 1 has 12 symbols, with its boundary more than the context of 12"):
        gpt().fit(["an", "a" * 12], progress=False)
    with pytest.raises(ValueError, match="symbol 'z' was never seen in training"):
        fitted.log_prob(["anz"])
    with pytest.raises(ValueError, match="the prompt has 12 symbols, but this model reads at most 11"):
        fitted.sample(1, prompt="a" * 12)
    with pytest.raises(ValueError, match="data holds no sequences"):
        gpt().fit([], progress=False)
    with pytest.raises(TypeError, match="GPT has no option 'n_head'; did you mean 'n_heads'"):
        gpt(n_head=3)
    with pytest.raises(TypeError, match="Transformer has no option 'layers'; did you mean 'n_layers'"):
        Transformer(5, layers=3)


@pytest.mark.parametrize(
    "change",
    [
        {"letters": ["a"] * 17},
        {"letters": list(range(17))},
        {"letters": ["b", "a"]},
        {"characters": "x"},
        {"text_context": -1},
        {"text_context": 1.5},
    ],
    ids=str,
)
def test_facts_that_describe_no_model_are_refused(change: dict[str, Any]) -> None:
    model = gpt().fit(["ab", "ba"], epochs=1, progress=False)
    with pytest.raises(ValueError, match="must be"):
        model.set_facts(model.facts() | change)


def test_the_name_of_a_file_is_not_learned_as_a_text(tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text("once upon a time")
    with pytest.raises(ValueError, match=r"is the name of a file; read it first, as sdg_lab.data.read_text does"):
        gpt().fit_text(str(tmp_path / "story.txt"), epochs=1, progress=False)
