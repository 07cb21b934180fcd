"""A badly declared exercise is refused when it is declared."""

import dataclasses

import pytest

from sdg_lab.course.engine import Case, Chapter, Exercise, Mistake, registry
from sdg_lab.course.engine.exercise import Result


def answer(counts, alpha):
    return counts, alpha


MISTAKES = tuple(Mistake(f"Mistake {number}.", answer) for number in range(3))
GOOD = Exercise("01.smoothing", "Smoothing", "Smooth.", 2, 10, ("add",), answer, lambda rng: [Case(1, 2)], MISTAKES)


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        ({"key": "smoothing"}, ValueError, r"must look like '01\.smoothing', got 'smoothing'"),
        ({"key": "1.smoothing"}, ValueError, "got '1.smoothing'"),
        ({"key": "01.Smoothing"}, ValueError, "got '01.Smoothing'"),
        ({"title": " "}, ValueError, r"01\.smoothing needs a title"),
        ({"task": ""}, ValueError, r"01\.smoothing needs a task"),
        ({"points": 0}, ValueError, "points must be >= 1, got 0"),
        ({"minutes": -5}, ValueError, "minutes must be >= 1, got -5"),
        ({"hints": ()}, ValueError, "at least one hint"),
        ({"hints": ("a hint without a comma")}, TypeError, "hints must be a tuple, got 'a hint"),
        ({"reference": 3}, TypeError, "reference must be a function, got 3"),
        ({"cases": [Case(1, 2)]}, TypeError, "cases must be a function, got"),
        ({"mistakes": MISTAKES[:2]}, ValueError, "at least 3 mistakes, got 2"),
        ({"mistakes": (*MISTAKES[:2], MISTAKES[0])}, ValueError, "each mistake needs a sentence of its own"),
        ({"differentiable": ("counts", "beta")}, ValueError, "the reference has no parameter beta"),
        ({"differentiable": "counts"}, TypeError, "differentiable must be a tuple"),
    ],
)
def test_an_exercise_refuses(change, error, says):
    with pytest.raises(error, match=says):
        dataclasses.replace(GOOD, **change)


def test_a_mistake_refuses():
    with pytest.raises(TypeError, match=r"the mistake 'It is 3\.' needs a function, got int"):
        Mistake("It is 3.", 3)
    with pytest.raises(ValueError, match="needs the sentence that its author will read"):
        Mistake(" ", answer)


def test_a_chapter_refuses_what_its_header_could_not_say():
    with pytest.raises(ValueError, match="two digits, got '1'"):
        Chapter("1", "A title", "Something.")
    with pytest.raises(ValueError, match="chapter 01 needs a title and a sentence"):
        Chapter("01", "A title", "")


def test_a_result_reads_well_in_a_terminal_and_in_a_notebook():
    failed = Result(GOOD, "failed", "expected <1>, got\n2", points=0)
    assert str(failed) == repr(failed) == "✗ 01.smoothing failed: 0 of 2 points\nexpected <1>, got\n2"
    assert "expected &lt;1&gt;, got<br>2" in failed._repr_html_()
    assert str(Result(GOOD, "passed", "", points=2)) == "✓ 01.smoothing passed: 2 of 2 points"


def test_an_author_s_marks_are_shown_as_such_and_the_rest_as_it_stands():
    mistakes = (Mistake("Use `a < b`, *not* 2 * 3 * 4.", answer), *MISTAKES)
    result = Result(dataclasses.replace(GOOD, mistakes=mistakes), "failed", "", points=0)
    told = dataclasses.replace(result, message="Use `a < b`, *not* 2 * 3 * 4.\ngot '`x`  *y*'")._repr_html_()
    assert "Use <code>a &lt; b</code>, <em>not</em> 2 * 3 * 4.<br>got &#x27;`x`&nbsp; *y*&#x27;" in told


class TestRegistry:
    def test_it_finds_the_sample_by_key(self, sample):
        assert sample in registry.numbers()
        assert registry.find("98.reverse").title == "Reverse"
        assert registry.chapter("98").title == "A sample"

    def test_it_loads_only_the_chapter_that_is_asked_for(self, sample):
        import sys

        before = {name for name in sys.modules if name.startswith("sdg_lab.course.ch")}
        registry.find("98.reverse")
        after = {name for name in sys.modules if name.startswith("sdg_lab.course.ch")}
        assert after - before == {"sdg_lab.course.ch98", "sdg_lab.course.ch98.exercises"}

    @pytest.mark.parametrize(
        ("key", "says"),
        [
            (
                "98.smothing",
                r"no exercise '98\.smothing'; did you mean '98\.smoothing'\? chapter 98 has 98\.smoothing, ",
            ),
            ("98.zzz", r"no exercise '98\.zzz'; chapter 98 has"),
            ("97.smoothing", r"no exercise '97\.smoothing'; a key is a chapter \(.*98\) and a name"),
            ("smoothing", "no exercise .smoothing.; a key is a chapter"),
        ],
    )
    def test_an_unknown_key_names_what_there_is(self, sample, key, says):
        with pytest.raises(KeyError, match="^" + says):
            registry.find(key)

    def test_an_unknown_chapter_names_what_there_is(self, sample):
        with pytest.raises(KeyError, match=r"^no chapter '97'; there are .*98"):
            registry.chapter("97")

    def test_a_module_that_declares_badly_is_named(self, sample, monkeypatch):
        from sdg_lab.course.ch98 import exercises as ch98

        monkeypatch.setattr(ch98, "EXERCISES", list(ch98.EXERCISES))
        with pytest.raises(TypeError, match=r"course/ch98/exercises\.py must define EXERCISES, a tuple"):
            registry.exercises("98")
        monkeypatch.setattr(ch98, "EXERCISES", (GOOD,))
        with pytest.raises(ValueError, match=r"key '01\.smoothing' must begin with 98\. and occur once"):
            registry.exercises("98")
        monkeypatch.setattr(ch98, "CHAPTER", dataclasses.replace(ch98.CHAPTER, number="97"))
        with pytest.raises(ValueError, match=r"ch98/exercises\.py declares chapter '97'; its number is 98"):
            registry.chapter("98")
        monkeypatch.delattr(ch98, "CHAPTER")
        with pytest.raises(TypeError, match=r"ch98/exercises\.py must define CHAPTER"):
            registry.chapter("98")
