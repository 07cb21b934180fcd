"""Texts at which a continuation ends, without them."""

from __future__ import annotations

from collections.abc import Collection, Sequence


def checked(stop: str | Collection[str]) -> list[str]:
    """Return the texts that end a continuation, or refuse what would end none or all.

    Raises:
        TypeError: if ``stop`` is neither a text nor several.
        ValueError: if one of them is empty, or holds half of a surrogate pair.
    """
    if not isinstance(stop, Collection) or not all(isinstance(text, str) for text in stop):
        raise TypeError(f"stop must be a str or a list of str, got {stop!r}; for no stop leave it out")
    stops = [stop] if isinstance(stop, str) else list(stop)
    if "" in stops:
        raise ValueError(f"stop {stops.index('')} is '', which would empty every text; leave it out")
    for index, text in enumerate(stops):
        if any("\ud800" <= character <= "\udfff" for character in text):
            raise ValueError(
                f"stop {index} is {text!r}, with half of a surrogate pair, which no text holds; leave it out"
            )
    return stops


def cut(text: str, stops: Sequence[str]) -> str:
    """Return the text up to the first of the stops."""
    ends = [place for place in map(text.find, stops) if place >= 0]
    return text[: min(ends)] if ends else text


def settled(text: str, stops: Sequence[str]) -> int:
    """Return how much of an unfinished text stays whatever follows: no more than where a stop may have begun."""
    most = max(map(len, stops), default=1) - 1
    for begin in range(max(0, len(text) - most), len(text)):
        if any(stop.startswith(text[begin:]) for stop in stops):
            return begin
    return len(text)
