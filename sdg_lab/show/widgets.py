"""A widget in one call: controls above a picture that redraws itself.

The picture is PNG bytes in one ``ipywidgets.Image``: replacing them does not flicker, holds no figure in memory, and
can be tested in a browser by the hash of what is shown.
"""

from __future__ import annotations

import html
import traceback
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sdg_lab.show.style import png

if TYPE_CHECKING:
    import ipywidgets
    from IPython.display import Audio
    from matplotlib.figure import Figure


def explore(
    draw: Callable[..., Figure | tuple[Figure, Audio]], *, live: bool = False, **controls: Any
) -> ipywidgets.VBox:
    """Show controls above the figure that they draw.

    Args:
        draw: called as ``draw(name=value, ...)`` with the value of every control; returns a Figure, which is rendered
            and let go, or a Figure and what :func:`~sdg_lab.show.player` returns, which then stands below it.
        live: redraw while a slider moves; by default when it is let go, which suits drawings that take a moment.
        **controls: one a parameter of ``draw``, each a widget, or what ``ipywidgets.interact`` takes: ``(0, 6)`` or
            ``(0.1, 2.0, 0.1)`` for a slider, a list for a menu, a bool for a check box, a string for a text field.
            An underscore in the name becomes a space in the label.

    Returns:
        A VBox of the controls, a place for error messages, the Image, and the player where there is a sound. An
        exception in ``draw`` is shown there with its traceback, in place of the picture.

    Raises:
        ValueError: if there is no control, or one is not something to make a widget of.
    """
    import ipywidgets
    import matplotlib.pyplot as plt

    if not controls:
        raise ValueError("explore needs at least one control, such as order=(1, 6)")
    widgets = {name: _control(name, value, live=live) for name, value in controls.items()}
    picture = ipywidgets.Image(format="png", layout=ipywidgets.Layout(max_width="100%", object_fit="contain"))
    message = ipywidgets.HTML()
    sound = ipywidgets.Audio(value=b"", format="wav", autoplay=False, loop=False)
    bar = ipywidgets.Box(list(widgets.values()), layout=ipywidgets.Layout(flex_flow="row wrap", margin="0 0 8px 0"))
    box = ipywidgets.VBox([bar, message, picture])

    def redraw(_: object = None) -> None:
        before = set(plt.get_fignums())
        try:
            drawn = draw(**{name: widget.value for name, widget in widgets.items()})
            figure, heard = drawn if isinstance(drawn, tuple) else (drawn, None)
            picture.value = _rendered(figure)
            sound.value = b"" if heard is None else heard.data
        except Exception as error:
            message.value = _explained(error)
            box.children = (bar, message, picture)
            picture.layout.display = "none"  # an old picture beside new settings would be a lie, and so would a sound
        else:
            message.value = ""
            picture.layout.display = None
            box.children = (bar, message, picture) if heard is None else (bar, message, picture, sound)
        finally:
            for number in set(plt.get_fignums()) - before:  # what draw made with pyplot and nobody else holds
                plt.close(number)

    for widget in widgets.values():
        widget.observe(redraw, names="value")
    redraw()
    return box


def _control(name: str, value: Any, *, live: bool) -> ipywidgets.Widget:
    """Make a widget of an abbreviation, or take one as it is, and give it a legible label."""
    import ipywidgets

    if isinstance(value, ipywidgets.Widget):
        widget = value
    else:
        widget = ipywidgets.interactive.widget_from_abbrev(value)
        if widget is None:
            raise ValueError(
                f"control {name}={value!r} is nothing to make a widget of; give a range, a list or a widget"
            )
        widget.description = name.replace("_", " ")
        if widget.has_trait("continuous_update"):
            widget.continuous_update = live
    widget.style.description_width = "initial"
    return widget


def _rendered(figure: object) -> bytes:
    from matplotlib.figure import Figure

    if not isinstance(figure, Figure):
        raise TypeError(f"draw must return a Figure, got {type(figure).__name__}; end it with `return figure`")
    return png(figure)


def _explained(error: Exception) -> str:
    """Say in HTML what went wrong, with the traceback folded away."""
    sentence = html.escape(f"{type(error).__name__}: {error}")
    frames = html.escape("".join(traceback.format_exception(error)))
    return (
        f'<div role="alert" style="border-left: 4px solid #D55E00; padding: 4px 10px; line-height: 1.5">'
        f"<b>{sentence}</b><details><summary>traceback</summary>"
        f'<pre style="font-size: 12px">{frames}</pre></details></div>'
    )
