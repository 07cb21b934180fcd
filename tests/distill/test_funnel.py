"""The funnel counts what fell where, and shows texts without obeying them."""

from bs4 import BeautifulSoup

from sdg_lab.distill.funnel import Funnel, printable
from sdg_lab.distill.records import Record

EVIL = "<script>alert(1)</script>\x1b[31m\nred\u202e"


def some():
    for number in range(10):
        record = Record.new("task", {"text": f"{EVIL} {number}"})
        if number < 4:
            yield record.refused("short", f"{number} words, fewer than 4")
        elif number < 6:
            yield record.refused("new", f"{EVIL} known")
        else:
            yield record
    yield Record.new("answer", {"text": "a"})


def funnel():
    return Funnel({"task": ["read", "short", "long", "new"], "*": ["read"]}, some())


def test_each_stage_is_reached_by_those_whom_none_before_refused():
    task = funnel().kinds["task"]
    assert (task.proposed, task.kept) == (10, 4)
    assert [(name, came, stage.fell) for name, came, stage in task.reached()] == [
        ("read", 10, 0), ("short", 10, 4), ("long", 6, 0), ("new", 6, 2)
    ]  # fmt: skip
    assert (funnel().proposed, funnel().kept) == (11, 5)


def test_like_reasons_are_one_and_examples_are_three():
    short = funnel().kinds["task"].stages["short"]
    assert short.reasons == {"… words, fewer than …": 4}
    assert [why for _, why in short.examples] == [f"{n} words, fewer than 4" for n in range(3)]


def test_text_shows_what_models_wrote_and_obeys_nothing():
    said = str(funnel())
    assert "task: 4 of 10 kept (40%)" in said
    assert "short                          4 of 10 fell (40%)" in said
    assert "new                            2 of 6 fell (33%)" in said
    assert "read" not in said  # where nothing fell, the pipeline's own stages are not shown
    assert "<script>" in said
    assert not set("\x1b\u202e\r") & set(said)


def test_html_shows_what_models_wrote_and_obeys_nothing():
    page = BeautifulSoup(funnel()._repr_html_(), "html.parser")
    assert page.find("script") is None
    assert "<script>alert(1)</script>" in page.get_text()
    assert len(page.find_all("li")) == 5


def test_the_verdict_names_the_stage_that_took_the_most():
    only = Funnel({"task": ["short", "new"]}, [record for record in some() if not record.kept])
    said = only.verdict()
    assert said.startswith("0 of 6 of kind 'task' were kept; 'short' took 4 (… words, fewer than …, such as ")
    assert "\x1b" not in said
    assert Funnel().verdict() == str(Funnel()) == "nothing was proposed"
    assert Funnel({}, [Record.new("task", {})]).verdict() == "all 1 of kind 'task' were kept"


def test_a_stage_of_many_words_fills_no_memory():
    full = Funnel()
    words = ("".join(chr(97 + int(digit)) for digit in str(n)) for n in range(3000))
    for n, word in enumerate(words):
        full.add(Record.new("task", {"n": n}).refused("odd", word))
    assert len(full.kinds["task"].stages["odd"].reasons) <= 1001
    assert full.kinds["task"].stages["odd"].fell == 3000


def test_printable():
    assert printable("a\tb\nc\x00\x9b1m é😀") == "a b c\ufffd\ufffd1m é😀"


def test_json_says_all():
    said = funnel().to_json()["task"]
    assert said["stages"][1]["reasons"] == {"… words, fewer than …": 4}
    assert len(said["stages"][1]["examples"]) == 3
