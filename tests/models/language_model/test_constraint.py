"""Texts that follow a rule: everything that is written is checked by Python's own ``re``, ``json`` and jsonschema."""

from __future__ import annotations

import json
import re
from typing import Any

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab.models.language_model import LanguageModel
from sdg_lab.models.language_model.constraint import Constraint

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "likes": {"enum": ["tea", "coffee"]},
    },
    "required": ["name", "age", "likes"],
    "additionalProperties": False,
}
ENDLESS: dict[str, Any] = {"type": "object", "properties": {"x": {"$ref": "#"}}, "required": ["x"]}
RULES = ["(yes|no|maybe)", "[a-f]{2,5}", r"\d{1,3} (cats|dogs)\.", "x?y?z?", "(é|日本|🍓){1,3}", "the( inn){1,2}"]


def circular() -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object"}
    schema["properties"] = schema
    return schema


class TestMatcher:
    @settings(max_examples=50)
    @given(rule=st.sampled_from(RULES), seed=st.integers(0, 10**6))
    def test_any_tokens_that_it_allows_make_a_text_that_matches(self, tiny: LanguageModel, rule: str, seed: int):
        rng, matcher, tokens = np.random.default_rng(seed), Constraint(tiny.tokeniser, regex=rule).matcher(), []
        while not matcher.complete:
            token = int(rng.choice(np.flatnonzero(matcher.allowed())))
            if token in tiny.tokeniser.ends:
                break
            tokens.append(token)
            matcher.read(token)
        assert matcher.accepting
        assert re.fullmatch(rule, tiny.decode(tokens))

    def test_what_is_allowed_is_every_token_that_a_match_may_go_on_with(self, tiny: LanguageModel):
        matcher = Constraint(tiny.tokeniser, regex="the( inn)?").matcher("th")
        spelling = tiny.tokeniser.spelling()
        assert {spelling[token] for token in np.flatnonzero(matcher.allowed())} == {b"e"}
        matcher.read(tiny.encode("e")[0])
        assert set(np.flatnonzero(matcher.allowed())) == {*tiny.encode(" "), *tiny.tokeniser.ends}

    @pytest.mark.parametrize("rule", [".*", "(.|\n)*", "<.*>"])
    def test_tokens_that_mark_turns_are_never_allowed_but_at_an_end(self, tiny: LanguageModel, rule: str):
        matcher = Constraint(tiny.tokeniser, regex=rule).matcher()
        special = set(tiny.tokeniser.special.values())
        for _ in range(5):
            found = special & set(np.flatnonzero(matcher.allowed()))
            assert found == (set(tiny.tokeniser.ends) if matcher.accepting else set())
            matcher.read(tiny.encode("<")[0])

    def test_copies_go_their_own_ways(self, tiny: LanguageModel):
        first = Constraint(tiny.tokeniser, regex="(ab|cd)").matcher()
        second = first.copy()
        first.read(tiny.encode("a")[0])
        second.read(tiny.encode("c")[0])
        assert set(np.flatnonzero(first.allowed())) == set(tiny.encode("b"))
        assert set(np.flatnonzero(second.allowed())) == set(tiny.encode("d"))


class TestComplete:
    @pytest.mark.parametrize("rule", RULES)
    @pytest.mark.parametrize("temperature", [0.0, 3.0])
    def test_what_ends_by_itself_matches(self, tiny: LanguageModel, rule: str, temperature: float):
        n = 1 if temperature == 0 else 6
        rows = tiny.complete(["the", "in"], n=n, regex=rule, temperature=temperature, max_tokens=30)
        for completion in (completion for row in rows for completion in row):
            assert completion.reason == "end"
            assert re.fullmatch(rule, completion.text)

    def test_objects_are_valid_and_written_as_json_writes_them(self, tiny: LanguageModel, write_gguf: Any):
        model = LanguageModel.from_gguf(write_gguf(metadata={"llama.context_length": 200}))
        (row,) = model.complete(["a"], n=12, schema=PERSON, temperature=2.0, max_tokens=150)
        for completion in row:
            assert completion.reason == "end"
            found = json.loads(completion.text)
            jsonschema.validate(found, PERSON)
            assert json.dumps(found, ensure_ascii=False) == completion.text or "\\" in completion.text
        assert len({completion.text for completion in row}) == 12

    def test_a_text_that_is_cut_short_says_so(self, tiny: LanguageModel):
        (row,) = tiny.complete(["a"], n=4, schema=PERSON, temperature=1.0, max_tokens=5)
        for completion in row:
            assert (completion.reason, completion.tokens) == ("length", 5)
            with pytest.raises(json.JSONDecodeError):
                json.loads(completion.text)

    def test_a_prefix_is_part_of_what_follows_the_rule(self, tiny: LanguageModel):
        (row,) = tiny.complete(["a"], n=5, regex="(yes|yell|no)", prefix="ye", temperature=2.0)
        assert {completion.text for completion in row} == {"yes", "yell"}
        assert all(completion.tokens <= 2 for completion in row)
        with pytest.raises(ValueError, match=r"nothing that begins with 'ma' follows the regex '\(yes\|yell\|no\)'"):
            tiny.complete(["a"], regex="(yes|yell|no)", prefix="ma")

    def test_each_prompt_may_have_its_own_beginning(self, tiny: LanguageModel):
        rows = tiny.complete(["a", "b"], regex="(yes|no)", prefix=["y", "n"])
        assert [row[0].text for row in rows] == ["yes", "no"]

    def test_a_prefix_that_is_the_whole_answer_ends_it(self, tiny: LanguageModel):
        ((completion,),) = tiny.complete(["a"], regex="(yes|no)", prefix="yes")
        assert (completion.text, completion.reason) == ("yes", "end")

    def test_draws_follow_the_distribution_of_what_is_allowed(self, tiny: LanguageModel):
        (row,) = tiny.complete(["the"], n=2000, regex="[abc]", temperature=1.0)
        share = np.exp(tiny.choose(["the"], list("abc"))[0])
        share /= share.sum()
        for letter, probability in zip("abc", share, strict=True):
            found = sum(completion.text == letter for completion in row) / 2000
            assert found == pytest.approx(probability, abs=4 * (0.25 / 2000) ** 0.5)

    def test_an_answer_of_a_conversation_follows_it_too(self, tiny: LanguageModel):
        talk = [{"role": "user", "content": "?"}]
        assert tiny.chat(talk, regex="(yes|no)", prefix="n") == "no"
        assert tiny.chat(talk, schema={"enum": ["in"]}) == '"in"'

    def test_a_stream_follows_it_too(self, tiny: LanguageModel):
        options: dict[str, Any] = {"regex": "[a-f]{4,9}", "temperature": 2.0, "seed": 5}
        assert "".join(tiny.stream("the", **options)) == tiny.complete(["the"], **options)[0][0].text

    @pytest.mark.parametrize(
        ("rule", "error", "sentence"),
        [
            ({"regex": "["}, ValueError, r"^the regex '\[' cannot be followed: unclosed character class; correct the"),
            ({"regex": "(?=a)b"}, ValueError, r"cannot be followed: look-around is not supported; leave it out"),
            ({"regex": r"(a)\1"}, ValueError, "cannot be followed: back references are not supported; leave it out"),
            ({"regex": r"\bthe"}, ValueError, r"cannot be followed: look-around and \\b are not supported; leave"),
            ({"regex": r"\p{Foo}"}, ValueError, "cannot be followed: Unicode property not found; correct the pattern"),
            ({"regex": r"[^\s\S]"}, ValueError, "no token may come next: nothing matches it, or it never ends"),
            ({"regex": "\ud800"}, ValueError, "it holds half of a surrogate pair; take that out"),
            ({"regex": 5}, TypeError, "regex must be a str, got 5"),
            ({"schema": "{}"}, TypeError, "schema must be a mapping such as"),
            ({"schema": [1]}, TypeError, r"schema must be a mapping such as .*, got \[1\]"),
            (
                {"schema": {"type": "objct"}},
                ValueError,
                '^the schema {"type": "objct"} cannot be followed: Invalid type',
            ),
            ({"schema": {"not": {}}}, ValueError, r'Unimplemented keys: \["not"\]; say the same without them'),
            ({"schema": {"$ref": "#"}}, ValueError, r"or it never ends, as a \$ref that leads to itself"),
            ({"schema": ENDLESS}, ValueError, r"never ends, as a required property whose \$ref leads to the object"),
            ({"schema": {"$ref": "#/x"}}, ValueError, r"Pointer '/x' does not exist; define it under \$defs"),
            ({"schema": {"$ref": "http://a.b/c"}}, ValueError, "refers to another document, and nothing is fetched"),
            ({"schema": {"enum": []}}, ValueError, "Unsatisfiable schema: .*; no value can obey it: loosen it"),
            (
                {"schema": {"type": "string", "pattern": "("}},
                ValueError,
                "followed: unclosed group; correct the pattern",
            ),
            ({"schema": {"type": "string", "format": "x"}}, ValueError, "Unknown format: x; leave the format out"),
            ({"schema": {"const": "\ud800"}}, ValueError, "holds half of a surrogate pair; take that out"),
            ({"schema": {"const": float("nan")}}, ValueError, "schema must be JSON: .*; got {'const': nan}"),
            ({"schema": circular()}, ValueError, "schema must be JSON: Circular reference detected; got"),
            ({"schema": {"type": {1}}}, TypeError, "schema must be JSON: "),
            ({"regex": "a", "schema": {}}, ValueError, "give either a regex or a schema"),
        ],
    )
    def test_refusals(self, tiny: LanguageModel, rule: Any, error: type[Exception], sentence: str):
        with pytest.raises(error, match=sentence) as raised:
            tiny.complete(["a"], **rule)
        assert "\n" not in str(raised.value)  # a sentence, and no parser's state
        assert len(str(raised.value)) < 400

    def test_an_empty_schema_is_any_value(self, tiny: LanguageModel):
        (row,) = tiny.complete(["a"], n=40, schema={}, temperature=1.0)
        whole = [json.loads(completion.text) for completion in row if completion.reason == "end"]
        assert len({type(value) for value in whole}) > 1

    def test_a_rule_that_needs_more_tokens_than_it_may_have_is_cut_short_and_says_so(self, tiny: LanguageModel):
        ((completion,),) = tiny.complete(["a"], regex="abcdefgh", max_tokens=3)
        assert (completion.text, completion.reason) == ("abc", "length")

    def test_a_rule_that_no_token_can_write_is_refused(self, smollm2: LanguageModel):
        with pytest.raises(ValueError, match="cannot be followed"):
            smollm2.complete(["a"], regex="\x06")

    def test_the_real_model_writes_valid_objects_always(self, smollm2: LanguageModel):
        example = '{"name": "Ann", "age": 34, "likes": "tea"}\n'
        (row,) = smollm2.complete([f"People, one JSON object a line:\n{example}"], n=12, temperature=1.0, schema=PERSON)
        for completion in row:
            assert completion.reason == "end"
            jsonschema.validate(json.loads(completion.text), PERSON)
