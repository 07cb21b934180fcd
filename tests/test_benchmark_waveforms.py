"""The benchmark of waveforms: its peers are what they are called, its figures add up, a file is taken up again."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks import waveforms
from benchmarks.peers.wavenet import PublishedNetwork
from benchmarks.waveforms import GRU, LINEAR, NGRAM, TRANSFORMER, UNIFORM, UNIGRAM, WAVENET, Judged
from sdg_lab.data.types import Sounds
from sdg_lab.models.waveforms import WaveNet
from sdg_lab.models.waveforms.network import Note

SMALL = {"rate": 2_000, "channels": 6, "dilations": (1, 2, 4), "taps": 4, "skip": 5, "components": 2, "dropout": 0.0}


@pytest.fixture
def model():
    torch.manual_seed(0)
    made = WaveNet(**SMALL, classes=2, pitches=(57, 60)).eval()
    made.prediction.normal_(std=0.1)
    return made


def heard(model, n, extra):
    codes = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (n, model.network.receptive_field + extra)))
    return codes, torch.arange(n) % 2, 57 + torch.arange(n) % 4, torch.zeros(n, dtype=torch.int64)


def test_plain_layers_are_the_same_function_and_have_the_same_gradients(model):
    ours, plain, _ = waveforms.networks(model).values()
    given = heard(model, 3, 20)
    torch.testing.assert_close(ours.sample_log_probs(*given), plain.sample_log_probs(*given), rtol=1e-3, atol=1e-3)
    for each in (ours, plain):
        each.sample_log_probs(*given).sum().backward()
    one, other = ours.network.layers[1].now.grad, plain.network.stack.layers[1]
    expected = torch.cat([other.filter.weight.grad[:, :, 1], other.gate.weight.grad[:, :, 1]])
    torch.testing.assert_close(one, expected, rtol=1e-2, atol=1e-3 * float(expected.abs().max()))
    count = [sum(weight.numel() for weight in each.parameters()) for each in (ours, plain)]
    assert count[0] == count[1]


def test_the_published_network_predicts_256_codes_from_those_before_alone():
    torch.manual_seed(0)
    network = PublishedNetwork(channels=6, dilations=(1, 2, 4), skip=5, condition=3)
    assert network.receptive_field == 9
    note = Note(torch.randn(1, 3), torch.zeros(1, 1), torch.zeros(1), torch.zeros(1, 1))
    codes = torch.randint(256, (1, 30), generator=torch.Generator().manual_seed(0))
    found = network.log_prob(codes, note)
    assert found.shape == (1, 21)
    other = codes.clone()
    other[0, 20] = (codes[0, 20] + 100) % 256
    changed = (network.log_prob(other, note) != found)[0].nonzero().flatten().tolist()
    assert changed == list(range(20 - 9, 30 - 9))[:10]  # the code itself, and those that hear it
    every = codes[:, :10].repeat(256, 1)
    every[:, -1] = torch.arange(256)
    wide = replace(note, h=note.h.expand(256, -1))
    assert float(network.log_prob(every, wide).detach().exp().sum()) == pytest.approx(1, abs=1e-5)


def test_queues_and_the_whole_field_have_the_same_outputs(model):
    with torch.no_grad():
        note = model.note(torch.tensor([1, 0]), torch.tensor([58, 60]), torch.zeros(2))
    assert waveforms.difference(model.network, note, 150) < 1e-3
    codes, outputs = waveforms.naive(model.network, note, 5, 1.0)
    assert codes.shape == (2, 5)
    assert outputs.shape == (5, 2, 6)


def test_every_sound_has_a_recording_and_no_test_recording_is_heard_in_training():
    names = {}
    for part, notes in waveforms.sounds().parts.items():
        rows = waveforms.rows_of("any", 0, Judged(np.ones(len(notes)), 1.0, 2), notes)
        assert sum(row["notes"] for row in rows) == len(notes)
        names[part] = {row["recording"] for row in rows}
    assert {part: len(found) for part, found in names.items()} == {"train": 34, "validation": 9, "test": 10}
    assert not names["test"] & (names["train"] | names["validation"])


def test_bits_of_a_recording_are_the_mean_over_its_notes():
    notes = waveforms.sounds().test
    bits = np.random.default_rng(0).random(len(notes))
    rows = waveforms.rows_of("any", 0, Judged(bits, 1.0, 2), notes)
    assert sum(row["notes"] * row["bits"] for row in rows) / len(notes) == pytest.approx(bits.mean())


# What is read off the table


def row(model, seed, recording, bits, notes=2):
    values = (model, seed, recording, notes, bits, 1.5, 7)
    return {name: str(value) for name, value in zip(waveforms.FIELDS, values, strict=True)}


def test_recordings_count_by_their_notes_and_the_interval_is_over_them():
    rows = [row("a", 0, "x", 1.0, 1), row("a", 0, "y", 2.0, 3), row("a", 1, "y", 4.0, 3), row("a", 1, "x", 3.0, 1)]
    bits, notes = waveforms.by_recording(rows, "a")
    np.testing.assert_array_equal(bits, [[1, 2], [3, 4]])
    np.testing.assert_array_equal(notes, [1, 3])
    middle, low, high = waveforms.over_recordings(bits.mean(axis=0), notes)
    assert middle == pytest.approx((1 * 2 + 3 * 3) / 4)
    assert (low, high) == (2, 3)  # both recordings are the same one in more than 2.5 % of the draws
    half = waveforms.over_seeds(bits, notes)
    assert half == pytest.approx(12.706 * np.std([1.75, 3.75], ddof=1) / np.sqrt(2), rel=1e-3)
    assert waveforms.over_seeds(bits[:1], notes) == 0


def test_an_interval_over_recordings_is_that_of_many_means():
    values = np.random.default_rng(1).normal(size=200)
    middle, low, high = waveforms.over_recordings(values, np.ones(200))
    assert middle == pytest.approx(values.mean())
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(200), rel=0.05)


@pytest.fixture
def quick(tmp_path, monkeypatch):
    """A file of its own, two seeds, and models that are judged at once."""
    monkeypatch.setattr(waveforms, "RESULTS", tmp_path / "waveforms.csv")
    monkeypatch.setattr(waveforms, "SEEDS", range(2))
    asked = []

    def fitted(model, seed):
        asked.append((model, seed))
        return Judged(np.full(len(waveforms.sounds().test), len(asked) / 3), 5.0, 11)

    monkeypatch.setattr(waveforms, "fitted", fitted)
    return asked


def test_a_run_that_was_cut_off_is_finished_and_nothing_is_measured_twice(quick):
    rows = waveforms.measured()
    counted = [(model, 0) for model in (UNIFORM, UNIGRAM, NGRAM, LINEAR)]
    assert quick == counted + [(model, seed) for seed in (0, 1) for model in waveforms.NETWORKS]
    assert set(waveforms.NETWORKS) == {WAVENET, GRU, TRANSFORMER}
    assert len(rows) == 10 * len(quick)
    lines = waveforms.RESULTS.read_text("utf-8").splitlines()
    waveforms.RESULTS.write_text("\n".join(lines[:31]) + "\n", "utf-8")
    quick.clear()
    waveforms.measured()
    assert quick[0] == (LINEAR, 0)
    assert len(waveforms.read()) == len(rows)
    quick.clear()
    assert len(waveforms.measured()) == len(rows)
    assert quick == []
    assert waveforms.summary(rows).count("\n") + 1 == 7
    assert {each.unit for each in waveforms.quality()} == {"bits/sample"}


def test_a_language_model_s_bits_are_per_sample():
    sounds = Sounds(np.zeros((2, 50), np.float32), 8_000)
    np.testing.assert_allclose(waveforms.per_sample(np.array([-100 * np.log(2), -50 * np.log(2)]), sounds), [2, 1])
    assert waveforms.texts(sounds) == [chr(0x180) * 50] * 2
