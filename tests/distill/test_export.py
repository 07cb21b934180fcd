"""What a run leaves behind: Parquet that others read, and a card that says what a stranger must know."""

import json
import re

import pandas as pd
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_records import JSON

from sdg_lab.distill import Budget, FunctionTeacher, Record, Request, run
from sdg_lab.distill.card import card
from sdg_lab.distill.contamination import contamination
from sdg_lab.distill.export import ORIGIN, table, write
from sdg_lab.distill.pipeline import CARD

EVIL = "<script>alert(1)</script> ``` | *bold* \x1b[31m\n---\n# Title"


def made(folder, **options):
    """Run something small with two kinds of records and texts that try to be more."""

    def rounds(pool, random):
        yield [Request(f"{i}", kind="question", fields={"n": i}, read=lambda c: {"question": c.text}) for i in range(6)]
        yield [
            Request(r["question"], kind="pair", parents=[r.id], fields=r.fields, read=lambda c: {"answer": c.text})
            for r in pool.of("question")
        ]

    def odd(record, pool):
        return f"{EVIL} is odd" if record["n"] % 2 else None

    teacher = FunctionTeacher(lambda prompt, seed: f"{EVIL} {prompt}", name=f"evil {EVIL}", terms=EVIL)
    return run(rounds, teacher, stages={"question": [odd]}, folder=folder, progress=False, **options)


class TestParquet:
    @pytest.mark.slow  # it takes seconds to import
    def test_datasets_loads_the_folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv("HF_HUB_OFFLINE", "1")
        import datasets

        datasets.disable_progress_bars()
        result = made(tmp_path / "run")
        folder = result.save()
        for kind in ("question", "pair"):
            rows = datasets.load_dataset(str(folder), kind, cache_dir=str(tmp_path / "cache"))["train"]
            records = result.pool.of(kind)
            assert rows["record_id"][:] == [record.id for record in records]
            assert rows["record_parents"][:] == [list(record.parents) for record in records]
            assert rows["question"][:] == [record["question"] for record in records]
        assert datasets.get_dataset_config_names(str(folder)) == ["question", "pair"]

    def test_pandas_reads_the_columns(self, tmp_path):
        records = [Record.new("x", {"a": i, "b": [i], "c": f"é{i}"}, prompt="p", seed=i, teacher="t") for i in range(3)]
        assert write(records, tmp_path / "x.parquet") == 3
        rows = pd.read_parquet(tmp_path / "x.parquet")
        assert list(rows.columns) == ["a", "b", "c", *ORIGIN]
        assert rows.a.tolist() == [0, 1, 2]
        assert rows.b.map(list).tolist() == [[0], [1], [2]]
        assert rows.record_seed.tolist() == [0, 1, 2]

    @given(st.lists(st.dictionaries(st.sampled_from(["a", "b"]), JSON, max_size=2), min_size=1, max_size=4))
    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=12)
    def test_whatever_json_says_becomes_a_column(self, tmp_path, fields):
        records = [Record.new("x", one) for one in fields]
        path = tmp_path / "x.parquet"
        write(records, path)
        content = path.read_bytes()
        write(records, path)
        assert path.read_bytes() == content
        names = {name for one in fields for name in one}
        assert {*table(records).column_names} == names | {*ORIGIN}

    def test_values_of_several_types_and_objects_are_json(self):
        found = table(
            [Record.new("x", {"a": 1, "b": {"k": 1}}), Record.new("x", {"a": "s", "b": {}}), Record.new("x", {})]
        )
        assert found["a"].to_pylist() == ["1", '"s"', None]
        assert found["b"].to_pylist() == ['{"k": 1}', "{}", None]
        assert table([Record.new("x", {"a": 10**30})])["a"].to_pylist() == [str(10**30)]

    def test_a_field_called_like_a_column_of_the_origin_is_refused(self):
        with pytest.raises(ValueError, match="a field is called 'record_id'"):
            table([Record.new("x", {"record_id": 1})])


class TestCard:
    def test_it_says_what_a_stranger_must_know(self, tmp_path):
        result = made(tmp_path)
        text = (result.save() / CARD).read_text("utf-8")
        head = yaml.safe_load(text.split("---")[1])
        assert head["configs"] == [
            {"config_name": "question", "data_files": "data/question.parquet", "default": True},
            {"config_name": "pair", "data_files": "data/pair.parquet"},
        ]
        for said in (
            "- licence: that of the program",
            "| pair | 3 |",
            "It took 9 requests",
            '"seed": 0',
            "3 of 6 fell",
        ):
            assert said in text
        assert "Nobody has compared this data set with test data yet" in text

    def test_what_a_model_wrote_is_shown_and_not_read(self, tmp_path):
        text = (made(tmp_path).save() / CARD).read_text("utf-8")
        assert "\x1b" not in text
        assert "\n# Title" not in text
        outside, inside = [], False
        for line in text.split("\n"):
            if line.startswith("````"):
                inside = not inside
            elif not inside:
                outside.append(line)
        assert not inside
        assert "<script>" not in "\n".join(outside)
        assert "<script>" in text

    def test_the_same_run_has_the_same_files(self, tmp_path):
        both = [made(tmp_path / name).save(against=["some text"]) for name in "ab"]
        for path in (CARD, "data/pair.parquet", "data/question.parquet", "journal.jsonl"):
            assert (both[0] / path).read_bytes() == (both[1] / path).read_bytes()

    def test_a_run_that_was_stopped_says_so(self, tmp_path):
        text = (made(tmp_path, budget=Budget(requests=5)).save() / CARD).read_text("utf-8")
        assert "**The run is not complete**: the budget holds no further request" in text

    def test_a_run_without_a_folder_is_saved_where_one_says(self, tmp_path):
        result = made(None)
        with pytest.raises(ValueError, match="this run has no folder; name one"):
            result.save()
        assert (result.save(tmp_path / "new") / "data/pair.parquet").is_file()

    def test_no_records_make_a_card_too(self):
        result = made(None)
        said = card({}, {}, run=result.run, funnel=result.funnel, spent=result.spent)
        assert yaml.safe_load(said.split("---")[1])["configs"] == []


class TestContamination:
    TEXTS = ("How many legs does a spider have when it is asleep?", "Eight.")

    def test_equal_texts_and_shared_runs_are_found(self):
        records = [
            Record.new("x", {"q": "how many legs  does a SPIDER have when it is asleep?"}),
            Record.new("x", {"q": "Say how many legs does a spider have, please"}),
            Record.new("x", {"q": ["deep", {"er": "eight."}]}),
            Record.new("x", {"q": "How many wings does a fly have?", "n": 8}),
        ]
        found = contamination(records, self.TEXTS, n=5)
        assert (found.records, found.texts, found.n) == (4, 2, 5)
        assert found.equal == (records[0].id, records[2].id)
        assert found.sharing == (records[0].id, records[1].id, records[2].id)
        assert found.examples == ("how many legs does a", "eight")
        assert contamination(records, self.TEXTS, n=13).sharing == (records[0].id, records[2].id)

    @pytest.mark.parametrize(
        ("test", "same", "shares", "other"),
        [
            ("Τι είναι η αρετή;", "ΤΙ ΕΊΝΑΙ Η ΑΡΕΤΉ;", "Πες μου τι είναι η αρετή, φίλε", "Τι ώρα είναι;"),
            ("水是什么颜色的", "水是什么颜色的", "请问：水是什么颜色的？谢谢", "火是什么"),
            ("Où est l'été passé", "où est l'e\u0301te\u0301 passé", "Dis: où est l'été passé?", "Ou est l'ete passe"),
            ("1234 + 5678 = 6912", "１２３４ + ５６７８ = ６９１２", "so 1234+5678=6912", "1234 + 5678 = 6913"),
        ],
    )
    def test_texts_of_any_script_are_compared(self, test, same, shares, other):
        records = [Record.new("x", {"q": text}) for text in (same, shares, other)]
        found = contamination(records, [test], n=4 if "水" in test else 3)
        assert found.equal == (records[0].id,)
        assert ("characters" in str(found)) is ("水" in test)
        assert found.sharing == (records[0].id, records[1].id)

    def test_it_stands_in_the_card(self, tmp_path):
        result = made(tmp_path)
        text = (result.save(against=[result.pool.of("pair")[0]["question"]], n=3) / CARD).read_text("utf-8")
        assert re.search(
            r"Compared with 1 test text: (1 of 6 records is|2 of 6 records are) one of them word for word, "
            r"\d (shares|share) 3 words in a row with one, or the whole of a shorter one\.",
            text,
        )
        assert result.pool.of("pair")[0].id in text

    def test_a_line_that_a_record_begins_with_is_told_from_one_that_it_is(self):
        line = " ".join(f"w{i}" for i in range(28))
        texts = ["other", "another", f"{line} and more", line, "something else"]
        records = [Record.new("x", {"q": text}) for text in texts]
        said = "compared with 1 test text: 1 of 5 records is one of them word for word, "
        assert str(contamination(records, [line])) == (
            f"{said}2 share 13 words in a row with one, or the whole of a shorter one"
        )
        assert str(contamination(records, [line], n=40)).startswith(f"{said}2 share 40 words in a row with one, or")
        assert str(contamination(records[2:3], [line])).startswith(
            "compared with 1 test text: 0 of 1 record is one of them word for word, 1 shares 13"
        )

    def test_no_texts_are_refused(self):
        with pytest.raises(ValueError, match="test data have no words"):
            contamination([], [])
        with pytest.raises(ValueError, match="n must be a whole number >= 1"):
            contamination([], ["a"], n=0)


def test_the_journal_is_json_lines_for_everybody(tmp_path):
    made(tmp_path)
    lines = (tmp_path / "journal.jsonl").read_text("utf-8").split("\n")[1:-1]
    rows = pd.DataFrame(map(json.loads, lines))
    assert rows.kept.sum() == 6
    assert set(rows.columns) >= {"id", "kind", "fields", "parents", "prompt", "seed", "teacher", "stage", "reason"}
