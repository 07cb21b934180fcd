"""A GPT beside x-transformers' decoder and transformers' GPT-2: a training step, and generation with and without cache.

All have the same layers, width, heads, context and vocabulary, no dropout, and read the same batch; the peers use
torch's fused attention, as ours does. They count a few more parameters than ours, which has no biases.

One text alone gains less from the cache than eight side by side: a step of one token is mostly the overhead of calling
forty small operations, which does not become smaller. For a network of a usable size see ``language_model``.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import GPT2Config, GPT2LMHeadModel
from x_transformers import Decoder, TransformerWrapper

from benchmarks.timing import Row, interleaved
from sdg_lab.models.transformer import Transformer
from sdg_lab.training import n_parameters

SYMBOLS, WIDTH, LAYERS, HEADS, CONTEXT = 82, 128, 4, 4, 256
BATCH, REPEATS = 8, 7
TEXTS, GENERATED, GENERATIONS = (1, 8), 256, 1


def run() -> list[Row]:
    torch.manual_seed(0)
    tokens = torch.randint(SYMBOLS, (BATCH, CONTEXT + 1))
    networks = {"ours": ours(), "x-transformers": x_transformers(), "transformers' GPT-2": gpt_2()}
    steps = {name: training_step(network, tokens) for name, network in networks.items()}
    step = interleaved(steps, repeats=REPEATS)
    sizes = {name: f"{n_parameters(network) / 1e6:.2f}M" for name, network in networks.items()}
    rate = BATCH * CONTEXT / step["ours"]
    what = f"GPT {sizes['ours']}, a training step of {BATCH * CONTEXT:,} tokens ({rate:,.0f} a second)"
    rows = [
        Row(what, step["ours"], f"{name}, {sizes[name]}", step[name], goal=1.2) for name in networks if name != "ours"
    ]
    return [*rows, *(cached(texts, sizes["ours"]) for texts in TEXTS)]


def cached(texts: int, size: str) -> Row:
    """Compare writing with and without a cache."""
    writer = ours().eval()
    writing = {"with": partial(with_cache, writer, texts), "without": partial(without_cache, writer, texts)}
    if not torch.equal(writing["with"](), writing["without"]()):
        raise AssertionError("with the cache other tokens are written than without")
    seconds = interleaved(writing, repeats=GENERATIONS)
    what = f"GPT {size}, writing {GENERATED} tokens of {texts} text{'s' * (texts > 1)} with a cache"
    return Row(what, seconds["with"], "ours, without cache", seconds["without"], goal=10)


def ours() -> Transformer:
    return Transformer(SYMBOLS, d_model=WIDTH, n_layers=LAYERS, n_heads=HEADS, context=CONTEXT)


def gpt_2() -> nn.Module:
    config = GPT2Config(
        vocab_size=SYMBOLS,
        n_positions=CONTEXT,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        use_cache=False,
        bos_token_id=0,
        eos_token_id=0,
        attn_implementation="sdpa",
    )
    return GPT2LMHeadModel(config)


def x_transformers() -> nn.Module:
    layers = Decoder(dim=WIDTH, depth=LAYERS, heads=HEADS, attn_dim_head=WIDTH // HEADS, attn_flash=True, verbose=False)
    return TransformerWrapper(num_tokens=SYMBOLS, max_seq_len=CONTEXT, attn_layers=layers, tie_embedding=True)


def training_step(network: nn.Module, tokens: Tensor) -> Callable[[], float]:
    """Return a function that makes one step: loss, gradients, AdamW."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-4)

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        logits = network(tokens[:, :-1])
        logits = logits if isinstance(logits, Tensor) else logits.logits
        loss = F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


@torch.no_grad()
def with_cache(network: Transformer, texts: int) -> Tensor:
    """Write the likeliest tokens, each read once."""
    cache, token = network.cache(texts), torch.zeros(texts, 1, dtype=torch.int64)
    found = []
    for _ in range(GENERATED):
        token = network.unembed(network.hidden(token, cache)[:, -1:]).argmax(-1)
        found.append(token)
    return torch.cat(found, dim=1)


@torch.no_grad()
def without_cache(network: Transformer, texts: int) -> Tensor:
    """Write the likeliest tokens, each time reading all that stand before."""
    tokens = torch.zeros(texts, 1, dtype=torch.int64)
    for _ in range(GENERATED):
        token = network.unembed(network.hidden(tokens)[:, -1:]).argmax(-1)
        tokens = torch.cat([tokens, token], dim=1)
    return tokens[:, 1:]
