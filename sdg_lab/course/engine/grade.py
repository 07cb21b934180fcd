"""Put an answer to the cases of an exercise, and tell the student what came out.

What is right is what the exercise's reference gives, never what the answer gives. Each function, the student's, the
reference and the mistakes, is called with arguments of its own, made by the same generator from the same seed; so they
can be compared with untouched ones afterwards. Whatever an answer does, the student gets a sentence, not a traceback.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import linecache
import statistics
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from sdg_lab.course.engine import gradients as grad
from sdg_lab.course.engine.compare import FAR, NEAR, coarsest, difference, largest, same, scales, settle
from sdg_lab.course.engine.exercise import Answer, Case, Exercise, Result, Status, Wrong
from sdg_lab.course.engine.sandbox import Sandbox, Stopped

IN_THE_NOTEBOOK, WHEN_GRADING = 0, 1
"""Seeds of the cases."""

FOREVER = 600.0
"""Seconds for what is not the student's."""

WAYS = 4
"""So many random changes of the arguments say of what size the terms of a result are."""

LONGEST = 500
"""Characters of an exception's message that a student sees."""


@dataclass(frozen=True)
class Outcome:
    """What a function made of one case.

    Attributes:
        value: what it returned, settled and in the exercise's form.
        error: what it raised instead.
        said: its message.
        gradients: those of ``value``.
        broken: why torch cannot take them; empty if it can.
        change: what it did to its arguments, as the rest of a sentence; empty if nothing.
        scale: of the terms of ``value`` and of ``gradients``, where the tolerance depends on it: for the reference.
    """

    value: Any = None
    error: BaseException | None = None
    said: str = ""
    gradients: grad.Gradients = field(default_factory=dict)
    broken: str = ""
    change: str = ""
    scale: tuple[Any, Any] = (None, None)


def verdict(exercise: Exercise, answer: Answer, *, seed: int = IN_THE_NOTEBOOK) -> Result:
    """Check an answer; never raises for what the answer does, short of an interrupt.

    Args:
        exercise: what was asked.
        answer: the student's function.
        seed: of the cases.

    Raises:
        TypeError: if the answer cannot be called.
    """
    if not callable(answer):
        raise TypeError(
            f"check('{exercise.key}', ...) takes the function itself, got {_an(type(answer).__name__)}; "
            "pass its name, without brackets"
        )
    sandbox = Sandbox(exercise.seconds)

    def result(status: Status, message: str) -> Result:
        return Result(exercise, status, message, exercise.points if status == "passed" else 0, sandbox.printed)

    if used := _used(answer) & set(exercise.without):
        return result("failed", f"This exercise is to be done without {', '.join(sorted(used))}.")
    wanted = expected(exercise, seed)
    outcomes: list[Outcome] = []
    try:
        for case, untouched, want in zip(make_cases(exercise, seed), make_cases(exercise, seed), wanted, strict=True):
            outcome = _outcome(exercise, answer, case, sandbox, like=want.value, untouched=untouched)
            if not outcomes and (nothing := _not_attempted(answer, outcome)):
                return result("not attempted", nothing)
            outcomes.append(outcome)
    except Stopped as stopped:
        return result("error", f"Your function was stopped: {stopped}.")
    told = [
        _told(exercise, outcome, want, case)
        for outcome, want, case in zip(outcomes, wanted, make_cases(exercise, seed), strict=True)
    ]
    harm = [outcome.change for outcome in outcomes if outcome.change]
    harm += [f"changes {_without_chance(exercise, words)}" for words in sandbox.changed]
    if any(told):
        status, message = _explain(exercise, answer, outcomes, told, seed, harm)
        return result(status, message)
    return result("failed", f"The values are right, but your function {harm[0]}.") if harm else result("passed", "")


def _an(name: str) -> str:
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


_CHANCE = frozenset(["seed", "generator", "rng"])


def _without_chance(exercise: Exercise, words: str) -> str:
    """Take the advice to use a seed out of what was changed, where the exercise gives none."""
    with contextlib.suppress(TypeError, ValueError):  # what has no signature
        if "random state" in words and not _CHANCE & set(inspect.signature(exercise.reference).parameters):
            return f"{words.partition(' (use')[0]} (nothing is to be drawn here: what is given is enough)"
    return words


def typical_value(exercise: Exercise) -> Any:
    """Return what the reference returns in the first case that it does not refuse, in no other form than its own."""
    pairs = zip(make_cases(exercise, IN_THE_NOTEBOOK), expected(exercise, IN_THE_NOTEBOOK), strict=True)
    case = next(case for case, outcome in pairs if outcome.error is None)
    return settle(exercise.reference(*case.args, **case.kwargs))


def make_cases(exercise: Exercise, seed: int) -> list[Case]:
    """Make the cases, every time anew; what is differentiated wants a gradient."""
    made = list(exercise.cases(np.random.default_rng(seed)))
    for case in made:
        for name, value in exercise.arguments(case).items():
            if name in exercise.differentiable:
                grad.ask_for_gradients(value)
    return made


def _outcome(
    exercise: Exercise,
    function: Answer,
    case: Case,
    sandbox: Sandbox,
    *,
    like: Any = None,
    untouched: Case | None = None,
) -> Outcome:
    """Call a function with one case.

    Args:
        exercise: what was asked.
        function: the student's, the reference or a mistake.
        case: what it is called with.
        sandbox: where it runs.
        like: how the reference arranged its outputs; itself by default.
        untouched: the same case once more, to compare the arguments with.
    """
    change = ""
    with sandbox.run():
        try:
            raw = settle(function(*case.args, **case.kwargs))
            arguments = exercise.arguments(case)
            before = exercise.arguments(untouched) if untouched else arguments
            changes = (grad.change(part, before[name], name) for name, part in arguments.items())
            change = next(filter(None, changes), "")
            found, broken = _gradients(raw, raw if like is None else like, arguments)
            # The form looks at the arguments as they were, whatever the answer did to its own.
            value = exercise.form(raw, untouched or case) if exercise.form and raw is not None else raw
        except (KeyboardInterrupt, SystemExit, Stopped):
            raise
        except BaseException as error:  # GeneratorExit, CancelledError: none of them may end the check
            return Outcome(error=error, said=_said(error), change=change)
        return Outcome(value, gradients=found, broken=broken, change=change)


def _gradients(value: Any, like: Any, arguments: Mapping[str, Any]) -> tuple[grad.Gradients, str]:
    """Return the gradients of an answer, and why there are none if torch refuses."""
    try:
        return grad.gradients(value, like, arguments), ""
    except RuntimeError as error:
        return {}, grad.refused(error)


@functools.lru_cache(maxsize=128)
def expected(exercise: Exercise, seed: int) -> list[Outcome]:
    """Return what the reference makes of each case."""
    sandbox = Sandbox(FOREVER)
    made = make_cases(exercise, seed)
    found = [_scale(exercise, case, sandbox) for case in made]
    # Where all is 0 and stays 0, no size is seen: it is that of the other cases.
    usual = statistics.median([size for size in (largest(scale) for scale, _ in found) if size] or [0.0])
    return [
        replace(
            _outcome(exercise, exercise.reference, case, sandbox),
            scale=(scale if largest(scale) else usual, steepness),
        )
        for case, (scale, steepness) in zip(made, found, strict=True)
    ]


def _scale(exercise: Exercise, case: Case, sandbox: Sandbox) -> tuple[Any, Any]:
    """Return of what size the terms of the reference's value and of its gradients are."""

    def result(way: int, share: float) -> Any:
        rng = np.random.default_rng(way)
        args, kwargs = (grad.moved(part, share, rng) for part in (case.args, case.kwargs))
        outcome = _outcome(exercise, exercise.reference, Case(*args, **kwargs), sandbox)
        return outcome.value, outcome.gradients

    if same(grad.moved(case.args, FAR, np.random.default_rng(0)), case.args) and not case.kwargs:
        return None, None  # whole numbers and texts: nothing of it moves
    still, ways = result(0, 0.0), [(result(way, FAR), result(way, NEAR)) for way in range(WAYS)]
    try:
        value, gradients = scales(still, ways)
    except (LookupError, TypeError):  # otherwise arranged, or refused: nothing can be said
        return None, None
    return value, gradients


@functools.lru_cache(maxsize=64)
def _mistaken(exercise: Exercise, number: int, seed: int) -> list[Outcome]:
    sandbox, mistake = Sandbox(FOREVER), exercise.mistakes[number]
    return [
        _outcome(exercise, mistake.answer, case, sandbox, like=want.value)
        for case, want in zip(make_cases(exercise, seed), expected(exercise, seed), strict=True)
    ]


def _told(exercise: Exercise, outcome: Outcome, want: Outcome, case: Case) -> str:
    """Return what is the matter with an outcome; empty if it is right."""
    if want.error is not None:
        if outcome.error is not None:
            return "" if isinstance(outcome.error, type(want.error)) else outcome.said
        kind = type(want.error).__name__
        return f"expected a {kind}, but your function returned {outcome.value!r:.60}"
    if outcome.error is not None:
        return outcome.said
    if outcome.value is None or outcome.value is Ellipsis:
        return f"your function returned {outcome.value}; is a return missing in a branch?"
    parts = exercise.returns if isinstance(exercise.returns, tuple) else ()
    size = coarsest(list(exercise.arguments(case).values()))
    options: dict[str, Any] = {"rtol": exercise.rtol, "size": size}
    scale, steepness = want.scale
    wrong = difference(outcome.value, want.value, scale=scale, parts=parts, keeps_dtype=exercise.keeps_dtype, **options)
    return wrong or outcome.broken or grad.wrong_gradient(outcome.gradients, want.gradients, steepness, **options)


def _not_attempted(answer: Answer, outcome: Outcome) -> str:
    """Return what to do about an answer that nobody has written yet; empty if somebody has."""
    if outcome.error is None:
        if outcome.value is None or outcome.value is Ellipsis:
            return f"Your function returned {outcome.value}; end it with a return."
        return ""
    if isinstance(outcome.error, NotImplementedError) and list(_frames(outcome.error))[-1][0] in set(_codes(answer)):
        return "Replace the raise NotImplementedError with your own lines."
    return ""


def _explain(
    exercise: Exercise, answer: Answer, outcomes: list[Outcome], told: list[str], seed: int, harm: list[str]
) -> tuple[Status, str]:
    """Say what went wrong in one case, after the mistake that explains it, if it is one of those that people make."""
    sentence, at = _usual_mistake(exercise, outcomes, told, seed)
    if not sentence and harm:  # what an answer changed in one case may spoil the next
        sentence = f"Your function {harm[0]}."
    error, status = outcomes[at].error, "failed"
    where = f"for {_described(exercise, make_cases(exercise, seed)[at])}"
    if error is None or isinstance(error, Wrong):
        what = "the answer" if isinstance(exercise.returns, tuple) else exercise.returns
        detail = f"{what[:1].upper()}{what[1:]} {where}: {told[at]}"
    else:
        status, detail = _raised(answer, error, outcomes[at].said)
        refusal = expected(exercise, seed)[at].error
        detail += f"\n({where}{f', where a {type(refusal).__name__} was expected' if refusal else ''})"
    return status, f"{sentence}\n{detail}" if sentence else detail  # type: ignore[return-value]


def _usual_mistake(exercise: Exercise, outcomes: list[Outcome], told: list[str], seed: int) -> tuple[str, int]:
    """Return the sentence of the mistake that explains an answer, or none, and the case that shows it best.

    A mistake explains an answer if both are wrong in the same cases and in the same way, in most of them at least: by
    chance two functions agree now and then, above all where there is little to answer.
    """
    wrong = {number for number, sentence in enumerate(told) if sentence}
    best, sentence, at = 0.5, "", min(wrong)
    made = make_cases(exercise, seed)
    for number, mistake in enumerate(exercise.mistakes):
        mistaken = _mistaken(exercise, number, seed)
        theirs = {
            index
            for index, (outcome, want) in enumerate(zip(mistaken, expected(exercise, seed), strict=True))
            if _told(exercise, outcome, want, made[index])
        }
        agreed = {index for index in wrong & theirs if _alike(exercise, outcomes[index], mistaken[index], made[index])}
        share = len(agreed) / len(wrong | theirs)
        if agreed and share >= best + (sentence != "") * 1e-9:
            best, sentence, at = share, mistake.sentence, min(agreed)
    return sentence, at


def _alike(exercise: Exercise, outcome: Outcome, mistaken: Outcome, case: Case) -> bool:
    if isinstance(outcome.error, Wrong) or isinstance(mistaken.error, Wrong):
        return outcome.said == mistaken.said
    if mistaken.error is not None and outcome.error is not None:
        return type(outcome.error) is type(mistaken.error) and outcome.said == mistaken.said
    if mistaken.error is not None or outcome.error is not None:
        return False
    return mistaken.value is not None and not _told(exercise, outcome, mistaken, case)


def _said(error: BaseException) -> str:
    """Return an exception's message, or its kind where it has none or refuses to say it; in the sandbox only."""
    try:
        return str(error)[:LONGEST] or type(error).__name__
    except (KeyboardInterrupt, SystemExit, Stopped):
        raise
    except BaseException:
        return type(error).__name__


def _raised(answer: Answer, error: BaseException, said: str) -> tuple[Status, str]:
    """Say whose line raised: the student's, or the check's when it met a value that it cannot read."""
    frames = list(_frames(error))
    codes = set(_codes(answer))
    own = [(code, line) for code, line in frames if code in codes]
    what = type(error).__name__
    what += f": {said}" if said != what else ""
    if own:
        code, line = own[-1]
        source = linecache.getline(code.co_filename, line).strip()
        at = f"\nline {line - code.co_firstlineno + 1} of {code.co_name}: {source}" if source else ""
        return "error", f"Your code raised {what}{at}"
    if all(code.co_filename == __file__ for code, _ in frames):
        return "error", f"Calling your function raised {what}"
    return "failed", f"The check could not read what your function returned ({what}); is it the right type?"


def _frames(error: BaseException) -> Iterator[tuple[types.CodeType, int]]:
    """Yield code and line of each frame that the error went through, the outermost first."""
    step = error.__traceback__
    while step is not None:
        yield step.tb_frame.f_code, step.tb_lineno
        step = step.tb_next


def _codes(answer: Any) -> Iterator[types.CodeType]:
    """Yield the code objects of a function, or of a class's methods, with those nested in them."""
    if isinstance(answer, type):
        for member in vars(answer).values():
            if callable(member) and not isinstance(member, type):
                yield from _codes(member)
        return
    with contextlib.suppress(ValueError):  # of what says that it wraps itself
        answer = inspect.unwrap(answer)
    code = getattr(answer, "__code__", None)
    pending = [code] if isinstance(code, types.CodeType) else []
    while pending:
        code = pending.pop()
        yield code
        pending.extend(constant for constant in code.co_consts if isinstance(constant, types.CodeType))


def _used(answer: Answer) -> set[str]:
    return {name for code in _codes(answer) for name in code.co_names}


def _described(exercise: Exercise, case: Case) -> str:
    """Return a case in words."""
    if case.name:
        return case.name
    arguments = ", ".join(f"{name} = {_short(value)}" for name, value in exercise.arguments(case).items())
    return arguments if len(arguments) <= 200 else f"{arguments[:197]}..."


def _short(value: Any) -> str:
    if hasattr(value, "shape") and hasattr(value, "tolist"):
        if np.prod(value.shape) > 12:
            return f"{'×'.join(map(str, value.shape))} numbers"
        value = value.tolist()
    if callable(value):
        return getattr(value, "__name__", type(value).__name__)
    text = f"{value:.6g}" if isinstance(value, float) else repr(_rounded(value))
    return text if len(text) <= 80 else f"{text[:77]}..."


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.4g}")
    return [_rounded(item) for item in value] if isinstance(value, list) else value
