"""A record says where it comes from, survives its way through a file, and is found again in the pool."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.distill.records import Pool, Record, well_formed

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
RECORDS = st.builds(
    Record.new,
    st.from_regex(r"\A[A-Za-z][A-Za-z0-9_]{0,8}\Z"),
    st.dictionaries(st.text(), JSON, max_size=3),
    parents=st.lists(st.text(), max_size=2),
    prompt=st.text(),
    seed=st.integers(0, 2**31),
    teacher=st.text(),
)


class TestRecord:
    @given(RECORDS, st.text())
    def test_it_survives_its_way_through_json(self, record, reason):
        for one in (record, record.refused("stage", reason)):
            line = json.dumps(one.to_json(), ensure_ascii=False).encode()  # in UTF-8: no half character is left
            assert Record.from_json(json.loads(line)) == one

    def test_the_same_work_has_the_same_id_and_other_work_another(self):
        one = Record.new("answer", {"text": "a", "n": 1}, parents=["p"], prompt="x", seed=3, teacher="t")
        same = Record.new("answer", {"n": 1, "text": "a"}, parents=("p",), prompt="y", seed=3, teacher="u")
        others = [
            Record.new("question", {"text": "a", "n": 1}, parents=["p"], seed=3),
            Record.new("answer", {"text": "b", "n": 1}, parents=["p"], seed=3),
            Record.new("answer", {"text": "a", "n": 1}, parents=["q"], seed=3),
            Record.new("answer", {"text": "a", "n": 1}, parents=["p"], seed=4),
        ]
        assert one.id == same.id == one.refused("stage", "reason").id
        assert len({one.id, *(other.id for other in others)}) == 5
        assert len(one.id) == 16

    def test_it_is_plain_whatever_it_was_made_of(self):
        array = np.arange(2)
        made = Record.new("x", {"t": (1, 2), "n": np.float64(0.5), "a": array, "s": "\ud800!", 3: {"k": np.int64(1)}})
        assert made.fields == {"t": [1, 2], "n": 0.5, "a": [0, 1], "s": "\ufffd!", "3": {"k": 1}}

    def test_what_json_cannot_say_is_refused(self):
        with pytest.raises(ValueError, match=r"the field 'x\.y\[1\]' holds nan"):
            Record.new("x", {"x": {"y": [1, math.nan]}})
        with pytest.raises(TypeError, match="the field 'x' holds <object"):
            Record.new("x", {"x": object()})
        with pytest.raises(ValueError, match="kind must be a name"):
            Record.new("../x", {})
        with pytest.raises(ValueError, match="seed must be a whole number >= 0"):
            Record.new("x", {}, seed=-1)

    def test_a_field_that_is_not_there_is_named_with_those_that_are(self):
        with pytest.raises(KeyError, match="'answer' has no field 'txt'; it has text, n"):
            Record.new("answer", {"text": "a", "n": 1})["txt"]

    @pytest.mark.parametrize(
        "broken", [{}, {"kept": 1}, {"seed": True}, {"seed": 1.0}, {"fields": []}, {"parents": "p"}, {"id": None}]
    )
    def test_a_broken_one_is_refused(self, broken):
        content = Record.new("x", {}).to_json()
        with pytest.raises(ValueError, match=r"a record's \w+ must be"):
            Record.from_json(broken and content | broken)

    @given(st.text(st.characters(categories=None)))
    def test_a_text_can_be_written_and_is_otherwise_left_alone(self, text):
        well_formed(text).encode()
        if not any("\ud800" <= letter <= "\udfff" for letter in text):
            assert well_formed(text) == text


class TestPool:
    def test_records_are_found_by_place_kind_id_and_parent(self):
        first, second = Record.new("task", {"n": 1}), Record.new("task", {"n": 2})
        answer = Record.new("answer", {"n": 3}, parents=[first.id])
        pool = Pool([first, second, answer])
        assert (len(pool), pool[0], list(pool), pool[1:]) == (3, first, [first, second, answer], [second, answer])
        assert (pool.of("task"), pool.of("other")) == ([first, second], [])
        assert (pool.children(first), pool.children(first.id, "task"), pool.children(second)) == ([answer], [], [])
        assert pool.get(answer.id) is answer
        assert pool.has(answer.id)
        assert not pool.has("other")

    def test_refused_ones_and_those_that_are_there_stay_outside(self):
        record = Record.new("task", {})
        pool = Pool([record])
        with pytest.raises(ValueError, match="is there already"):
            pool.add(record)
        with pytest.raises(ValueError, match="was refused by short"):
            pool.add(Record.new("task", {"n": 1}).refused("short", "why"))
        with pytest.raises(KeyError, match="no record 'x' was kept"):
            pool.get("x")
