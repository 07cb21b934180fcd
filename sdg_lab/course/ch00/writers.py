"""The families that write, on the 8×8 digits: recurrent network, transformer, and a transformer that was rewarded.

An image is written like a text of tokens, each two pixels side by side, after a first token that names the digit.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sdg_lab.data.types import Images
from sdg_lab.models.policy import PolicyGradient, learn
from sdg_lab.models.recurrent import Recurrent
from sdg_lab.models.sequences.base import SequenceModel
from sdg_lab.models.transformer import GPT
from sdg_lab.training.schedules import linear

SHADES = 5
"""Grey levels that are left for a model of symbols: more of them, and few contexts would ever be seen twice."""

Token = tuple[str, ...]


def grey_levels(images: Images, levels: int = SHADES) -> NDArray[np.int64]:
    """Return the nearest of so many grey levels for each pixel, (n, pixels), 0 being blank."""
    return np.rint(images.pixels.reshape(len(images), -1) * (levels - 1)).astype(np.int64)


def written(images: Images) -> list[Token]:
    """Write labelled images as texts: ``("digit 7", "0 0", "3 4", …)``."""
    assert images.labels is not None  # those of data.digits()
    pairs = grey_levels(images).reshape(len(images), -1, 2).tolist()
    return [
        (f"digit {label}", *(f"{left} {right}" for left, right in image))
        for label, image in zip(images.labels.tolist(), pairs, strict=True)
    ]


def is_image(text: Token, n_pixels: int) -> bool:
    """Say whether a text names a digit once, first, and then every pixel."""
    digits = [token.startswith("digit") for token in text]
    return len(text) == 1 + n_pixels // 2 and digits[0] and not any(digits[1:])


def read(texts: list[Token], shape: tuple[int, int, int]) -> Images:
    """Read images back; every text must be an image."""
    rows = [[int(shade) for token in text[1:] for shade in token.split()] for text in texts]
    labels = np.array([int(text[0].removeprefix("digit ")) for text in texts], dtype=np.int64)
    return Images((np.array(rows, dtype=np.float32) / np.float32(SHADES - 1)).reshape(-1, *shape), labels)


def sampler(model: SequenceModel, shape: tuple[int, int, int]) -> Callable[[int, int], Images]:
    """Return what draws n images with a seed; a text that is no image is drawn again."""
    n_pixels = int(np.prod(shape))

    def sample(n: int, seed: int) -> Images:
        texts: list[Token] = []
        while len(texts) < n:
            drawn = [tuple(text) for text in model.sample(n, seed=seed, max_length=n_pixels)]
            texts += [text for text in drawn if is_image(text, n_pixels)]
            seed += 1_000_003
        return read(texts[:n], shape)

    return sample


def recurrent(train: Images) -> Callable[[int, int], Images]:
    """Fit an LSTM, with everything above and before a pixel in its state."""
    model = Recurrent("lstm", width=96, embedding=32)
    model.fit(written(train), epochs=12, lr=5e-3, schedule=linear, progress=False)
    return sampler(model, train.shape)


def transformer(train: Images) -> Callable[[int, int], Images]:
    """Fit a small GPT."""
    return sampler(_gpt(train), train.shape)


def rewarded(train: Images) -> Callable[[int, int], Images]:
    """Reward the same GPT for images in which a classifier sees the digit that their first token names."""
    from sklearn.linear_model import LogisticRegression

    policy, n_pixels = copy.deepcopy(_gpt(train)), int(np.prod(train.shape))
    classifier = LogisticRegression(C=0.01, max_iter=1000).fit(grey_levels(train), train.labels)

    def reward(texts: list[Token]) -> NDArray[np.float64]:
        good = [index for index, text in enumerate(texts) if is_image(text, n_pixels)]
        found = np.zeros(len(texts))
        if good:
            images = read([texts[index] for index in good], train.shape)
            found[good] = classifier.predict_proba(grey_levels(images))[np.arange(len(good)), images.labels]
        return found

    objective = PolicyGradient(policy, reward, kl=0.02, max_length=n_pixels)  # type: ignore[arg-type] # of tuples
    learn(objective, rounds=10, batch_size=96, lr=5e-4, progress=False)
    return sampler(policy, train.shape)


@functools.lru_cache(maxsize=1)
def _gpt(train: Images) -> GPT:
    texts = written(train)
    model = GPT(d_model=64, n_layers=3, n_heads=4, context=len(texts[0]) + 1, dropout=0.1)
    return model.fit(texts, epochs=8, lr=1e-2, optimizer="muon", schedule=linear, progress=False)
