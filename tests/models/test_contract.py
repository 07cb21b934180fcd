"""One contract, every family: what ``models/contract.py`` promises holds for each of them, option by option."""

from __future__ import annotations

import inspect
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from sdg_lab.data.types import Images, Series, Sounds
from sdg_lab.distill.student import Student
from sdg_lab.models.bayes_net import BayesNet
from sdg_lab.models.boosted import Boosted
from sdg_lab.models.contract import HasLogProb, HasLogProbBound, NotFittedError, SyntheticModel
from sdg_lab.models.copula import GaussianCopula
from sdg_lab.models.diffusion import Diffusion
from sdg_lab.models.gan import GAN
from sdg_lab.models.gaussian import ClassGaussian
from sdg_lab.models.markov import MarkovChain
from sdg_lab.models.neural import NeuralModel
from sdg_lab.models.recurrent import Recurrent, RecurrentSeries, Seq2Seq
from sdg_lab.models.transformer import GPT
from sdg_lab.models.trees import Trees
from sdg_lab.models.vae import VAE
from sdg_lab.models.waveforms import LinearPredictor, WaveNet
from sdg_lab.training import recipe as recipes
from sdg_lab.training.recipe import DEFAULTS

RNG = np.random.default_rng(0)
WORDS = ["".join(RNG.choice(list("abcde"), size=RNG.integers(2, 7))) for _ in range(60)]
WAVE = np.sin(np.arange(260) / 5) + 0.2 * RNG.normal(size=260)


def images(n: int, seed: int) -> Images:
    """Images in which class 0 is bright on the left and class 1 on the right; a quarter is of class 1."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % 4 == 0
    pixels = rng.random((n, 1, 4, 4)) * 0.3
    pixels[~labels, :, :, :2] += 0.6
    pixels[labels, :, :, 2:] += 0.6
    grey = np.round(255 * pixels).astype(np.float32) / 255
    return Images(grey, labels.astype(np.int64))


def table(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    smokes = rng.random(n) < 0.3
    return pd.DataFrame(
        {
            "smokes": np.where(smokes, "yes", "no"),
            "coughs": np.where(rng.random(n) < 0.2 + 0.6 * smokes, "yes", "no"),
            "age": rng.normal(50, 10, n),
        }
    )


def series(first: int, last: int) -> Series:
    days = np.arange("2020-01-01", "2021-01-01", dtype="datetime64[D]")
    return Series(WAVE[first:last].astype(np.float64), days[first:last], "°C")


def sounds(n: int, seed: int) -> Sounds:
    """Sounds of 80 samples: class 0 is soft, class 1 is loud, which a quarter is; both play notes 57 and 59."""
    rng = np.random.default_rng(seed)
    labels = (np.arange(n) % 4 == 0).astype(np.int64)
    pitches = 57 + 2 * (np.arange(n) // 4 % 2)
    phases = 2 * np.pi * 440 * 2 ** ((pitches[:, None] - 69) / 12) * np.arange(80) / 2_000 + rng.uniform(0, 6, (n, 1))
    waves = np.where(labels, 0.8, 0.05)[:, None] * np.sin(phases) + 0.01 * rng.normal(size=phases.shape)
    return Sounds(waves.astype(np.float32), 2_000, labels, ("soft", "loud"), pitches)


@dataclass(frozen=True)
class Family:
    """One family, small: what makes it, what it learns from, and what its options of ``sample`` must do.

    Attributes:
        make: an empty model.
        data: to learn from, and ``held_out`` of the same form.
        fit: options that make a fit quick.
        exact: whether it has ``log_prob``; else ``bound`` says whether it has a bound.
        rows: how many samples a question needs.
        options: for each option of ``sample`` beyond n and seed, what it does: takes a fitted model, fails if it
            does nothing.
    """

    make: Callable[[], Any]
    data: Any
    held_out: Any
    fit: dict[str, Any] = field(default_factory=dict)
    exact: bool = False
    bound: bool = False
    options: dict[str, Callable[[Any], None]] = field(default_factory=dict)
    always: dict[str, Any] = field(default_factory=dict)

    def fitted(self, **options: Any) -> Any:
        return self.make().fit(self.data, progress=False, **{"seed": 0, **self.fit, **options})

    def sample(self, model: Any, n: int = 8, **options: Any) -> Any:
        return model.sample(n, **{"seed": 5, **self.always, **options})


def same(a: Any, b: Any) -> bool:
    """Whether two samples are the same data; the arithmetic is the same, so the bits are."""
    match a:
        case Images():
            return np.array_equal(a.pixels, b.pixels) and np.array_equal(a.labels, b.labels)
        case Series():
            return np.array_equal(a.values, b.values)
        case Sounds():
            told = ((a.labels, b.labels), (a.pitches, b.pitches))
            return np.array_equal(a.waves, b.waves) and all(np.array_equal(x, y) for x, y in told)
        case pd.DataFrame():
            return a.equals(b)
    return a == b


# What the options of ``sample`` do


def conditions_on_labels(model: Any) -> None:
    """A label asked for is the label returned, and its images are brighter on its side."""
    for label in (0, 1):
        drawn = model.sample(60, seed=0, labels=label)
        assert (drawn.labels == label).all()
        left, right = drawn.pixels[..., :2].mean(), drawn.pixels[..., 2:].mean()
        assert (right > left) == (label == 1)
    mixed = np.arange(10) % 2
    np.testing.assert_array_equal(model.sample(10, seed=0, labels=mixed).labels, mixed)
    free = model.sample(400, seed=0).labels
    assert 0.15 < free.mean() < 0.35, "without labels they are drawn with the training shares, here a quarter"
    for wrong in (2, -1, [0, 1, 0], 0.5):
        with pytest.raises(ValueError, match="label"):
            model.sample(4, labels=wrong)


def lowers_entropy(model: Any, **always: Any) -> None:
    """A lower temperature makes samples more alike; 0 is greedy: all of them are the one that is likeliest next."""
    distinct = {t: len(set(map(str, model.sample(100, seed=0, temperature=t, **always)))) for t in (0, 0.3, 1.0, 3.0)}
    assert distinct[0] == 1
    assert distinct[0.3] < distinct[1.0] <= distinct[3.0] + 5
    assert model.sample(2, seed=0, temperature=0, **always) == model.sample(2, seed=1, temperature=0, **always)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="temperature must be"):
            model.sample(2, temperature=wrong, **always)


def keeps_the_likeliest(name: str, model: Any, **always: Any) -> None:
    """The narrowest choice is greedy, the widest changes nothing, and what lies between is in between."""
    greedy = model.sample(3, seed=0, temperature=0, **always)
    narrow, middle, wide = {"top_k": (1, 2, 10_000), "top_p": (1e-9, 0.4, 1.0)}[name]
    assert model.sample(3, seed=0, **{name: narrow}, **always) == greedy
    assert model.sample(50, seed=0, **{name: wide}, **always) == model.sample(50, seed=0, **always)
    distinct = [len(set(map(str, model.sample(80, seed=0, **{name: v}, **always)))) for v in (narrow, middle, wide)]
    assert distinct[0] <= distinct[1] < distinct[2]
    with pytest.raises(ValueError, match=name):
        model.sample(2, **{name: 0}, **always)


def cuts_at(model: Any, **always: Any) -> None:
    def length(row: Any) -> int:
        return len(row if isinstance(row, str) else row[1])

    assert max(map(length, model.sample(50, seed=0, max_length=3, **always))) <= 3
    assert max(map(length, model.sample(50, seed=0, **always))) > 3
    with pytest.raises(ValueError, match="max_length"):
        model.sample(2, max_length=0, **always)


def begins_with(model: Any) -> None:
    assert all(word.startswith("ab") for word in model.sample(20, seed=0, prompt="ab"))
    with pytest.raises(ValueError, match="never seen"):
        model.sample(2, prompt="z")


def answers(model: Any, name: str = "source") -> None:
    """What is asked for is in every pair, and another question has other answers."""
    assert {source for source, _ in model.sample(5, seed=0, **{name: "abc"})} == {"abc"}
    one, other = (model.sample(40, seed=0, **{name: source}) for source in ("aa", "edcbe"))
    assert {target for _, target in one} != {target for _, target in other}


def exaggerates(model: Diffusion) -> None:
    """Guidance 1 is the conditional model, 0 ignores the label, and more than 1 moves away from the unconditional."""
    plain = model.sample(6, seed=0, labels=1).pixels
    np.testing.assert_array_equal(model.sample(6, seed=0, labels=1, guidance=1.0).pixels, plain)
    for guidance in (0.0, 3.0):
        assert not np.array_equal(model.sample(6, seed=0, labels=1, guidance=guidance).pixels, plain)
    one, other = (model.sample(6, seed=0, labels=label, guidance=0.0).pixels for label in (0, 1))
    np.testing.assert_allclose(one, other, atol=1e-4)
    with pytest.raises(ValueError, match="guidance"):
        model.sample(2, guidance=-1.0)


def takes_steps(model: Diffusion) -> None:
    asked = []
    handle = model.network.register_forward_hook(lambda *_: asked.append(1))
    model.sample(2, seed=0, steps=4)
    few = len(asked)
    model.sample(2, seed=0)
    handle.remove()
    assert few == 4
    assert len(asked) - few == model.timesteps
    with pytest.raises(ValueError, match="steps"):
        model.sample(2, steps=0)


def adds_noise(model: Diffusion) -> None:
    one, same_noise = (model.sample(4, seed=0, steps=4, eta=eta).pixels for eta in (0.0, 0.0))
    np.testing.assert_array_equal(one, same_noise)
    assert not np.array_equal(model.sample(4, seed=0, steps=4, eta=1.0).pixels, one)
    with pytest.raises(ValueError, match="eta"):
        model.sample(2, eta=-5.0)


def fulfils_conditions(model: BayesNet) -> None:
    rows = model.sample(200, seed=0, given={"smokes": "yes", "age": (50, None)})
    assert (rows["smokes"] == "yes").all()
    assert (rows["age"] >= 50).all()
    assert (
        rows["coughs"].eq("yes").mean() > model.sample(200, seed=0, given={"smokes": "no"})["coughs"].eq("yes").mean()
    )


def follows(model: RecurrentSeries) -> None:
    """What comes after a high value is not what comes after a low one."""
    high, low = (model.sample(3, seed=0, after=series(first, first + 40)) for first in (0, 16))
    assert not np.array_equal(high.values, low.values)


def acts(model: WaveNet, name: str, one: Any, other: int) -> None:
    """What is drawn under one condition is likelier under it than under another: in the mean by KL(p_one ‖ p_other)."""
    drawn = model.sample(400, seed=0, **{name: one})
    under_another = replace(drawn, **{name: np.full(400, other)})
    gain = model.log_prob(drawn) - model.log_prob(under_another)
    assert gain.mean() > 4 * gain.std() / np.sqrt(400)


def plays_what_is_asked(model: WaveNet) -> None:
    """A label asked for, by number or name, is the label returned, and what is drawn is of its class."""
    for one, other in (("soft", 1), (1, 0)):
        acts(model, "labels", one, other)
    assert (model.sample(3, seed=0, labels="loud").labels == 1).all()
    mixed = np.arange(10) % 2
    np.testing.assert_array_equal(model.sample(10, seed=0, labels=mixed).labels, mixed)
    free = model.sample(400, seed=0, seconds=0.001).labels
    assert 0.15 < free.mean() < 0.35, "without labels they are drawn with the training shares, here a quarter"
    for wrong in (2, -1, [0, 1, 0], 0.5, "piano"):
        with pytest.raises(ValueError, match="labels must"):
            model.sample(4, labels=wrong)


def plays_the_pitch(model: WaveNet) -> None:
    """A pitch asked for is the pitch returned, and what is drawn is of it."""
    for one, other in ((57, 59), (59, 57)):
        acts(model, "pitches", one, other)
    np.testing.assert_array_equal(model.sample(3, seed=0, pitches=[57, 58, 59]).pitches, [57, 58, 59])
    for wrong in (56, [57, 58, 59, 60], 57.0):
        with pytest.raises(ValueError, match="pitches must"):
            model.sample(4, pitches=wrong)


def lasts(model: WaveNet) -> None:
    assert model.sample(2, seed=0).waves.shape == (2, 80)
    assert model.sample(2, seed=0, seconds=0.1).waves.shape == (2, 200)
    for wrong in (0, -1.0, float("nan")):
        with pytest.raises(ValueError, match="seconds must be"):
            model.sample(2, seconds=wrong)


def is_purer(model: WaveNet) -> None:
    """A lower temperature has sounds of the same condition nearer to each other; at 0 all of them are one."""
    spread = {t: float(model.sample(40, seed=0, labels=0, pitches=57, temperature=t).waves.std(axis=0).mean())
              for t in (0, 0.3, 1.0)}  # fmt: skip
    assert spread[0] < 1e-6 < spread[0.3] < spread[1.0]
    greedy = (model.sample(1, seed=seed, labels=0, pitches=57, temperature=0).waves for seed in (0, 1))
    np.testing.assert_array_equal(*greedy)
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="temperature must be"):
            model.sample(2, temperature=wrong)


IMAGE = {"data": images(64, 0), "held_out": images(24, 1)}
TEXT = {"data": WORDS[:48], "held_out": [word for word in WORDS[48:] if set(word) <= set("abcde")]}
SOUND = {"data": sounds(48, 0), "held_out": sounds(20, 1)}
PAIRS = {"data": [(w, w[::-1]) for w in WORDS[:48]], "held_out": [(w, w[::-1]) for w in WORDS[48:]]}
QUICK = {"epochs": 2, "batch_size": 16}
SEQUENCE_OPTIONS: dict[str, Callable[[Any], None]] = {
    "temperature": lowers_entropy,
    "top_k": partial(keeps_the_likeliest, "top_k"),
    "top_p": partial(keeps_the_likeliest, "top_p"),
    "max_length": cuts_at,
    "prompt": begins_with,
}
FOR_A_SOURCE = {
    "source": answers,
    "temperature": partial(lowers_entropy, source="abc"),
    "top_k": partial(keeps_the_likeliest, "top_k", source="abc"),
    "top_p": partial(keeps_the_likeliest, "top_p", source="abc"),
    "max_length": partial(cuts_at, source="abcde"),
}
TO_A_PROMPT = {
    "prompt": partial(answers, name="prompt"),
    "temperature": partial(lowers_entropy, prompt="abc"),
    "top_k": partial(keeps_the_likeliest, "top_k", prompt="abc"),
    "top_p": partial(keeps_the_likeliest, "top_p", prompt="abc"),
    "max_length": partial(cuts_at, prompt="abcde"),
}
LABELS = {"labels": conditions_on_labels}
FAMILIES = {
    "markov": Family(
        partial(MarkovChain, 2, "witten-bell"),
        **TEXT,
        exact=True,
        options={"temperature": lowers_entropy, "max_length": cuts_at},
    ),
    "bayes_net": Family(BayesNet, table(300, 0), table(100, 1), exact=True, options={"given": fulfils_conditions}),
    "boosted": Family(partial(Boosted, bags=2), table(300, 0), table(100, 1), exact=True),
    # Large leaves, the number drawn first: so no row held out is far from all donors, where the probability is 0.
    "trees": Family(partial(Trees, leaf=20, order="falling"), table(300, 0), table(100, 1), exact=True),
    "copula": Family(GaussianCopula, table(300, 0), table(100, 1)),
    "gaussian": Family(ClassGaussian, **IMAGE, exact=True, options=LABELS),
    "vae": Family(
        partial(VAE, (1, 4, 4), latent=2, hidden=(16,), classes=2), **IMAGE, fit=QUICK, bound=True, options=LABELS
    ),
    "gan": Family(
        partial(GAN, (1, 4, 4), latent=4, width=8, depth=1, architecture="dense", classes=2),
        **IMAGE,
        fit=QUICK,
        options=LABELS,
    ),
    "diffusion": Family(
        partial(Diffusion, (1, 4, 4), widths=(32, 32), timesteps=12, classes=2),
        **IMAGE,
        fit=QUICK,
        bound=True,
        options=LABELS | {"guidance": exaggerates, "steps": takes_steps, "eta": adds_noise},
    ),
    "recurrent": Family(
        partial(Recurrent, "gru", width=16, embedding=8), **TEXT, fit=QUICK, exact=True, options=SEQUENCE_OPTIONS
    ),
    "gpt": Family(
        partial(GPT, context=12, d_model=16, n_layers=1, n_heads=2),
        **TEXT,
        fit=QUICK,
        exact=True,
        options=SEQUENCE_OPTIONS,
    ),
    "seq2seq": Family(
        partial(Seq2Seq, width=16, embedding=8),
        **PAIRS,
        fit=QUICK,
        exact=True,
        options=FOR_A_SOURCE,
        always={"source": "abc"},
    ),
    "student": Family(
        partial(Student, context=24, d_model=16, n_layers=1, n_heads=2),
        **PAIRS,
        fit=QUICK | {"optimizer": "adamw"},
        exact=True,
        options=TO_A_PROMPT,
        always={"prompt": "abc"},
    ),
    "series": Family(
        partial(RecurrentSeries, width=8, components=2, context=8),
        series(0, 200),
        series(200, 260),
        fit=QUICK,
        exact=True,
        options={"after": follows},
    ),
    "linear": Family(partial(LinearPredictor, order=4, by="instrument"), **SOUND, exact=True),
    "wavenet": Family(
        partial(
            WaveNet, classes=2, pitches=(57, 59), rate=2_000, channels=8, dilations=(1, 2, 4), taps=4, skip=8, window=40
        ),
        **SOUND,
        fit=QUICK,
        exact=True,
        options={
            "labels": plays_what_is_asked,
            "pitches": plays_the_pitch,
            "seconds": lasts,
            "temperature": is_purer,
        },
    ),
}
NEURAL = {name: family for name, family in FAMILIES.items() if "epochs" in family.fit}
LONGER = {"vae": 150, "gan": 60, "diffusion": 80, "seq2seq": 30, "recurrent": 5, "gpt": 5, "student": 30, "series": 5}
LONGER |= {"wavenet": 150}
"""Epochs after which a label, a source or a prompt makes a difference."""


@pytest.fixture(scope="module")
def models() -> dict[str, Any]:
    """One fitted model of each family; whoever changes it makes another."""
    return {name: family.fitted() for name, family in FAMILIES.items()}


each = pytest.mark.parametrize("name", FAMILIES)
each_neural = pytest.mark.parametrize("name", NEURAL)


# Fitting and sampling


@each
def test_it_is_a_model_and_fit_returns_it(name: str) -> None:
    model = FAMILIES[name].make()
    assert isinstance(model, SyntheticModel)
    assert not model.fitted
    assert model.fit(FAMILIES[name].data, progress=False, **FAMILIES[name].fit) is model
    assert model.fitted


@each
def test_samples_are_of_the_data_s_own_kind(name: str, models: dict[str, Any]) -> None:
    data = FAMILIES[name].data
    drawn = FAMILIES[name].sample(models[name], 7)
    assert type(drawn) is type(data)
    assert len(drawn) == 7
    match data:
        case Images():
            assert drawn.shape == data.shape
        case pd.DataFrame():
            assert list(drawn.columns) == list(data.columns)
            assert (drawn.dtypes == data.dtypes).all()
        case Sounds():
            assert drawn.waves.shape == (7, data.waves.shape[1])
            assert (drawn.rate, drawn.classes) == (data.rate, data.classes)
        case list():
            assert all(type(row) is type(data[0]) for row in drawn)


@each
def test_a_seed_decides_everything_and_none_nothing(name: str, models: dict[str, Any]) -> None:
    family, model = FAMILIES[name], models[name]
    assert same(family.sample(model, 20), family.sample(model, 20))
    assert not same(family.sample(model, 20, seed=5), family.sample(model, 20, seed=6))
    assert not same(family.sample(model, 20, seed=None), family.sample(model, 20, seed=None))
    assert same(family.sample(family.fitted(), 20), family.sample(model, 20))
    if name in NEURAL:
        assert not same(family.sample(family.fitted(seed=1), 20), family.sample(model, 20))


@each
@pytest.mark.parametrize("n", [0, -1, 1.5, True, "3", None])
def test_a_number_of_samples_that_is_none_is_refused(name: str, n: Any, models: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^n, the number of samples, must be a whole number >= 1, got "):
        FAMILIES[name].sample(models[name], n)


@each
def test_nobody_s_randomness_or_data_is_touched(name: str) -> None:
    family = FAMILIES[name]
    model = family.make()  # new layers draw their weights from torch's own state, as torch's do
    torch.manual_seed(3), np.random.seed(3), random.seed(3)  # noqa: NPY002 - the global state is what is asked about
    before = torch.get_rng_state(), np.random.get_state()[1], random.getstate()  # noqa: NPY002
    match family.data:
        case Images() as given:
            numbers, copy = given.pixels, given.pixels.copy()
        case Sounds() as given:
            numbers, copy = given.waves, given.waves.copy()
        case _:
            numbers, copy = None, None
    family.sample(model.fit(family.data, seed=0, progress=False, **family.fit))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    assert random.getstate() == before[2]
    if copy is not None:
        np.testing.assert_array_equal(numbers, copy)


@each
def test_before_fit_it_says_so(name: str) -> None:
    family, model = FAMILIES[name], FAMILIES[name].make()
    for ask in (lambda: family.sample(model), model.state, lambda: model.save("nowhere")):
        with pytest.raises(NotFittedError, match=rf"this {type(model).__name__} has not been fitted: call fit"):
            ask()
    for likelihood in ("log_prob", "log_prob_bound"):
        if hasattr(model, likelihood):
            with pytest.raises(NotFittedError):
                getattr(model, likelihood)(family.held_out)


@each
def test_a_likelihood_is_exact_or_a_bound_or_absent(name: str, models: dict[str, Any]) -> None:
    family, model = FAMILIES[name], models[name]
    assert isinstance(model, HasLogProb) == family.exact
    assert isinstance(model, HasLogProbBound) == family.bound
    if family.exact or family.bound:
        found = (model.log_prob if family.exact else model.log_prob_bound)(family.held_out)
        assert found.shape == (len(family.held_out),)
        assert found.dtype == np.float64
        assert np.isfinite(found).all()


# The options of ``sample``


@each
def test_every_option_of_sample_is_known_to_this_suite(name: str) -> None:
    taken = set(inspect.signature(FAMILIES[name].make().sample).parameters) - {"n", "seed"}
    assert taken == set(FAMILIES[name].options)


@pytest.mark.parametrize(("name", "option"), [(n, o) for n, family in FAMILIES.items() for o in family.options])
def test_every_option_of_sample_does_what_it_says(name: str, option: str, long_fitted: Callable[[str], Any]) -> None:
    FAMILIES[name].options[option](long_fitted(name))


@pytest.fixture(scope="module")
def long_fitted() -> Callable[[str], Any]:
    kept: dict[str, Any] = {}

    def get(name: str) -> Any:
        if name not in kept:
            epochs = {"epochs": LONGER[name], "lr": 3e-3} if name in LONGER else {}
            kept[name] = FAMILIES[name].fitted(**epochs)
        return kept[name]

    return get


# The options of ``fit``

OTHER: dict[str, Any] = {
    "epochs": 3,
    "batch_size": 12,
    "lr": 0.0123,
    "schedule": lambda share: 1 - share / 2,
    "patience": 2,
    "ema": 0.77,
    "clip": 0.55,
    "device": "cpu",
    "precision": "64-true",
    "compile": "eager",
    "checkpoint": "a/file",
}


@each_neural
@pytest.mark.slow
def test_trained_in_double_precision_it_samples_meanwhile_and_is_as_it_was_afterwards(name: str) -> None:
    family = NEURAL[name]

    def sample_meanwhile(epoch: int, model: Any) -> None:
        assert model.dtype == torch.float64
        family.sample(model, 2)

    model = family.make()
    options = {**family.fit, "epochs": 1, "precision": "64-true", "on_epoch": sample_meanwhile}
    model.fit(family.data, progress=False, **options)
    assert model.dtype == torch.float32
    assert {tensor.dtype for tensor in model.state_dict().values()} == {
        tensor.dtype for tensor in family.fitted().state_dict().values()
    }
    family.sample(model, 2)
    if hasattr(model, "log_prob_bound"):
        assert np.isfinite(model.log_prob_bound(family.data)).all()


@each_neural
def test_a_hook_that_cannot_be_called_is_refused(name: str) -> None:
    family = FAMILIES[name]
    with pytest.raises(ValueError, match=r"^on_epoch must be a function of an epoch's number and a model, got 3$"):
        family.make().fit(family.data, progress=False, **{**family.fit, "on_epoch": 3})


class Enough(Exception):
    """The loop was reached."""


@pytest.fixture
def reached(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the training loop was called with; it does nothing."""
    seen: dict[str, Any] = {}

    def train(model: Any, data: Any, **options: Any) -> None:
        seen.update(options, model=model, data=data)
        raise Enough

    monkeypatch.setattr(recipes.training, "train", train)
    return seen


@each_neural
@pytest.mark.parametrize("option", OTHER)
def test_every_option_of_fit_reaches_the_loop(name: str, option: str, reached: dict[str, Any]) -> None:
    family = NEURAL[name]
    held_out = {"validation": family.held_out} if option == "patience" and name != "gan" else {}
    if name == "gan" and option == "patience":
        pytest.skip("a game has no loss that says how good it is; refused below")
    with pytest.raises(Enough):
        family.make().fit(family.data, progress=False, **{**family.fit, option: OTHER[option]}, **held_out)
    got = reached[option]
    if name == "seq2seq" and option == "batch_size":  # its examples are groups of so many pairs, one a step
        got = got * reached["data"][0].shape[1]
    if option == "lr" and isinstance(got, dict):
        assert set(got.values()) == {OTHER[option]}
    else:
        assert got == OTHER[option] or got is OTHER[option]


@each_neural
def test_the_loop_gets_seed_progress_and_the_family_s_own_defaults(name: str, reached: dict[str, Any]) -> None:
    family = NEURAL[name]
    with pytest.raises(Enough):
        family.make().fit(family.data, seed=17, progress=False)
    assert reached["seed"] == 17
    assert reached["progress"] is False
    shown = inspect.signature(family.make().fit).parameters
    for option in OTHER:
        got = reached[option]
        if name == "seq2seq" and option == "batch_size":
            got = got * reached["data"][0].shape[1]
        if not isinstance(got, dict):
            wanted = shown[option].default
            if name == "seq2seq" and option == "batch_size":
                wanted = min(wanted, len(family.data))
            assert getattr(got, "__qualname__", got) == wanted, option  # functions by their names


@each_neural
def test_decay_is_for_matrices_and_betas_are_the_optimiser_s(name: str, reached: dict[str, Any]) -> None:
    family = NEURAL[name]
    options = {"weight_decay": 0.25, "betas": (0.3, 0.7), "lr": 0.02}
    with pytest.raises(Enough):
        family.make().fit(family.data, progress=False, **{**family.fit, **options})
    model, makers = reached["model"], reached["optimizer"]
    for make in makers.values() if isinstance(makers, dict) else [makers]:
        optimizer = make(model.parameters())
        decays = {p: group["weight_decay"] for group in optimizer.param_groups for p in group["params"]}
        assert set(decays) == set(model.parameters())
        assert all(decay == (0.25 if p.ndim >= 2 else 0) for p, decay in decays.items())
        assert {group["betas"] for group in optimizer.param_groups} == {(0.3, 0.7)}
        assert {group["lr"] for group in optimizer.param_groups} == {0.02}


@each_neural
def test_validation_is_what_was_given_and_not_the_training_data(name: str, reached: dict[str, Any]) -> None:
    family = NEURAL[name]
    with pytest.raises(ValueError if name == "gan" else Enough):
        family.make().fit(family.data, validation=family.held_out, progress=False, **family.fit)
    if name == "gan":
        return
    training, held_out = dict(reached), None
    model = family.make()
    with pytest.raises(Enough):
        model.fit(family.held_out if name != "series" else family.data, progress=False, **family.fit)
    held_out = reached["data"]
    got = training["validation"]
    assert len(got[0]) != len(training["data"][0])
    if name in ("vae", "diffusion", "wavenet"):  # elsewhere the codes depend on the training data's alphabet and units
        assert all(torch.equal(a, b) for a, b in zip(got, held_out, strict=True))


@each_neural
def test_a_hook_gets_a_model_that_answers(name: str) -> None:
    family, drawn = NEURAL[name], []

    def hook(epoch: int, model: Any) -> None:
        drawn.append((epoch, family.sample(model, 200)))

    fitted = family.fitted(on_epoch=hook)
    assert [epoch for epoch, _ in drawn] == [0, 1]
    assert not same(drawn[0][1], drawn[1][1])
    assert same(drawn[1][1], family.sample(fitted, 200)), "the last hook sees what is kept"
    plain = family.fitted()
    assert same(family.sample(fitted), family.sample(plain)), "looking changes nothing"


REFUSED: list[tuple[dict[str, Any], type[Exception]]] = [
    ({"epochs": 0}, ValueError),
    ({"batch_size": 0}, ValueError),
    ({"lr": -1.0}, ValueError),
    ({"ema": 1.5}, ValueError),
    ({"clip": 0.0}, ValueError),
    ({"weight_decay": -0.1}, ValueError),
    ({"optimizer": "sgd"}, ValueError),
    ({"epoch": 3}, TypeError),
]


@each_neural
@pytest.mark.parametrize(("wrong", "kind"), REFUSED, ids=lambda value: str(value)[:20])
def test_a_refused_fit_leaves_a_fitted_model_as_it_was(name: str, wrong: dict[str, Any], kind: type[Exception]) -> None:
    family = NEURAL[name]
    model = family.fitted()
    before, history, trained = family.sample(model), model.history, dict(model.trained)
    with pytest.raises(kind):
        model.fit(family.data, progress=False, **{**family.fit, **wrong})
    assert model.fitted
    assert same(family.sample(model), before)
    assert model.history is history
    assert model.trained == trained


@each_neural
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupted_fit_leaves_a_model_as_it_was(name: str, error: type[BaseException]) -> None:
    def interrupt(epoch: int, model: Any) -> None:
        raise error

    family = NEURAL[name]
    model = family.fitted()
    before, training = family.sample(model), model.training
    with pytest.raises(error):
        model.fit(family.data, seed=9, progress=False, **{**family.fit, "on_epoch": interrupt})
    assert same(family.sample(model), before)
    assert model.training == training
    empty = family.make()
    with pytest.raises(error):
        empty.fit(family.data, progress=False, **{**family.fit, "on_epoch": interrupt})
    assert not empty.fitted
    with pytest.raises(NotFittedError):
        family.sample(empty)


@each
def test_data_that_are_refused_leave_a_fitted_model_as_it_was(name: str) -> None:
    family = FAMILIES[name]
    model = family.fitted()
    before = family.sample(model)
    for wrong in (None, 3, [], "", {"a": 1}):
        with pytest.raises((TypeError, ValueError)):
            model.fit(wrong, progress=False, **family.fit)
        assert same(family.sample(model), before)


@each
def test_a_second_fit_forgets_the_first(name: str) -> None:
    family = FAMILIES[name]
    twice = family.make()
    other = family.held_out if name != "series" else series(60, 260)
    twice.fit(other, progress=False, **family.fit)
    twice.fit(family.data, progress=False, seed=0, **family.fit)
    assert same(family.sample(twice), family.sample(family.fitted()))


# Arguments, files, help


@each
def test_config_is_the_arguments_and_makes_the_same_model(name: str, models: dict[str, Any]) -> None:
    model = models[name]
    config = json.loads(json.dumps(model.config()))
    assert set(config) == set(inspect.signature(type(model)).parameters)
    again = type(model)(**config)
    assert again.config() == model.config()
    assert not again.fitted


@each
def test_a_saved_model_is_the_same_model(name: str, models: dict[str, Any], tmp_path: Any) -> None:
    family, model = FAMILIES[name], models[name]
    model.save(tmp_path / "m.safetensors")
    again = type(model).load(tmp_path / "m.safetensors")
    assert again.fitted
    assert again.config() == model.config()
    assert again.facts() == model.facts()
    assert dict(again.trained) == dict(getattr(model, "trained", {}))
    assert again.n_parameters == model.n_parameters > 0
    assert same(family.sample(again, 20), family.sample(model, 20))
    other = VAE if name != "vae" else GAN
    with pytest.raises(ValueError, match=f"holds a {type(model).__name__}, not a {other.__name__}"):
        other.load(tmp_path / "m.safetensors")


@each
@pytest.mark.parametrize("part", ["config", "facts", "state"])
def test_what_describes_no_model_is_refused_by_one_kind_of_error(name: str, part: str, models: dict[str, Any]) -> None:
    model = models[name]
    header, state = model.header(), {k: torch.as_tensor(np.asarray(v)) for k, v in model.state().items()}
    match part:
        case "config":
            header["config"] = header["config"] | {"unheard_of": 1}
        case "facts" if header["facts"]:
            header["facts"] = {}
        case "facts":
            header["facts"] = None
        case "state":
            state = dict(list(state.items())[1:])
    with pytest.raises(ValueError, match=f"this is no {type(model).__name__}"):
        type(model).from_header(header, state)


@each_neural
def test_what_is_known_of_the_training_is_kept(name: str, models: dict[str, Any]) -> None:
    model = models[name]
    assert {"seconds", "cpu_seconds", "epochs", "steps"} <= set(model.trained)
    assert model.trained["epochs"] == model.history.epochs == 2
    assert model.trained["steps"] == model.history.steps > 2
    assert not model.training


@each_neural
def test_weights_alone_are_enough(name: str, models: dict[str, Any]) -> None:
    family, model = NEURAL[name], models[name]
    empty = family.make()
    empty.load_state_dict(model.state_dict())
    assert same(family.sample(empty.eval()), family.sample(model))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="CUDA is not there, or not shown to the tests: `make gpu`")
@each_neural
def test_on_a_gpu_it_gives_what_it_gives_on_the_processor(name: str) -> None:
    family = FAMILIES[name]
    model = family.fitted(device="cuda")
    assert model.device.type == "cpu"
    here, log_prob = family.sample(model, 20), model.log_prob(family.held_out) if family.exact else None
    model.to("cuda")
    there = family.sample(model, 20)
    assert type(there) is type(here)
    assert len(there) == len(here)
    if isinstance(there, Images):
        np.testing.assert_allclose(there.pixels, here.pixels, atol=1e-2)
    if isinstance(there, Sounds):
        np.testing.assert_array_equal(there.labels, here.labels)
    if log_prob is not None:
        np.testing.assert_allclose(model.log_prob(family.held_out), log_prob, rtol=1e-3, atol=1e-3)


@each_neural
@pytest.mark.parametrize("fault", ["missing", "additional", "of another shape", "other facts", "facts that are none"])
def test_weights_that_are_refused_leave_a_fitted_model_as_it_was(name: str, fault: str) -> None:
    family = NEURAL[name]
    model = family.fitted()
    weights = dict(family.fitted(seed=1).state_dict())
    broken = {**model.facts(), **{key: [3, 3] for key in model.facts()}}
    last = [key for key in weights if key != "facts"][-1]
    match fault:
        case "missing":
            del weights[last]
        case "additional":
            weights["more"] = torch.zeros(1)
        case "of another shape":
            weights[last] = torch.zeros(7, 7, 7)
        case "other facts":
            weights["facts"] = torch.tensor(list(json.dumps(broken).encode()), dtype=torch.uint8)
        case _:
            weights["facts"] = torch.tensor([1, 2], dtype=torch.uint8)
    before, drawn = {key: value.clone() for key, value in model.state_dict().items()}, family.sample(model)
    try:
        model.load_state_dict(weights)
    except (RuntimeError, ValueError):
        pass
    else:
        assert fault == "other facts"
        assert not model.facts(), "a family that learns no facts has nothing to refuse"
        return
    after = model.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert same(family.sample(model), drawn)


@each_neural
def test_an_empty_network_answers_what_can_be_answered(name: str) -> None:
    model = NEURAL[name].make()
    assert model.device == torch.device("cpu")
    try:
        assert model.n_parameters > 0
    except NotFittedError as error:
        assert "depends on its data" in str(error)  # noqa: PT017 - both are right, by family


@each
def test_help_shows_the_arguments_and_a_typo_is_told_the_nearest(name: str) -> None:
    model = FAMILIES[name].make()
    for shown in (type(model), model.fit, model.sample):
        kinds = {parameter.kind for parameter in inspect.signature(shown).parameters.values()}
        assert inspect.Parameter.VAR_KEYWORD not in kinds, shown
    assert inspect.getdoc(type(model))
    for method in (model.fit, model.sample):
        assert inspect.getdoc(method)


@each
def test_a_mistyped_option_of_the_class_is_told_the_nearest(name: str) -> None:
    owner = type(FAMILIES[name].make())
    option = list(inspect.signature(owner).parameters)[-1]
    with pytest.raises(TypeError, match=rf"^{owner.__name__} has no option '{option}s'; did you mean '{option}'\?$"):
        owner(**{f"{option}s": 1})


@each
def test_a_mistyped_option_of_sample_is_told_the_nearest(name: str, models: dict[str, Any]) -> None:
    owner = type(models[name]).__name__
    with pytest.raises(TypeError, match=rf"^{owner}\.sample has no option 'sed'; did you mean 'seed'\?$"):
        models[name].sample(2, sed=3)


@each_neural
def test_an_option_of_fit_given_to_the_class_is_sent_there(name: str) -> None:
    owner = type(NEURAL[name].make()).__name__
    with pytest.raises(TypeError, match=rf"{owner} has no option 'epochs'; its fit has one of this name"):
        type(NEURAL[name].make())(epochs=3)


@each
@pytest.mark.parametrize("seed", [True, 2.5, -1, 2**63, "a"])
def test_a_seed_that_is_none_is_refused(name: str, seed: Any, models: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="seed must be a whole number"):
        FAMILIES[name].sample(models[name], seed=seed)
    assert same(*(FAMILIES[name].sample(models[name], seed=s) for s in (3, np.int64(3))))


@each_neural
def test_a_mistyped_option_is_told_the_nearest(name: str) -> None:
    family = NEURAL[name]
    owner = type(family.make()).__name__
    with pytest.raises(TypeError, match=rf"{owner}\.fit has no option 'epoch'; did you mean 'epochs'\?"):
        family.make().fit(family.data, epoch=3)


@each_neural
def test_every_recipe_option_is_in_the_signature(name: str) -> None:
    shown = inspect.signature(NEURAL[name].make().fit).parameters
    assert set(DEFAULTS) | {"data", "validation", "seed", "progress"} <= set(shown)


# What image families share

IMAGE_FAMILIES = [name for name, family in FAMILIES.items() if isinstance(family.data, Images)]


@pytest.mark.parametrize("name", IMAGE_FAMILIES)
def test_arrays_and_tensors_are_images(name: str, models: dict[str, Any]) -> None:
    family = FAMILIES[name]
    x, y = family.data.pixels, family.data.labels
    for data, labels in ((x, y), (torch.from_numpy(x), torch.from_numpy(y)), (x[:, 0], y.tolist())):
        model = family.make().fit(data, labels, seed=0, progress=False, **family.fit)
        assert same(family.sample(model), family.sample(models[name]))
    with pytest.raises(ValueError, match="labels"):
        family.make().fit(x, progress=False, **family.fit)


@pytest.mark.parametrize("name", [n for n in IMAGE_FAMILIES if n != "gaussian"])
def test_a_model_without_classes_has_no_labels(name: str) -> None:
    family = FAMILIES[name]
    made = family.make()
    model = type(made)(**(made.config() | {"classes": None}))
    model.fit(family.data, progress=False, **family.fit)
    assert model.sample(3, seed=0).labels is None
    with pytest.raises(ValueError, match=r"labels were given to a .* without classes"):
        model.sample(3, labels=1)


def test_the_suite_knows_every_family() -> None:
    """A model that is not in this suite keeps no contract that anybody has seen."""

    def below(kind: type) -> set[type]:
        return {kind, *(x for sub in kind.__subclasses__() for x in below(sub))}

    concrete = {
        k for k in below(SyntheticModel) if not inspect.isabstract(k) and k.__module__.startswith("sdg_lab.models")
    }
    assert {k.__name__ for k in concrete} - {type(f.make()).__name__ for f in FAMILIES.values()} - {
        "NeuralModel"
    } == set()
    assert issubclass(VAE, NeuralModel)
