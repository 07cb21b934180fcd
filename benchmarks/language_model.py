"""SmolLM2 in the course's own Transformer, and in transformers, from the same file: tokens a second.

Both hold the same float32 weights and compute in float32; that they say the same is checked first. Ours multiplies a
few rows by the weights as the file packs them; the batch is held against a single text with packed weights and with
unpacked ones. A single text is quickest on one thread, a batch on two: run it with one, the batch takes two besides.

What prompts share is read once; held against it is the same work with every row read for itself.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import sdg_lab  # noqa: F401 - the thread policy first

# isort: split
import numpy as np
import torch

from benchmarks.timing import Row, interleaved
from sdg_lab.data import packages
from sdg_lab.models.language_model import LanguageModel, continuation, gguf
from sdg_lab.models.language_model.continuation import Continuation, continuations
from sdg_lab.models.language_model.decoding import Decoding
from sdg_lab.models.language_model.llama import read_transformer
from sdg_lab.models.transformer.cache import KVCache

READ, SAID, BATCH, REPEATS = 32, 48, 16, 5
LONG = 256
PROMPT, ANSWER, ROWS = 124, 12, 16
SHOTS = (
    ("The film was a joy from its first minute to its last.", "positive"),
    ("I walked out after half an hour of boredom.", "negative"),
    ("Wonderful actors, and a story that stays with you.", "positive"),
    ("A waste of money and of a whole evening.", "negative"),
)
THINGS = [
    "film",
    "plot",
    "music",
    "acting",
    "ending",
    "camera",
    "story",
    "hero",
    "book",
    "voice",
    "light",
    "sound",
    "pace",
    "cast",
    "show",
    "scene",
]
OPTIONS = [" positive", " negative", " neither"]


def run() -> list[Row]:
    ours = LanguageModel.from_gguf()
    unpacked = copy.copy(ours)
    unpacked.network = read_transformer(gguf.read(packages.language_model_file()), packed=False)
    theirs, _ = by_transformers(packages.language_model_file())
    text = "The history of the city begins long before the first king, when people came down from the hills and"
    prompt = ours.encode(text)[:READ]
    found, wanted = we_say(ours, [prompt]), they_say(theirs, [prompt])
    if found != wanted:
        raise AssertionError(f"the two said different things: {ours.decode(found[0])} and {ours.decode(wanted[0])}")
    batch = [prompt] * BATCH
    seconds = interleaved(
        {
            "ours": partial(we_say, ours, [prompt]),
            "ours unpacked": partial(we_say, unpacked, [prompt]),
            "theirs": partial(they_say, theirs, [prompt]),
            "our batch": partial(we_say, ours, batch),
            "their batch": partial(they_say, theirs, batch),
            "our batch, two threads": partial(on_two_threads, partial(we_say, ours, batch)),
            "their batch, two threads": partial(on_two_threads, partial(they_say, theirs, batch)),
        },
        repeats=REPEATS,
    )
    per_token = {name: value / (SAID * (BATCH if "batch" in name else 1)) for name, value in seconds.items()}
    alone, together = "SmolLM2-135M, a token, one text", f"SmolLM2-135M, a token, {BATCH} texts together"
    rows = [
        Row(alone, per_token["ours"], "transformers, same file", per_token["theirs"], goal=1.5),
        Row(alone + ", unpacked weights", per_token["ours unpacked"], "transformers", per_token["theirs"], goal=1.0),
    ]
    for threads in ("", ", two threads"):
        what, found, peers = together + threads, per_token["our batch" + threads], per_token["their batch" + threads]
        rows += [
            Row(what, found, "transformers, as many together", peers, goal=1.0),
            Row(what, found, "ours, one text on one thread, unpacked weights", per_token["ours unpacked"], goal=5.0),
            Row(what, found, "ours, one text on one thread, packed weights", per_token["ours"], goal=5.0),
        ]
    return [*rows, *shared(ours, text), cached(ours)]


def on_two_threads(work: Callable[[], object]) -> None:
    """Work with two threads, which a batch gains from and a single text does not."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        work()
    finally:
        torch.set_num_threads(before)


def cached(model: LanguageModel) -> Row:
    """Compare writing one text with a cache and without."""
    work = {"with": partial(write, model, cache=True), "without": partial(write, model, cache=False)}
    seconds = interleaved(work, repeats=1)
    what = f"SmolLM2-135M, writing {LONG} tokens of one text with a cache"
    return Row(what, seconds["with"], "ours, without cache", seconds["without"], goal=10.0)


@torch.inference_mode()
def write(model: LanguageModel, *, cache: bool) -> list[int]:
    """Return the LONG likeliest tokens of a document; without a cache all that stands before is read each time."""
    network, tokens = model.network, torch.tensor([[model.tokeniser.start]])
    kept = network.cache(1, LONG) if cache else None
    for _ in range(LONG):
        hidden = network.hidden(tokens[:, -1:] if cache else tokens, kept)
        tokens = torch.cat([tokens, network.unembed(hidden[:, -1:]).argmax(-1)], dim=1)
    return list(tokens[0, 1:].tolist())


def shared(model: LanguageModel, text: str) -> list[Row]:
    """Compare work on prompts that begin alike: what they share read once, and every row read for itself."""
    prompt = model.decode(model.encode((text + " ") * 8)[:PROMPT])
    shown = "".join(f"Review: {review}\nSentiment: {label}\n\n" for review, label in SHOTS)
    reviews = [f"Review: The {thing} was what I liked least in it.\nSentiment:" for thing in THINGS]
    asked = [shown + review for review in reviews]

    def apart(work: Callable[[], object]) -> None:
        with patch.object(continuation, "read", read_each):
            work()

    def write(tokens: int) -> list[str]:
        return model.generate([prompt] * ROWS, max_tokens=tokens)

    work: dict[str, tuple[Callable[[], object], Callable[[], object], float]] = {
        f"reading {ROWS} rows of one prompt of {PROMPT} tokens, to the first token": (
            partial(write, 1),
            partial(apart, partial(write, 1)),
            4.0,
        ),
        f"the same, and {ANSWER} tokens of each written": (
            partial(write, ANSWER),
            partial(apart, partial(write, ANSWER)),
            3.0,
        ),
        f"scoring {len(OPTIONS)} options on {ROWS} prompts with the same 4 examples": (
            partial(model.choose, asked, OPTIONS),
            partial(score_each, model, asked),
            4.0,
        ),
        f"scoring {len(OPTIONS)} options on {ROWS} prompts that share nothing": (
            partial(model.choose, reviews, OPTIONS),
            partial(score_each, model, reviews),
            2.0,
        ),
    }
    difference = np.abs(model.choose(asked, OPTIONS) - score_each(model, asked)).max()
    if difference > 1e-3:
        raise AssertionError(f"the two ways to score differ by {difference}")
    rows = []
    for what, (once, each, goal) in work.items():
        seconds = interleaved({"once": once, "each": each}, repeats=3)
        rows.append(Row(f"SmolLM2-135M, {what}", seconds["once"], "ours, every row read", seconds["each"], goal=goal))
    return rows


@torch.inference_mode()
def read_each(network: Any, prompts: list[list[int]], room: int = 0) -> tuple[torch.Tensor, KVCache]:
    """Read prompts of one length, every row."""
    cache = network.cache(len(prompts), len(prompts[0]) + room)
    return network.hidden(torch.tensor(prompts), cache)[:, -1], cache


@torch.inference_mode()
def score_each(model: LanguageModel, prompts: list[str], at_once: int = 4096) -> np.ndarray:
    """Return the log-probabilities of the OPTIONS, (n, k), each read with its prompt."""
    pairs = [(model.encode(prompt), model.encode(option)) for prompt in prompts for option in OPTIONS]
    width = max(len(prompt) + len(option) for prompt, option in pairs)
    found = []
    for first in range(0, len(pairs), at_once // width):
        part = pairs[first : first + at_once // width]
        texts = [[*prompt, *option, *[0] * (width - len(prompt) - len(option))] for prompt, option in part]
        for hidden, (prompt, option) in zip(model.network.hidden(torch.tensor(texts)), part, strict=True):
            log_p = model.network.unembed(hidden[len(prompt) - 1 : len(prompt) + len(option) - 1]).log_softmax(-1)
            found.append(float(log_p.gather(1, torch.tensor(option)[:, None]).sum()))
    return np.array(found).reshape(-1, len(OPTIONS))


def we_say(model: LanguageModel, prompts: list[list[int]]) -> list[list[int]]:
    """Return SAID likeliest tokens after each prompt."""
    texts = [Continuation(prompt, np.random.default_rng(0)) for prompt in prompts]
    for _ in continuations(model.network, texts, Decoding(max_tokens=SAID), lambda text: None):
        pass
    return [text.tokens for text in texts]


def they_say(network: Any, prompts: list[list[int]]) -> list[list[int]]:
    """Return the same of transformers."""
    ids = torch.tensor(prompts)
    options = {"max_new_tokens": SAID, "min_new_tokens": SAID, "do_sample": False, "pad_token_id": 2}
    said = network.generate(ids, attention_mask=torch.ones_like(ids), **options)
    return [list(row) for row in said[:, ids.shape[1] :].tolist()]


def by_transformers(path: Path) -> tuple[Any, Any]:
    """Return the network, float32, and the tokeniser as transformers reads them from a GGUF file, without a network."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    import transformers
    from transformers import modeling_utils

    # It asks for the package accelerate before it opens such a file, and does not use it on a CPU.
    asked, threads = modeling_utils.is_accelerate_available, torch.get_num_threads()
    modeling_utils.is_accelerate_available = lambda: True
    try:
        network = transformers.AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32
        )
    finally:
        modeling_utils.is_accelerate_available = asked
        torch.set_num_threads(threads)  # after such a file it is that of all cores
    return network.eval(), transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
