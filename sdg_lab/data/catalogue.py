"""The list of all data sets: a card is written once, beside its loader, and shown everywhere."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, get_args

from sdg_lab.checks import one_of
from sdg_lab.data import packages
from sdg_lab.data.types import Card, Kind

if TYPE_CHECKING:
    import pandas as pd

Loader = TypeVar("Loader", bound=Callable[..., Any])


class _Entry(NamedTuple):
    card: Card
    loader: Callable[[], Any]


_ENTRIES: dict[str, _Entry] = {}


def register(card: Card) -> Callable[[Loader], Loader]:
    """Enter a loader into the catalog and append its card to its docstring."""

    def decorate(loader: Loader) -> Loader:
        enter(card, loader)
        loader.__doc__ = f"{inspect.cleandoc(loader.__doc__ or '')}\n\n{describe(card)}"
        return loader

    return decorate


def enter(card: Card, loader: Callable[[], Any]) -> None:
    """Enter a loader into the catalog under the card's name.

    Raises:
        ValueError: if the name is taken.
    """
    if card.name in _ENTRIES:
        raise ValueError(f"there is a data set {card.name!r} already; choose another name")
    _ENTRIES[card.name] = _Entry(card, loader)


def describe(card: Card) -> str:
    """Return the card as the paragraph of a docstring."""
    lines = {
        "Source": card.source,
        "Licence": card.licence,
        "Shape": card.shape,
        "Units": card.units,
        "Target": card.target,
        "Note": card.extra,
    }
    return "\n".join(["Data card:", *(f"    {name}: {text}" for name, text in lines.items() if text)])


def load(name: str) -> Any:
    """Load a data set by its name in the catalog.

    Raises:
        ValueError: if there is none of this name.
        ImportError: if the package that ships it is not installed.
    """
    return _ENTRIES[one_of("the data set", name, _ENTRIES)].loader()


def catalog() -> pd.DataFrame:
    """Return one row for each data set, indexed by name and sorted by kind, without loading any.

    The columns are the fields of :class:`Card`, and ``installed``: whether the package that ships it was found.
    """
    import pandas as pd

    cards = sorted((entry.card for entry in _ENTRIES.values()), key=lambda card: get_args(Kind).index(card.kind))
    rows = [{**vars(card), "installed": packages.installed(card.package)} for card in cards]
    return pd.DataFrame(rows).set_index("name")
