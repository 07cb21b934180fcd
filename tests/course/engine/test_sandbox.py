"""Whatever a call does, it ends, and nothing of it is left."""

import functools
import importlib
import math
import random
import sys
import threading
import time
import warnings

import numpy as np
import pytest
import torch

from sdg_lab.course.engine.sandbox import SHOWN, Sandbox, Stopped


def run(function, seconds=5.0):
    """Run a function in a sandbox of its own; return the sandbox, and what stopped it."""
    sandbox = Sandbox(seconds)
    try:
        with sandbox.run():
            function()
    except Stopped as stopped:
        return sandbox, str(stopped)
    return sandbox, ""


def forever():
    while True:
        pass


def forever_and_careful():
    while True:
        try:
            sum(range(10))
        except Exception:
            continue


def forever_and_careless():
    while True:
        try:
            time.sleep(0.001)
        except:  # noqa: E722 - what is tried here
            continue


def forever_and_deaf():
    number = 0
    while number < 1000:
        try:
            number += 0
            sum(range(100))
        except BaseException:
            number += 0


def asleep():
    time.sleep(60)


def flood():
    while True:
        print("again")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (forever, "longer than 0.3 seconds; does a loop never end?"),
        (forever_and_careful, "longer than 0.3 seconds"),
        (forever_and_careless, "longer than 0.3 seconds"),
        (forever_and_deaf, "longer than 0.3 seconds"),
        (asleep, "longer than 0.3 seconds"),
        (flood, "it printed more than 100 kB"),
        (sys.exit, "it called exit"),
        (lambda: exit(3), "it called exit"),
    ],
)
def test_what_would_not_end_or_end_too_much_is_stopped(function, says):
    _, stopped = run(function, 0.3)
    assert says in stopped


def test_a_tracer_of_somebody_else_is_put_back():
    def tracer(frame, event, arg):
        return None

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        run(forever_and_careless, 0.1)
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("loop", [forever_and_careful, forever_and_careless])
def test_a_loop_in_another_thread_is_stopped_too(loop):
    said = []
    thread = threading.Thread(target=lambda: said.append(run(loop, 0.3)[1]), daemon=True)
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert "longer than 0.3 seconds" in said[0]


def test_in_another_thread_what_ends_in_time_is_not_disturbed():
    said = []
    thread = threading.Thread(target=lambda: said.extend(run(lambda: time.sleep(0.01), 0.02)[1] for _ in range(30)))
    thread.start()
    thread.join(20)
    assert len(said) == 30


SLOW = "import time\n\nbegin = time.monotonic()\nwhile time.monotonic() - begin < 0.6:\n    pass\n"


@pytest.mark.parametrize("in_a_thread", [False, True])
def test_an_import_is_not_broken_off_and_not_counted(tmp_path, monkeypatch, in_a_thread):
    (tmp_path / "slow_to_import.py").write_text(SLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "slow_to_import", raising=False)
    said = []

    def check():
        sandbox = Sandbox(0.3)
        try:
            with sandbox.run():
                importlib.import_module("slow_to_import")
            with sandbox.run():
                time.sleep(0.01)
        except Stopped as stopped:
            said.append(str(stopped))

    thread = threading.Thread(target=check)
    thread.run() if not in_a_thread else (thread.start(), thread.join(10))
    assert said == []
    assert "slow_to_import" in sys.modules


def test_all_calls_share_one_allowance():
    sandbox = Sandbox(0.4)
    with sandbox.run():
        time.sleep(0.3)
    with pytest.raises(Stopped, match=r"longer than 0\.4 seconds"), sandbox.run():
        time.sleep(0.3)


def test_an_alarm_of_somebody_else_still_rings():
    import signal

    rung = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(True))
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        run(lambda: None)
        time.sleep(0.4)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert rung == [True]


def test_errors_and_interrupts_pass():
    for error in (ValueError("no"), KeyboardInterrupt()):

        def raising(error=error):
            raise error

        with pytest.raises(type(error)):
            run(raising)


def test_output_is_kept_to_be_shown_and_cut(capfd):
    def talk():
        print("hello")
        print("careful", file=sys.stderr)
        warnings.warn("old", stacklevel=1)

    sandbox, _ = run(talk)
    assert sandbox.printed == "hello\ncareful"
    sandbox, _ = run(lambda: print("x" * 5000))
    assert sandbox.printed == "x" * SHOWN + f"\n... and {5001 - SHOWN:,} characters more"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("function", "says"),
    [
        (lambda: random.seed(3), "Python's global random state"),
        (lambda: np.random.seed(3), "numpy's global random state"),  # noqa: NPY002
        (lambda: np.random.normal(size=2), "numpy's global random state"),  # noqa: NPY002
        (lambda: torch.manual_seed(3), "torch's global random state"),
        (lambda: torch.rand(1), "torch's global random state"),
        (lambda: np.seterr(all="ignore"), "numpy's settings for errors"),
        (lambda: torch.set_default_dtype(torch.float64), "torch's default dtype"),
        (lambda: torch.set_grad_enabled(False), "whether torch records gradients"),
    ],
)
def test_global_state_is_put_back_and_named(function, says):
    def state():
        return repr(
            [
                random.getstate(),
                [np.asarray(part).tolist() for part in np.random.get_state()],  # noqa: NPY002
                torch.get_rng_state().tolist(),
                np.geterr(),
                torch.get_default_dtype(),
                torch.is_grad_enabled(),
            ]
        )

    before = state()
    sandbox, _ = run(function)
    assert state() == before
    assert len(sandbox.changed) == 1
    assert sandbox.changed[0].startswith(says)


def test_what_is_put_into_or_taken_out_of_a_library_is_put_back_and_named():
    before = torch.softmax, math.sqrt

    def spoil():
        torch.softmax = len
        del math.sqrt

    sandbox = Sandbox(5.0)
    for _ in range(2):
        with sandbox.run():
            spoil()
    assert (torch.softmax, math.sqrt) == before
    assert [words.split()[0] for words in sandbox.changed] == ["math.sqrt", "torch.softmax"]


def test_what_a_library_replaces_itself_is_nobody_s_fault():
    @functools.wraps(torch.manual_seed)
    def wrapped(seed):
        return torch.manual_seed(seed)

    before = torch.manual_seed
    assert run(lambda: setattr(torch, "manual_seed", wrapped))[0].changed == []
    assert torch.manual_seed is before


def test_generators_of_ones_own_change_nothing():
    def draw():
        np.random.default_rng(0).normal()
        random.Random(0).random()
        torch.rand(1, generator=torch.Generator().manual_seed(0))
        with np.errstate(all="ignore"), torch.no_grad():
            np.log(0.0)

    assert run(draw)[0].changed == []


def test_gradients_are_recorded_whatever_the_notebook_has_set():
    x = torch.ones(1, requires_grad=True)
    seen = []
    with torch.no_grad():
        run(lambda: seen.append((2 * x).requires_grad))
        assert not torch.is_grad_enabled()
    assert seen == [True]


def test_a_library_that_draws_when_it_loads_is_not_blamed_on_the_answer(tmp_path, monkeypatch):
    (tmp_path / "draws_when_loaded.py").write_text("import random\nrandom.random()\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = random.getstate()

    def answer():
        import draws_when_loaded

        return draws_when_loaded

    try:
        sandbox, _ = run(answer)
        assert sandbox.changed == []
        assert random.getstate() == before
    finally:
        sys.modules.pop("draws_when_loaded", None)
