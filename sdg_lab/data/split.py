"""Split once, in a way that can be repeated anywhere; the course's own data sets without their duplicates.

The place of an item is decided by a hash of its content, not by where it stands in a file. The split therefore does not
depend on the order of the items, on a random generator or on a library's version; identical items are separated only
where each stands for itself (:func:`split_rows`); and each part comes out shuffled, always in the same way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import truth
from sdg_lab.data.types import Card, Dataset, Images, Series, Sounds

if TYPE_CHECKING:
    import pandas as pd

FRACTIONS = (0.8, 0.1, 0.1)
"""Train, validation, test."""

Item = TypeVar("Item", str, tuple[str, ...], tuple[str, tuple[str, ...]])


class Parts(NamedTuple):
    """Positions of the items of each part, int64, in the order of their hashes."""

    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]


def split(
    keys: Iterable[bytes],
    *,
    groups: Iterable[bytes] | None = None,
    deduplicate: bool = True,
) -> Parts:
    """Divide items into train, validation and test.

    Whole groups are placed, so that a part may be larger than its share by less than one group. None is left empty.

    Args:
        keys: the content of each item. Items with equal keys are duplicates.
        groups: what must stay together, one for each item (all variants of one tune, say); by default each distinct
            key is its own group, so that duplicates stay together.
        deduplicate: keep only the first of equal keys. If False, all are kept, together in one part.

    Raises:
        ValueError: if there are fewer than three groups, or deduplicate is neither True nor False.
    """
    truth("deduplicate", deduplicate)
    keys = list(keys)
    names = keys if groups is None else list(groups)
    if len(names) != len(keys):
        raise ValueError(f"groups must say one group for each item: {len(keys)} items, {len(names)} groups")
    members: dict[bytes, list[int]] = {}
    seen: set[bytes] = set()
    for index, (key, name) in enumerate(zip(keys, names, strict=True)):
        if deduplicate and key in seen:
            continue
        seen.add(key)
        members.setdefault(name, []).append(index)
    if groups is not None:
        for positions in members.values():
            positions.sort(key=lambda index: _rank(keys[index]))
    ordered = [members[name] for name in sorted(members, key=_rank)]
    return _place(ordered, "distinct items" if groups is None else "groups")


def split_each(keys: Iterable[bytes], *, groups: Iterable[bytes], kinds: Iterable[bytes]) -> Parts:
    """Divide whole groups, those of each kind for themselves, so that every kind is in every part.

    Args:
        keys: the content of each item, all different.
        groups: what must stay together, one for each item.
        kinds: the kind of each item.

    Raises:
        ValueError: if a kind has fewer than three groups.
    """
    keys, groups, kinds = list(keys), list(groups), list(kinds)
    found: tuple[list[int], ...] = ([], [], [])
    for kind in sorted(set(kinds)):
        places = [index for index, other in enumerate(kinds) if other == kind]
        for held, part in zip(found, split((keys[i] for i in places), groups=[groups[i] for i in places]), strict=True):
            held.extend(places[index] for index in part)
    return Parts(*(np.array(sorted(held, key=lambda index: _rank(keys[index])), np.int64) for held in found))


def split_items(card: Card, items: Sequence[Item], *, groups: Iterable[bytes] | None = None) -> Dataset[list[Item]]:
    """Split strings, token sequences or pairs; exact duplicates are removed."""
    parts = split((repr(item).encode() for item in items), groups=groups)
    return Dataset(card, *([items[index] for index in part] for part in parts))


def split_images(card: Card, images: Images) -> Dataset[Images]:
    """Split images; those with the same pixels are duplicates, whatever their labels say."""
    parts = split(image.tobytes() for image in images.pixels)
    return Dataset(card, *(images[part] for part in parts))


def split_sounds(card: Card, sounds: Sounds) -> Dataset[Sounds]:
    """Split sounds; those with the same samples are duplicates, whatever their labels say."""
    parts = split(wave.tobytes() for wave in sounds.waves)
    return Dataset(card, *(sounds[part] for part in parts))


def split_table(
    card: Card, table: pd.DataFrame, *, deduplicate: bool = True, keys: Iterable[bytes] | None = None
) -> Dataset[pd.DataFrame]:
    """Split the rows of a table; equal rows are removed, or with ``deduplicate=False`` kept together in one part.

    Args:
        card: of the table.
        table: the rows.
        deduplicate: keep only the first of equal rows.
        keys: the content of each row, if there is a quicker way to it than through all values.
    """
    parts = split(_row_keys(table) if keys is None else keys, deduplicate=deduplicate)
    return Dataset(card, *(table.iloc[part].reset_index(drop=True) for part in parts))


def split_rows(
    card: Card,
    table: pd.DataFrame,
    *,
    group: str = "",
    time: str = "",
    deduplicate: bool = False,
    notes: tuple[str, ...] = (),
) -> Dataset[pd.DataFrame]:
    """Split rows each of which stands for itself: equal ones are different people, and are placed one by one.

    The shares of the categories and of the missing values in each part are then those of the whole, up to chance.

    Args:
        card: of the table.
        table: the rows.
        group: a column; rows that have the same value there stay in one part.
        time: a column; the latest rows are the test part. Rows of one time stay in one part.
        deduplicate: keep the first of equal rows.
        notes: what there is to say already.
    """
    if truth("deduplicate", deduplicate):
        distinct = table.drop_duplicates(ignore_index=True)
        notes += _what_changed(table, distinct)
        table = distinct
    if time:
        moments = table[time].to_numpy()
        order = moments.argsort(kind="stable")
        changes = np.flatnonzero(moments[order][1:] != moments[order][:-1]) + 1
        latest_first = [rows[::-1].tolist() for rows in np.split(order, changes)][::-1]
        parts = Parts(*(part[::-1] for part in _place(latest_first, "times")))
    else:
        keys, copies = _row_keys(table), Counter[bytes]()
        for place, key in enumerate(keys):
            keys[place] = key + b" %d" % copies[key]  # equal rows, told apart by their number
            copies[key] += 1
        parts = split(keys, groups=[repr(value).encode() for value in table[group].tolist()] if group else None)
    return Dataset(card, *(table.iloc[part].reset_index(drop=True) for part in parts), notes=notes)


def split_in_order(length: int) -> tuple[slice, slice, slice]:
    """Cut 0..length into three successive slices: past, then nearer past, then the end.

    Raises:
        ValueError: if the length is below 3.
    """
    if length < 3:
        raise ValueError(f"three parts need at least 3 values, got {length}; add data")
    middle, last = (max(1, round(length * share)) for share in FRACTIONS[1:])
    return slice(0, length - middle - last), slice(length - middle - last, length - last), slice(length - last, length)


def split_series(card: Card, series: Series) -> Dataset[Series]:
    """Cut a series in time order: a model must not see the future of what it is tested on."""
    return Dataset(card, *(series[part] for part in split_in_order(len(series))))


def _rank(key: bytes) -> bytes:
    return blake2b(key, digest_size=16).digest()


def _row_keys(table: pd.DataFrame) -> list[bytes]:
    columns = [table[name].tolist() for name in table.columns]
    return [repr(row).encode() for row in zip(*columns, strict=True)]


def _what_changed(table: pd.DataFrame, distinct: pd.DataFrame) -> tuple[str, ...]:
    """Say how many rows equal another one, and which category has become rarer or commoner most."""
    gone = len(table) - len(distinct)
    if not gone:
        return ()
    moved: list[tuple[str, object, float, float]] = []
    for name in table.columns:
        if hasattr(table[name], "cat"):
            before, after = (rows[name].value_counts(normalize=True) for rows in (table, distinct))
            most: Any = (after - before).abs().idxmax()
            moved.append((name, most, float(before[most]), float(after[most])))
    example = ""
    if moved:
        name, value, share, now = max(moved, key=lambda found: abs(found[3] - found[2]))
        example = f"; {name} = {value!r} was {share:.1%} of the rows and is {now:.1%} now"
    return (f"{gone:,} of {len(table):,} rows equal another one and are left out{example}",)


def _place(ordered: list[list[int]], what: str) -> Parts:
    """Give whole groups to the parts. Test is filled first: it stays when the two other shares are changed."""
    if len(ordered) < 3:
        raise ValueError(f"three parts need at least 3 {what}, got {len(ordered)}; add data")
    total = sum(map(len, ordered))
    test, rest = _fill(ordered, total * FRACTIONS[2], leave=2)
    validation, train = _fill(rest, total * FRACTIONS[1], leave=1)
    return Parts(
        *(np.array([index for group in part for index in group], np.int64) for part in (train, validation, test))
    )


def _fill(groups: list[list[int]], size: float, *, leave: int) -> tuple[list[list[int]], list[list[int]]]:
    """Take whole groups from the front until about ``size`` items are held, and at least one; leave some groups."""
    held = taken = 0
    while taken < len(groups) - leave and (taken == 0 or held + 0.5 <= size):
        held += len(groups[taken])
        taken += 1
    return groups[:taken], groups[taken:]
