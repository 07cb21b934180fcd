"""Options declared once: what ``help`` shows of them, and how a mistyped one is refused."""

import inspect
from typing import Any, TypedDict

import pytest

from sdg_lab.options import known, takes


class Options(TypedDict, total=False):
    """Some options.

    Attributes:
        colour: of the thing,
            in words.
        shape: a function.

    This is about all of them.
    """

    colour: str
    shape: Any


def round_shape() -> None:
    """Do nothing."""


DEFAULTS = {"colour": "red", "shape": round_shape}


class Thing:
    @takes(Options, DEFAULTS)
    def __init__(self, **options: Any) -> None:
        self.options = options

    @takes(Options, DEFAULTS)
    def paint(self, n: int, **options: Any) -> dict[str, Any]:
        """Paint it.

        Args:
            n: how often.
            options: see elsewhere,
                on two lines.

        Raises:
            ValueError: never.
        """
        return options


def test_the_function_gets_every_option() -> None:
    assert Thing(colour="blue").options == {"colour": "blue", "shape": round_shape}
    assert Thing().paint(1) == DEFAULTS


def test_a_signature_shows_each_option_with_its_default_and_a_function_by_its_name() -> None:
    shown = inspect.signature(Thing.paint).parameters
    assert list(shown) == ["self", "n", "colour", "shape"]
    assert shown["colour"].default == "red"
    assert repr(shown["shape"].default) == "round_shape"


def test_a_docstring_explains_each_where_it_named_them_together_or_else_at_its_end() -> None:
    about = "    colour: of the thing,\n        in words.\n    shape: a function."
    assert inspect.getdoc(Thing.paint) == (
        f"Paint it.\n\nArgs:\n    n: how often.\n{about}\n\nRaises:\n    ValueError: never."
    )
    assert (inspect.getdoc(Thing.__init__) or "").rstrip().endswith(f"\n\nArgs:\n{about}")


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: Thing(color="red"), "Thing has no option 'color'; did you mean 'colour'?"),
        (lambda: Thing().paint(1, shade=3), "Thing.paint has no option 'shade'"),
    ],
)
def test_a_mistyped_option_is_refused(call: Any, sentence: str) -> None:
    with pytest.raises(TypeError) as refused:
        call()
    assert sentence in str(refused.value)


def test_one_of_a_plain_signature_is_refused_with_the_class_and_the_nearest() -> None:
    class Thing:
        @known
        def __init__(self, size: int = 1, *, colour: str = "red") -> None:
            self.size, self.colour = size, colour

    class Special(Thing):
        pass

    assert (Thing(2, colour="blue").size, Special(size=3).size) == (2, 3)
    with pytest.raises(TypeError, match=r"^Thing has no option 'color'; did you mean 'colour'\?$"):
        Thing(color="blue")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match=r"^Special has no option 'xyz'$"):
        Special(xyz=1)  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="positional"):
        Thing(1, 2)  # type: ignore[misc]
