"""A run proposes, asks, judges and remembers; wherever it was stopped, it ends in the same bytes."""

import functools
import json
import logging
import random
import re
import shutil
import textwrap
import threading
import time
import types
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nasty_server import KEY, PASSING, VARIABLE

from sdg_lab.distill import (
    Budget,
    EmptyError,
    FunctionTeacher,
    Options,
    Record,
    Request,
    Score,
    SilentError,
    pipeline,
    run,
)
from sdg_lab.distill.description import describe, name_of
from sdg_lab.distill.journal import read
from sdg_lab.distill.pipeline import SPENT, seed_of
from sdg_lab.distill.recipes.labels import Labels
from sdg_lab.distill.recipes.self_instruct import SelfInstruct
from sdg_lab.distill.server import ServerTeacher
from sdg_lab.distill.teacher import UnansweredError

WORDS = ["add", "sub", "mul", "the", "a", "number", "two", "three"]
quiet = functools.partial(run, progress=False)


def speak(prompt, seed):
    """Write one to six words, as the prompt and the seed have it."""
    draws = random.Random(f"{prompt}{seed}")
    return " ".join(draws.choice(WORDS) for _ in range(draws.randint(1, 6)))


def tasks(pool, rng):
    """Grow a pool of tasks from three, in rounds of eight; then score some."""
    yield [Record.new("task", {"task": f"seed task {i}"}) for i in range(3)]
    while len(pool.of("task")) < 25:
        shown = "\n".join(pool.of("task")[i]["task"] for i in rng.integers(len(pool.of("task")), size=3))
        yield [Request(f"{shown}\n", kind="task", read=lambda c: {"task": c.text}) for _ in range(8)]
    yield [Score(r["task"], ["yes", "no"], kind="label", parents=[r.id]) for r in pool.of("task")[:5]]


def short(record, pool):
    count = len(record["task"].split())
    return f"{count} words, fewer than 3" if count < 3 else None


def new(record, pool):
    return "is there" if any(other["task"] == record["task"] for other in pool.of("task")) else None


STAGES = {"task": [short, new]}


def speaker(**options):
    return FunctionTeacher(speak, score=lambda prompt, answer: -len(answer) / 3, **options)


def one_round(*proposals):
    """Make a recipe that proposes these and ends."""

    def rounds(pool, rng):
        yield list(proposals)

    return rounds


def ask(n=1, **options):
    return one_round(*(Request(f"prompt {i}", **options) for i in range(n)))


@pytest.fixture(scope="module")
def journal(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    quiet(tasks, speaker(), stages=STAGES, folder=folder)
    return (folder / "journal.jsonl").read_bytes()


class TestWhatHappens:
    def test_records_say_where_they_come_from(self):
        result = quiet(tasks, speaker(), stages=STAGES, seed=3)
        made = [record for record in result.pool.of("task") if record.teacher]
        assert all(record.teacher == "speak" for record in made)
        assert all(record["task"] == speak(record.prompt, record.seed) for record in made)
        assert len({record.seed for record in made}) == len(made)
        label = result.pool.of("label")[0]
        assert label.fields == {"log_probs": [-1.0, -2 / 3]}
        assert result.pool.children(label.parents[0]) == [label]

    def test_a_bar_shows_the_yield(self, capfd):
        teacher = FunctionTeacher(lambda prompt, seed: time.sleep(0.12) or speak(prompt, seed), batch=1)
        run(ask(3), teacher)
        said = capfd.readouterr().err
        assert "distill: 2request" in said
        assert "kept 2 of 2" in said

    def test_a_result_is_shown_by_its_yield(self):
        result = quiet(tasks, speaker(), stages=STAGES)
        assert repr(result) == f"Result({len(result.pool)} of {result.funnel.proposed} kept, {result.spent})"
        assert result._repr_html_() == result.funnel._repr_html_()

    def test_the_journal_holds_all_and_the_pool_what_was_kept(self, tmp_path):
        result = quiet(tasks, speaker(), stages=STAGES, folder=tmp_path)
        records = list(read(tmp_path / "journal.jsonl"))
        assert [record for record in records if record.kept] == list(result.pool)
        refused = [record for record in records if not record.kept]
        assert {record.stage for record in refused} == {"short"}
        assert all(record.reason == short(record, None) for record in refused)
        assert result.funnel.proposed == len(records)

    def test_another_seed_is_another_run(self):
        texts = [
            [r["task"] for r in quiet(tasks, speaker(), stages=STAGES, seed=seed).pool.of("task")] for seed in (0, 1)
        ]
        assert texts[0] != texts[1]

    def test_an_answer_may_hold_several_items_or_none(self):
        def read_lines(completion):
            return [{"line": line} for line in completion.text.split("\n") if line]

        texts = iter(["a\nb\na", "", "c"])
        teacher = FunctionTeacher(lambda prompt, seed: next(texts))
        result = quiet(ask(3, kind="line", read=read_lines, fields={"source": 1}), teacher)
        assert [record.fields for record in result.pool] == [{"source": 1, "line": line} for line in "abc"]
        stages = result.funnel.kinds["line"].stages
        assert stages["repeated"].reasons == {"the same record was kept before": 1}
        assert stages["read"].reasons == {"nothing in it could be read": 1}

    @pytest.mark.parametrize(
        ("text", "reason"),
        [
            ("{", "Expecting property name"),
            ('{"other": 1}', "'answer'"),
            ('{"answer": NaN}', "holds nan"),
            ("[" * 10_000, "recursion"),
        ],
    )
    def test_what_cannot_be_read_is_refused_with_its_text(self, text, reason, tmp_path):
        read_json = lambda completion: {"answer": json.loads(completion.text)["answer"]}  # noqa: E731
        with pytest.raises(EmptyError):
            quiet(ask(read=read_json), FunctionTeacher(lambda prompt, seed: text), folder=tmp_path)
        [record] = read(tmp_path / "journal.jsonl")
        assert (record.stage, record["text"]) == ("read", text)
        assert reason in record.reason

    def test_a_text_that_was_cut_off_is_refused_unless_it_may_be(self):
        teacher = FunctionTeacher(lambda prompt, seed: "one two three")
        options = Options(max_tokens=2)
        with pytest.raises(EmptyError, match=r"'read' took 1 \(cut off by max_tokens"):
            quiet(ask(options=options), teacher)
        assert quiet(ask(options=options, whole=False), teacher).pool[0]["text"] == "one two"

    def test_calls_are_as_large_as_the_teacher_takes_and_of_one_kind(self):
        calls = []

        class Teacher(FunctionTeacher):
            def generate(self, prompts, *, seeds, options):
                calls.append((len(prompts), options.max_tokens))
                return super().generate(prompts, seeds=seeds, options=options)

        few = [Request(f"p{i}", options=Options(max_tokens=50)) for i in range(3)]
        many = [Request(f"q{i}") for i in range(7)]
        quiet(one_round(*many, Record.new("x", {}), *few), Teacher(speak, batch=4))
        assert calls == [(4, 128), (3, 128), (3, 50)]

    def test_stages_may_differ_by_kind(self):
        def never(record, pool):
            return "never"

        both = one_round(Request("a", kind="a"), Request("b", kind="b"), Request("c", kind="c"))
        result = quiet(both, speaker(), stages={"a": [never], "*": [], "c": [never]})
        assert [record.kind for record in result.pool] == ["b"]


class TestResume:
    @given(st.data())
    @settings(max_examples=25)
    def test_cut_at_any_byte_it_ends_in_the_same_bytes(self, journal, tmp_path_factory, data):
        folder = tmp_path_factory.mktemp("cut")
        cut = data.draw(st.integers(0, len(journal)))
        (folder / "journal.jsonl").write_bytes(journal[:cut])
        quiet(tasks, speaker(), stages=STAGES, folder=folder)
        assert (folder / "journal.jsonl").read_bytes() == journal
        shutil.rmtree(folder)

    @pytest.mark.parametrize(("batch", "concurrency"), [(1, 1), (3, 1), (1, 5), (3, 4)])
    def test_it_is_the_same_however_much_goes_on_at_a_time(self, journal, tmp_path, batch, concurrency):
        class Uneven(FunctionTeacher):
            def generate(self, prompts, *, seeds, options):
                time.sleep(seeds[0] % 7 / 1000)
                return super().generate(prompts, seeds=seeds, options=options)

        score = speaker().score
        teacher = Uneven(speak, score=score, batch=batch, concurrency=concurrency)
        quiet(tasks, teacher, stages=STAGES, folder=tmp_path)
        assert (tmp_path / "journal.jsonl").read_bytes() == journal

    def test_a_finished_run_asks_nothing(self, journal, tmp_path):
        (tmp_path / "journal.jsonl").write_bytes(journal)

        def unasked(prompt, seed):
            raise AssertionError(prompt)

        teacher = FunctionTeacher(unasked, name="speak", score=lambda prompt, answer: unasked(prompt, 0))
        result = quiet(tasks, teacher, stages=STAGES, folder=tmp_path)
        again = quiet(tasks, speaker(), stages=STAGES)
        assert list(result.pool) == list(again.pool)
        assert str(result.funnel) == str(again.funnel)
        assert str(result.spent) == str(again.spent)

    def test_an_error_in_a_stage_loses_nothing_and_is_told(self, journal, tmp_path):
        calls = iter(range(12, 0, -1))

        def fails_once(record, pool):
            if next(calls) == 1:
                raise ZeroDivisionError
            return short(record, pool)

        fails_once.__name__ = "short"
        with pytest.raises(ZeroDivisionError) as caught:
            quiet(tasks, speaker(), stages={"task": [fails_once, new]}, folder=tmp_path)
        assert "in the stage 'short', which judged Record(" in caught.value.__notes__[0]
        assert len(list(read(tmp_path / "journal.jsonl"))) == 11
        quiet(tasks, speaker(), stages=STAGES, folder=tmp_path)
        assert (tmp_path / "journal.jsonl").read_bytes() == journal

    def test_another_run_is_refused(self, journal, tmp_path):
        (tmp_path / "journal.jsonl").write_bytes(journal)
        for change, said in [
            ({"seed": 1}, "seed is 0 there and 1 here"),
            ({"stages": {"task": [short]}}, r"stages.task is \['short', 'new'\] there"),
        ]:
            with pytest.raises(ValueError, match=said):
                quiet(tasks, speaker(), **{"stages": STAGES, "folder": tmp_path} | change)
        with pytest.raises(ValueError, match=r"teacher\.name is 'speak' there and 'other' here"):
            quiet(tasks, speaker(name="other"), stages=STAGES, folder=tmp_path)

    def test_a_recipe_that_proposes_something_else_is_refused(self, journal, tmp_path):
        (tmp_path / "journal.jsonl").write_bytes(journal)

        def other(pool, rng):
            yield [Record.new("task", {"task": f"seed task {i}"}) for i in range(3)]
            yield [Request("another prompt", kind="task", read=lambda c: {"task": c.text})]

        other.__name__ = "tasks"
        with pytest.raises(
            ValueError, match=r"request 3 is '\d+ another prompt', and the journal holds '\d+ seed task"
        ):
            quiet(other, speaker(), stages=STAGES, folder=tmp_path)


class TestBudget:
    @pytest.mark.parametrize("concurrency", [1, 4])
    @pytest.mark.parametrize("bound", [{"requests": 13}, {"tokens": 400}])
    def test_it_is_kept_said_and_the_run_goes_on(self, journal, tmp_path, bound, concurrency):
        teacher = speaker(batch=3, concurrency=concurrency)
        result = quiet(tasks, teacher, stages=STAGES, folder=tmp_path, budget=Budget(**bound))
        left = r": (\d+) tokens are left, and the next may need (\d+)" if "tokens" in bound else ""
        found = re.fullmatch(f"{SPENT}{left}; spent: {re.escape(str(result.spent))}", result.stopped)
        assert found
        if left:
            assert int(found[1]) == 400 - result.spent.tokens < int(found[2])
        assert 0 < result.spent.requests <= bound.get("requests", 99)
        assert result.spent.tokens <= 400
        assert result.spent.requests == 13 or result.spent.tokens > 400 - 128 - 30
        part = (tmp_path / "journal.jsonl").read_bytes()
        assert journal.startswith(part)
        again = quiet(tasks, teacher, stages=STAGES, folder=tmp_path, budget=Budget(**bound))
        assert (tmp_path / "journal.jsonl").read_bytes() == part
        assert str(again.spent) == str(result.spent)
        assert quiet(tasks, teacher, stages=STAGES, folder=tmp_path).stopped == ""
        assert (tmp_path / "journal.jsonl").read_bytes() == journal

    def test_the_stop_is_the_same_however_much_goes_on_at_a_time(self, tmp_path):
        spent = set()
        for concurrency in (1, 2, 7):
            teacher = speaker(batch=1, concurrency=concurrency)
            spent.add(str(quiet(tasks, teacher, stages=STAGES, budget=Budget(tokens=600)).spent))
        assert len(spent) == 1

    def test_one_that_nothing_fits_in_is_said(self):
        said = (
            r"no finished record yet: the budget was spent before the first request \(the budget holds no further "
            r"request: 5 tokens are left, and the next may need 130;"
        )
        with pytest.raises(EmptyError, match=said):
            quiet(ask(3), speaker(), budget=Budget(tokens=5))

    def test_one_that_ends_before_the_first_finished_record_is_said(self):
        class TwoSteps:
            stages = types.MappingProxyType({"text": (), "example": ()})
            result = ("example",)

            def rounds(self, pool, random):
                yield [Request(f"prompt {i}", kind="text") for i in range(3)]
                yield [Request(record["text"], kind="example") for record in pool.of("text")]

        said = r"no finished record yet: the budget was spent after 3 of kind 'text' \(the budget holds"
        with pytest.raises(EmptyError, match=said):
            quiet(TwoSteps(), speaker(), budget=Budget(requests=3))
        assert len(quiet(TwoSteps(), speaker(), budget=Budget(requests=4)).pool.of("example")) == 1

    def test_scores_count_what_they_read_and_a_teacher_that_cannot_count_is_taken_to_need_the_most(self):
        """Words are tokens here: three and one for each of two answers."""
        score = Score("one two three", ["yes", "no"])
        assert quiet(one_round(score), speaker(), budget=Budget(tokens=8)).spent.tokens == 8
        with pytest.raises(EmptyError, match="7 tokens are left, and the next may need 8"):
            quiet(one_round(score), speaker(), budget=Budget(tokens=7))

        class Blind:
            """Has no ``tokens``."""

            def __getattr__(self, name):
                if name == "tokens":
                    raise AttributeError(name)
                return getattr(speaker(), name)

        assert quiet(one_round(score), Blind(), budget=Budget(tokens=7)).spent.tokens == 0
        with pytest.raises(EmptyError, match="99 tokens are left, and the next may need 136"):
            quiet(ask(1), Blind(), budget=Budget(tokens=99))

    def test_a_smaller_budget_on_a_finished_folder_says_so(self, tmp_path):
        quiet(tasks, speaker(), stages=STAGES, folder=tmp_path)
        result = quiet(tasks, speaker(), stages=STAGES, folder=tmp_path, budget=Budget(tokens=9))
        assert result.stopped == ""
        assert " of 9 tokens (more than this budget: an earlier one was larger" in str(result.spent)


class TestEnds:
    def test_an_empty_result_says_which_filter_took_all(self):
        def none(record, pool):
            return "is not good"

        with pytest.raises(EmptyError) as caught:
            quiet(ask(9), speaker(), stages=[none])
        said = str(caught.value)
        assert said.startswith(
            "the run kept nothing: 0 of 9 of kind 'item' were kept; 'none' took 9 (is not good, such"
        )
        assert caught.value.funnel.kinds["item"].stages["none"].fell == 9

    def test_a_recipe_that_never_ends_is_ended_when_nothing_is_kept(self):
        def endless(pool, rng):
            yield [Request("begin")]
            while True:
                yield [Request("more", kind="more")]

        def refuse(record, pool):
            return "no"

        result = quiet(endless, speaker(), stages={"more": [refuse]}, fruitless=5)
        assert result.stopped == "5 rounds in a row kept nothing"
        assert result.funnel.kinds["more"].proposed == 5
        with pytest.raises(EmptyError, match=r"\(5 rounds in a row kept nothing\): 0 of 1 .* 'refuse' took 1"):
            quiet(endless, speaker(), stages=[refuse], fruitless=5)

    def test_a_recipe_that_proposes_nothing_is_said(self):
        with pytest.raises(EmptyError, match="nothing was proposed"):
            quiet(one_round(), speaker())

    def test_given_records_alone_are_no_result(self):
        with pytest.raises(EmptyError, match="all 1 of kind 'task' were kept"):
            quiet(one_round(Record.new("task", {})), speaker())


class Failing(FunctionTeacher):
    """Does not answer the prompts that it is told not to."""

    def __init__(self, *fails, **options):
        super().__init__(speak, batch=1, **options)
        self.fails, self.asked, self.stopped = set(fails), [], False

    def generate(self, prompts, *, seeds, options):
        self.asked += prompts
        if self.fails & set(prompts):
            raise UnansweredError("HTTP 503", "start the server at http://here")
        return super().generate(prompts, seeds=seeds, options=options)

    def stop(self):
        self.stopped = True


class TestUnanswered:
    def test_an_item_is_refused_and_not_the_run(self):
        result = quiet(ask(9), Failing("prompt 3", "prompt 4"))
        assert len(result.pool) == 7
        assert result.funnel.kinds["item"].stages["teacher"].reasons == {"HTTP …": 2}

    @pytest.mark.parametrize("concurrency", [1, 3])
    def test_a_dead_server_ends_the_run_with_a_sentence(self, tmp_path, concurrency):
        teacher = Failing(*(f"prompt {i}" for i in range(100)), concurrency=concurrency)
        with pytest.raises(SilentError) as caught:
            quiet(ask(100), teacher, folder=tmp_path, patience=4)
        assert str(caught.value) == (
            "4 requests in a row got no answer from speak: HTTP 503 (4×); start the server at http://here; "
            "nothing is lost: the same call goes on here"
        )
        assert len(teacher.asked) <= 4 + 2 * concurrency
        assert teacher.stopped == (concurrency > 1)

    def test_what_a_dead_server_did_not_answer_is_asked_again(self, tmp_path):
        dead = Failing("prompt 2", *(f"prompt {i}" for i in range(5, 30)))
        with pytest.raises(SilentError):
            quiet(ask(20), dead, folder=tmp_path / "a", patience=4)
        quiet(ask(20), Failing("prompt 2"), folder=tmp_path / "a", patience=4)
        quiet(ask(20), Failing("prompt 2"), folder=tmp_path / "b")
        assert (tmp_path / "a/journal.jsonl").read_bytes() == (tmp_path / "b/journal.jsonl").read_bytes()

    def test_many_refusals_of_a_service_that_is_well_are_no_outage(self):
        class Picky(FunctionTeacher):
            def generate(self, prompts, *, seeds, options):
                if prompts[0] != "prompt 7":
                    raise UnansweredError("it is filtered", refused=True)
                return super().generate(prompts, seeds=seeds, options=options)

        result = quiet(ask(9), Picky(speak, batch=1), patience=2)
        assert result.funnel.kinds["item"].stages["teacher"].fell == 8

    def test_one_bad_prompt_does_not_spoil_its_call(self):
        class Choosy(FunctionTeacher):
            def generate(self, prompts, *, seeds, options):
                if "prompt 3" in prompts:
                    raise UnansweredError("too long", refused=True)
                return super().generate(prompts, seeds=seeds, options=options)

        result = quiet(ask(9), Choosy(speak, batch=4))
        assert [record.prompt for record in result.pool] == [f"prompt {i}" for i in range(9) if i != 3]
        plain = quiet(ask(9), speaker())
        assert result.pool[-1].fields == plain.pool[-1].fields

    def test_those_at_the_end_are_refused_too(self):
        result = quiet(ask(4), Failing("prompt 2", "prompt 3"), patience=3)
        assert result.funnel.kinds["item"].stages["teacher"].fell == 2


class TestSlips:
    """What people get wrong in a recipe or a stage."""

    @pytest.mark.parametrize(("returned", "shown"), [(False, "False"), (True, "True"), ("", "''"), (3, "3")])
    def test_a_stage_returns_a_reason_or_none(self, returned, shown):
        def wrong(record, pool):
            return returned

        with pytest.raises(TypeError, match=f"'wrong' must return why it refuses a record, or None, got {shown}"):
            quiet(ask(), speaker(), stages=[wrong])

    def test_a_round_is_a_list_of_proposals(self):
        with pytest.raises(TypeError, match=r"a round is a list of proposals, got one Request; yield \[it\]"):
            quiet(lambda pool, rng: iter([Request("a")]), speaker())
        with pytest.raises(TypeError, match="a recipe proposes Request, Score or Record, got 'a'"):
            quiet(one_round("a"), speaker())

    def test_two_stages_of_one_name_are_refused(self):
        with pytest.raises(ValueError, match="two stages of kind 'x' are called 'short'"):
            quiet(ask(), speaker(), stages={"x": [short, short]})

    @pytest.mark.parametrize("wrong", [{"seed": -1}, {"patience": 0}, {"fruitless": 0}])
    def test_numbers_out_of_range_are_refused(self, wrong):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be a whole number"):
            quiet(ask(), speaker(), **wrong)


@dataclass(frozen=True)
class Grow:
    """A recipe with parameters."""

    n: int = 4
    options: Options = field(default_factory=lambda: Options(max_tokens=50))
    questions: tuple[str, ...] = ()

    @property
    def stages(self):
        return {"task": [functools.partial(short), longer_than(2)]}

    @property
    def result(self):
        return ("task",)

    def rounds(self, pool, random):
        yield [Record.new("seed", {"task": "a"})]
        yield [
            Request(f"{i}", kind="task", options=self.options, read=lambda c: {"task": c.text}) for i in range(self.n)
        ]


def longer_than(letters):
    def longer(record, pool):
        return None if len(record["task"]) > letters else "too short"

    return longer


def test_the_example_of_the_module_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    code = textwrap.dedent(pipeline.__doc__.split("::\n")[1].split("\nA stage remembers")[0])
    names = {"Request": Request, "run": functools.partial(run, progress=False), "teacher": speaker()}
    exec(code, names)
    assert len(names["result"].pool.of("task")) >= 20
    assert "short" in capsys.readouterr().out
    assert (tmp_path / "tasks/journal.jsonl").is_file()


class TestRecipe:
    def test_its_stages_and_its_result_are_its_own(self):
        result = quiet(Grow(9), speaker())
        assert set(result.funnel.kinds["task"].stages) == {"teacher", "read", "repeated", "short", "longer"}
        assert result.result == ("task",)

    def test_it_is_described_by_its_parameters(self):
        said = describe(Grow(questions=tuple("abc" * 20)))
        assert said["n"] == 4
        assert said["options"]["max_tokens"] == 50
        assert said["questions"]["how many"] == 60
        assert said != describe(Grow(questions=tuple("abd" * 20)))
        assert describe(longer_than(2)) == {"name": "longer", "letters": 2}
        assert describe(functools.partial(new, pool=None)) == {"name": "new", "pool": None}
        assert (describe(short), name_of(functools.partial(short))) == ("short", "short")

    def test_a_function_of_a_notebook_is_known_by_its_code(self):
        def one():
            def same(record, pool):
                return None if len(record["text"]) > 2 else "short"  # as it is

            return same

        def other():
            def same(record, pool):
                return None if len(record["text"]) > 3 else "short"

            return same

        def again():
            def same(record, pool):
                # said in other words
                return None if len(record["text"]) > 2 else "short"

            return same

        assert describe(one()) == describe(other()) == "same"
        made = [make() for make in (one, other, again)]
        for function in made:
            function.__module__ = "__main__"
        first, changed, commented = map(describe, made)
        assert first == commented != changed
        assert set(first) == {"name", "code"}
        nameless = eval("lambda record, pool: None", {"__name__": "__main__"})
        assert describe(nameless) == "<lambda>"


class TestSeeds:
    def test_they_are_their_own_and_every_service_takes_them(self):
        seeds = [seed_of(run_seed, number) for run_seed in range(20) for number in range(200)]
        assert len(set(seeds)) > 3990
        assert 0 <= min(seeds) < max(seeds) < 2**31
        assert abs(np.mean(seeds) / 2**31 - 0.5) < 4 / np.sqrt(12 * len(seeds))


QUICK = [mode for mode in PASSING if mode not in ("slow", "drip", "endless")]


class Chaos:
    """Up to three failures for each request, then the answer."""

    def __init__(self):
        self.tries, self.lock = Counter(), threading.Lock()

    def __call__(self, asked, seed):
        with self.lock:
            count = self.tries[asked, seed]
            self.tries[asked, seed] += 1
        draws = random.Random(f"{asked}{seed}")
        fails = draws.choices(QUICK, k=draws.choice([0, 0, 1, 3]))
        return fails[count] if count < len(fails) else "ok"


class TestServer:
    """A whole run against the server that does everything wrong."""

    def test_all_is_survived_and_counted_and_no_file_holds_the_key(self, nasty, clock, tmp_path, caplog, capfd):
        caplog.set_level(logging.DEBUG)
        nasty.plan = Chaos()
        teacher = ServerTeacher(nasty.url, "small", key_variable=VARIABLE, timeout=5, clock=clock, sleep=clock.sleep)
        result = quiet(ask(16), teacher, folder=tmp_path / "rough")
        result.save(against=["of three"], n=2)
        assert len(result.pool) == 16
        assert sum(teacher.failures.values()) == sum(nasty.met.values()) - 16 > 5
        assert nasty.most_under_way <= teacher.concurrency
        nasty.plan = None
        quiet(ask(16), teacher, folder=tmp_path / "smooth")
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert len(files) >= 4
        assert (tmp_path / "rough/journal.jsonl").read_bytes() == (tmp_path / "smooth/journal.jsonl").read_bytes()
        assert not any(KEY.encode() in path.read_bytes() for path in files)
        assert not any(KEY in text for text in [caplog.text, *capfd.readouterr()])

    def test_a_server_that_is_down_is_named(self, clock, tmp_path):
        teacher = ServerTeacher("http://127.0.0.1:9/v1", "small", attempts=2, clock=clock, sleep=clock.sleep)
        with pytest.raises(SilentError, match=r"is a server running at http://127.0.0.1:9/v1\? Start it") as caught:
            quiet(ask(50), teacher, patience=3)
        assert "no answer in 2 attempts: cannot be reached (3×)" in str(caught.value)


def test_a_folder_with_a_readme_of_its_own_is_left_alone(tmp_path):
    (tmp_path / "README.md").write_text("mine")
    with pytest.raises(ValueError, match=r"README.md is there already, and it is no data card; choose another folder"):
        run(lambda pool, random: [[Request("a")]], FunctionTeacher(lambda prompt, seed: "b"), folder=tmp_path)
    assert (tmp_path / "README.md").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["README.md"]


def test_a_folder_without_a_name_is_refused_and_not_the_one_that_one_is_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="folder is empty; name one"):
        run(lambda pool, random: [[Request("a")]], FunctionTeacher(lambda prompt, seed: "b"), folder="")
    assert not any(tmp_path.iterdir())


def test_a_recipe_that_scores_is_refused_before_anything_is_spent_where_the_teacher_cannot():
    asked = []
    teacher = FunctionTeacher(lambda prompt, seed: asked.append(prompt) or "x", name="a server")
    for recipe in (SelfInstruct(target=1), Labels(target=1)):
        with pytest.raises(
            ValueError, match=f"{type(recipe).__name__} asks for log-probabilities of answers, and a server"
        ):
            run(recipe, teacher, progress=False)
    assert not asked
    assert not SelfInstruct(target=1, style="chat").scores
    assert not SelfInstruct(target=1, instances=0).scores


def test_a_score_needs_answers():
    with pytest.raises(ValueError, match="a Score needs at least one answer"):
        Score("a prompt", [])
