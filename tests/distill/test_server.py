"""A teacher behind a server, whatever the server does."""

import json
import logging
import socket
import time
import traceback
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nasty_server import KEY, PASSING, VARIABLE, text_of

from sdg_lab.distill.server import LONGEST_WISH, ServerTeacher, read_answer, wished_pause
from sdg_lab.distill.teacher import Options, Teacher, UnansweredError
from sdg_lab.models.completion import Completion

CHAT = [{"role": "user", "content": "Say three words."}]
SHORT = Options(max_tokens=20)
LATE = ("slow", "drip")
AT_ONCE = [mode for mode in PASSING if mode not in LATE]


@pytest.fixture
def teacher(nasty, clock):
    return ServerTeacher(nasty.url, "small", key_variable=VARIABLE, timeout=10, clock=clock, sleep=clock.sleep)


def ask(teacher, prompt="1, 2, 3,", seed=5, options=SHORT):
    return teacher.generate([prompt], seeds=[seed], options=options)[0]


class TestWhatIsSent:
    def test_a_text_is_continued_and_a_chat_is_answered(self, nasty, teacher):
        assert ask(teacher) == Completion(text_of("1, 2, 3,", 5), "end", 3, 11)
        assert ask(teacher, CHAT).text == text_of(json.dumps(CHAT), 5)
        assert nasty.paths == ["/v1/completions", "/v1/chat/completions"]
        assert nasty.seen[0] == {
            **{"model": "small", "prompt": "1, 2, 3,", "seed": 5, "n": 1, "temperature": 0.7, "max_tokens": 20}
        }
        assert isinstance(teacher, Teacher)

    @pytest.mark.parametrize("prompt", ["text", CHAT])
    def test_each_option_is_sent(self, nasty, teacher, prompt):
        schema = {"type": "object"}
        options = Options(9, 0.3, top_p=0.5, min_p=0.1, repetition_penalty=1.2, stop=("\n", "end"), schema=schema)
        ask(teacher, prompt, options=options)
        sent = nasty.seen[0]
        form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema, "strict": True}}
        expected = {"max_tokens": 9, "temperature": 0.3, "top_p": 0.5, "min_p": 0.1, "repetition_penalty": 1.2}
        assert expected.items() <= sent.items()
        assert (sent["stop"], sent["response_format"]) == (["\n", "end"], form)

    def test_a_servers_own_fields_are_sent_too(self, nasty, clock):
        ask(ServerTeacher(nasty.url, "small", extra={"top_k": 4}, clock=clock, sleep=clock.sleep))
        assert nasty.seen[0]["top_k"] == 4

    def test_several_are_asked_side_by_side_and_come_back_in_order(self, nasty, teacher):
        prompts = [f"prompt {i}" for i in range(30)]
        texts = teacher.generate(prompts, seeds=range(30), options=SHORT)
        assert [found.text for found in texts] == [text_of(prompt, i) for i, prompt in enumerate(prompts)]
        assert nasty.most_under_way <= 8

    def test_what_the_protocol_lacks_is_refused(self, teacher):
        with pytest.raises(ValueError, match="give a JSON schema instead"):
            ask(teacher, options=Options(regex="[0-9]"))
        with pytest.raises(ValueError, match="cannot score answers; a LocalTeacher can"):
            teacher.log_prob(["a"], ["b"])

    def test_a_beginning_that_the_server_repeats_is_cut_off(self):
        chat = [*CHAT, {"role": "assistant", "content": "I think"}]
        answer = {"choices": [{"message": {"content": "I think so"}, "finish_reason": "stop"}]}
        assert read_answer(json.dumps(answer).encode(), chat, SHORT).text == " so"

    @pytest.mark.parametrize(
        ("address", "said"),
        [
            ("127.0.0.1:8000", "must be an address such as"),
            ("ftp://host/v1", "must be an address such as"),
            ("http://me:secret@host/v1", "neither a password nor a query"),
            ("http://host/v1?key=secret", "neither a password nor a query"),
        ],
    )
    def test_an_address_that_is_none_is_refused_and_no_secret_of_it_is_shown(self, address, said):
        with pytest.raises(ValueError, match=said) as caught:
            ServerTeacher(address, "small")
        assert "secret" not in str(caught.value)


class TestFailures:
    @pytest.mark.parametrize("mode", LATE)
    def test_what_comes_late_is_not_waited_for(self, nasty, clock, mode):
        nasty.script = [mode]
        teacher = ServerTeacher(nasty.url, "small", timeout=0.4, clock=clock, sleep=clock.sleep)
        assert ask(teacher).text == text_of("1, 2, 3,", 5)
        assert set(teacher.failures) == {"nothing within 0.4 s"}
        assert nasty.met[mode] == 1

    @pytest.mark.parametrize("mode", AT_ONCE)
    def test_what_may_pass_is_tried_again_and_counted(self, nasty, teacher, mode):
        nasty.script = [mode]
        assert ask(teacher).text == text_of("1, 2, 3,", 5)
        assert sum(teacher.failures.values()) == 1
        assert nasty.met == {mode: 1, "ok": 1}

    def test_each_kind_is_told_from_the_others(self, nasty, teacher):
        kinds = {}
        for mode in AT_ONCE:
            nasty.script = [mode]
            before = teacher.failures.copy()
            ask(teacher)
            [kinds[mode]] = teacher.failures - before
        assert kinds["429"] == "HTTP 429, too many requests"
        assert kinds["cut"] == kinds["reset"] == "the connection was cut in mid-answer"
        assert kinds["null content"] == kinds["no message"] == "no text came"
        assert kinds["no finish"] == "half an answer came: it does not say why it ended"
        assert kinds["endless"] == "an answer of absurd length came"
        assert kinds["long text"] == "a text of absurd length came"
        assert (kinds["no choices"], kinds["two choices"]) == (
            "no choices came",
            "another number of choices came than 1",
        )
        assert len(set(kinds.values())) == 16

    @pytest.mark.parametrize("mode", ["400", "401", "403", "404", "422", "302", "content_filter"])
    def test_what_stays_wrong_is_not_tried_again(self, nasty, teacher, mode):
        nasty.script = [mode]
        with pytest.raises(UnansweredError) as caught:
            ask(teacher)
        assert len(nasty.seen) == 1
        assert caught.value.remedy
        assert caught.value.refused == (mode == "content_filter")

    def test_the_remedy_of_a_refused_key_names_the_variable(self, nasty, teacher):
        nasty.script = ["401"]
        with pytest.raises(UnansweredError) as caught:
            ask(teacher)
        assert caught.value.remedy == f"set the environment variable {VARIABLE} to a key that {nasty.url} takes"

    def test_attempts_are_bounded_and_the_reason_is_the_last_one(self, nasty, teacher, clock):
        nasty.plan = lambda asked, seed: "503"
        with pytest.raises(UnansweredError, match=r"^no answer in 5 attempts: HTTP 503$"):
            ask(teacher)
        assert len(nasty.seen) == 5
        assert len(clock.slept) == 4
        for slept, longest in zip(clock.slept, (1, 2, 4, 8), strict=True):
            assert longest / 2 <= slept <= longest

    def test_a_server_that_is_not_there_is_named(self, clock):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
        teacher = ServerTeacher(url, "small", attempts=2, clock=clock, sleep=clock.sleep)
        with pytest.raises(UnansweredError, match="cannot be reached") as caught:
            ask(teacher)
        assert caught.value.remedy == f"is a server running at {url}? Start it, or name another address"

    def test_a_text_that_was_cut_off_says_so(self, nasty, teacher):
        nasty.script = ["length"]
        assert ask(teacher).reason == "length"

    @pytest.mark.parametrize("mode", ["no usage", "absurd usage"])
    def test_what_the_server_miscounts_is_estimated(self, nasty, teacher, mode):
        nasty.script = [mode]
        found = ask(teacher)
        assert (found.tokens, found.prompt_tokens) == (-(-len(found.text) // 3), 3)

    def test_half_a_character_becomes_a_mark(self, nasty, teacher):
        nasty.script = ["odd"]
        assert ask(teacher).text == "half \ufffd"

    def test_stop_ends_the_waiting(self, nasty):
        nasty.plan = lambda asked, seed: "503"
        teacher = ServerTeacher(nasty.url, "small", key_variable=VARIABLE)
        real = teacher._wait
        teacher._wait = lambda stop, seconds: (teacher.stop(), real(stop, 60))
        with pytest.raises(UnansweredError, match="the run was stopped"):
            ask(teacher)

    @given(
        st.one_of(
            st.binary(max_size=200),
            st.recursive(
                st.none() | st.booleans() | st.integers() | st.text() | st.floats(),
                lambda inner: (
                    st.lists(inner, max_size=3)
                    | st.dictionaries(
                        st.sampled_from(
                            ["choices", "message", "content", "text", "finish_reason", "usage", "completion_tokens"]
                        ),
                        inner | st.just("stop"),
                    )
                ),
            ).map(lambda answer: json.dumps(answer).encode()),
        )
    )
    def test_whatever_comes_is_an_answer_or_a_failure_with_a_name(self, content):
        for prompt in ("text", CHAT):
            found = read_answer(content, prompt, SHORT)
            assert found.tokens >= 0 if isinstance(found, Completion) else found.kind


class TestPauses:
    @pytest.mark.parametrize(
        ("headers", "seconds"),
        [
            ({}, None),
            ({"retry-after": "7"}, 7.0),
            ({"retry-after-ms": "250"}, 0.25),
            ({"retry-after": "-3"}, 0.0),
            ({"retry-after": "1e9"}, LONGEST_WISH),
            ({"retry-after": "nan"}, None),
            ({"retry-after": "soon"}, None),
            ({"retry-after": ""}, None),
            ({"retry-after": "Fri, 31 Feb 2027 99:99:99 GMT"}, None),
        ],
    )
    def test_a_wish_is_read_as_it_is_meant(self, headers, seconds):
        assert wished_pause(headers) == seconds

    def test_a_date_is_a_wish_too(self):
        found = wished_pause({"retry-after": formatdate(time.time() + 100, usegmt=True)})
        assert 90 < found <= 100

    def test_a_wish_is_kept_to_by_all(self, nasty, teacher, clock):
        nasty.script = ["429 seconds"]
        ask(teacher)
        assert clock.slept == [7.0]
        nasty.script = ["429 date"]
        ask(teacher)
        assert 25 < clock.slept[-1] <= 30
        nasty.script = ["429 nonsense"]
        ask(teacher)
        assert 0.5 <= clock.slept[-1] <= 1

    def test_a_wish_for_no_pause_is_none(self, nasty, teacher, clock):
        nasty.script = ["429 zero"]
        ask(teacher)
        assert 0.5 <= clock.slept[-1] <= 1

    def test_no_more_is_sent_a_minute_than_allowed(self, nasty, clock):
        teacher = ServerTeacher(nasty.url, "small", requests_per_minute=3, clock=clock, sleep=clock.sleep)
        begun = clock.now
        for seed in range(7):
            ask(teacher, seed=seed)
        assert clock.now - begun == 120


class TestKey:
    def test_it_is_sent_and_stands_nowhere_else(self, nasty, teacher, caplog, capfd):
        caplog.set_level(logging.DEBUG)
        said = [repr(teacher), str(vars(teacher))]
        nasty.script = ["echo"]
        said.append(ask(teacher).text)
        for mode in ("401", "400", "500"):
            nasty.plan = lambda asked, seed, mode=mode: mode
            with pytest.raises(UnansweredError) as caught:
                ask(teacher)
            error = caught.value
            said += [repr(error), str(vars(error)), "".join(traceback.format_exception(error))]
            assert error.__context__ is None  # the client's own error holds the request
        said += [caplog.text, *capfd.readouterr()]
        assert "word" in said[2]
        assert "Bearer [key]" in said[2]
        assert not any(KEY in text for text in said)

    def test_without_one_none_is_sent(self, nasty, teacher, monkeypatch):
        monkeypatch.delenv(VARIABLE)
        nasty.script = ["echo"]
        assert ask(teacher).text.endswith("Bearer none")

    @pytest.mark.parametrize("key", ["two\nlines", "ключ-секрет"])
    def test_one_that_no_header_holds_is_refused_unseen(self, teacher, monkeypatch, key):
        monkeypatch.setenv(VARIABLE, key)
        with pytest.raises(ValueError, match=f"variable {VARIABLE} holds no key") as caught:
            ask(teacher)
        assert key not in "".join(traceback.format_exception(caught.value))
