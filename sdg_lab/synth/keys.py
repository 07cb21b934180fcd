"""New keys in the form of the old ones: unique as long as the form has room, and never one of the real ones.

A key is made from its place, the number of the row: a seeded permutation of the numbers below the form's room says
which key it gets. So blocks of rows never repeat a key, and nothing of those made before is kept. That none is real is
so by construction: the keys of a form are numbered, and new ones have numbers with remainders, modulo a prime, that no
real key's number has. What is kept of real keys is their form and such remainders.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

SLOTS = 16
"""Forms share so many places evenly; a form of fewer keys than one in so many is not made."""

ALIKE = 10
"""A sign that so many keys share at its place belongs to the form."""

FEW = 4
"""Signs of a place that keep to themselves where many keys have no others, as the version of a UUID does."""

MAX_REMAINDERS = 2**16
"""Of a form."""

EXTRA = 6
"""Most digits by which a form without room grows."""

WIDE = 2**60
"""A form has more room than anybody asks for; above this only the last places count."""

_UUID = re.compile(r"[0-9a-f]{8}(-?)(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", flags=re.IGNORECASE)
_SIGN = re.compile(r"[^\W_]")
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


@dataclass(frozen=True)
class Form:
    """Keys of one length: which signs may stand at each place.

    Attributes:
        signs: one text for each place; a single sign is always there.
        modulus: numbers of keys are taken modulo this.
        remainders: those that no real key leaves; all, if the modulus is 1.
        shares: how many of the :data:`SLOTS` are of this form.
    """

    signs: tuple[str, ...]
    modulus: int = 1
    remainders: tuple[int, ...] = (0,)
    shares: int = SLOTS

    @property
    def counted(self) -> tuple[int, ...]:
        """The places that make a key unique: the last ones, as many as make :data:`WIDE` different keys."""
        size, places = 1, []
        for place in reversed(range(len(self.signs))):
            if size * len(self.signs[place]) > WIDE:
                break
            size *= len(self.signs[place])
            places.append(place)
        return tuple(reversed(places))

    @property
    def size(self) -> int:
        """How many keys the counted places can tell apart."""
        size = 1
        for place in self.counted:
            size *= len(self.signs[place])
        return size

    @property
    def room(self) -> int:
        """How many new keys there are."""
        return self.size // self.modulus * len(self.remainders)

    def numbers_of(self, keys: NDArray[np.str_]) -> NDArray[np.int64]:
        """Return the numbers of those keys, (n,), that are of this form."""
        letters = _letters(keys[np.char.str_len(keys) == len(self.signs)], len(self.signs))
        numbers, right = np.zeros(len(letters), np.int64), np.ones(len(letters), bool)
        counted = set(self.counted)
        for place, signs in enumerate(self.signs):
            known = np.array(sorted(signs))
            digit = np.searchsorted(known, letters[:, place]).clip(max=len(known) - 1)
            right &= known[digit] == letters[:, place]
            if place in counted:
                numbers = numbers * len(known) + digit
        return numbers[right]

    def avoiding(self, keys: NDArray[np.str_], wanted: int) -> Form:
        """Return the form with remainders that none of some keys leaves: as many as make the room that is wanted."""
        numbers = np.unique(self.numbers_of(keys))
        if not len(numbers):
            return self
        best = replace(self, remainders=())
        for part in (0.125, 0.25, 0.5, 1, 2, 4):
            modulus = min(_prime_from(max(int(part * len(numbers)), 97)), self.size)
            left = np.ones(modulus, dtype=bool)
            left[numbers % modulus] = False
            free = np.flatnonzero(left)
            most = min(2 * wanted // (self.size // modulus) + 1, MAX_REMAINDERS)
            if len(free) > most:
                free = np.sort(np.random.default_rng(0).choice(free, most, replace=False))
            form = replace(self, modulus=modulus, remainders=tuple(free.tolist()))
            best = max(best, form, key=lambda one: one.room)
            if best.room >= wanted:
                break
        return best

    def keys(self, turns: NDArray[np.uint64], seed: NDArray[np.uint64]) -> NDArray[np.str_]:
        """Return the keys of some turns, each below :attr:`room`, shape (n,)."""
        drawn = permuted(turns, self.room, seed).astype(np.int64)
        free = np.array(self.remainders, dtype=np.int64)
        number = free[drawn % len(free)] + self.modulus * (drawn // len(free))
        letters = np.empty((len(turns), len(self.signs)), dtype="U1")
        counted = set(self.counted)
        for place in reversed(range(len(self.signs))):
            known = np.array(sorted(self.signs[place]))
            if place in counted:
                number, digit = np.divmod(number, len(known))
            else:
                digit = (_mixed(turns ^ seed[place % len(seed)] + np.uint64(place)) % np.uint64(len(known))).astype(int)
            letters[:, place] = known[digit]
        return letters.view(f"U{len(self.signs)}").reshape(-1)


@dataclass(frozen=True)
class Keys:
    """How the new keys of a column are made.

    Attributes:
        forms: of the keys, the most common first; none for a counter.
        start: the first key of a counter.
        room: how many keys can be made.
        notes: what is not as it was in the real ones.
    """

    forms: tuple[Form, ...] = ()
    start: int = 0
    room: int = 0
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def of_texts(cls, keys: Sequence[str], *, wanted: int = 0) -> Self:
        """Learn the forms of texts, and leave room for so many new ones, if need be by further digits."""
        known = np.array(keys, dtype=np.str_)
        if all(_MAIL.fullmatch(key) for key in keys):
            forms: tuple[Form, ...] = (Form((string.ascii_lowercase,) * 10 + tuple("@example.com")),)
        elif all(_UUID.fullmatch(key) for key in keys) and len({len(key) for key in keys}) == 1:
            forms = (_uuid_form(keys[0], upper=not any(c.islower() for key in keys for c in key)),)
        else:
            return cls._with_room(known, wanted)
        forms = tuple(form.avoiding(known, max(wanted, WIDE // 2**20)) for form in forms)
        return cls(forms, room=_room(forms))

    @classmethod
    def of_numbers(cls, keys: NDArray[Any], *, ends: tuple[int, int], wanted: int = 0) -> Self:
        """Learn from whole numbers whether they count up, or how many digits they have.

        Args:
            keys: whole numbers.
            ends: the least and the most that the column's dtype holds.
            wanted: leave room for so many.
        """
        low, high, (least, most) = int(keys.min()), int(keys.max()), ends
        if high - low < 1.5 * len(keys):
            size = 10 ** (len(str(abs(high))) - 1)
            start = (high // size + 1) * size + 1  # a round number: it tells hardly how many real ones there are
            start = start if most - start + 1 >= wanted else high + 1
            return cls((), start, max(most - start + 1, 0))
        known = np.array([str(key) for key in keys.tolist()])

        return cls._with_room(known, wanted, lambda form: _within(form, least, most))

    @classmethod
    def _with_room(
        cls, known: NDArray[np.str_], wanted: int, fitted: Callable[[Form], Form | None] = lambda form: form
    ) -> Self:
        """Return forms with enough room: as tight as they are; with any digits; longer; with any letters."""
        skeletons = np.array([_SIGN.sub("a", key) for key in known.tolist()])  # a dot may stand in a key itself
        digits = any(map(re.compile(r"\d").search, known.tolist()))
        steps = [(2, 0), (1, 0), *([(1, 1), (1, 2)] if digits else []), *((0, extra) for extra in range(EXTRA + 1))]
        best = cls()
        for tight, extra in steps:
            fitting = filter(None, map(fitted, _forms(known, skeletons, tight=tight, extra=extra)))
            wide = [
                form.avoiding(known, wanted * form.shares // SLOTS + SLOTS)
                for form in fitting
                if form.size * SLOTS >= wanted * form.shares
            ]
            forms = _shared([form for form in wide if form.room * SLOTS >= wanted * form.shares])
            said = (f"new keys are {extra} digit{'s' * (extra > 1)} longer than real ones: there are too few others",)
            found = cls(forms, room=_room(forms), notes=said if extra else ())
            best = max(best, found, key=lambda keys: keys.room)
            if best.room >= wanted:
                break
        return best

    def make(self, first: int, n: int, seed: int, *, name: str = "") -> NDArray[Any]:
        """Return the keys of n places from the first on: texts, of a counter whole numbers.

        Raises:
            ValueError: if there is no room for so many.
        """
        if first + n > self.room:
            raise ValueError(
                f"column {name!r}: its form has room for {self.room:,} new keys, and {first + n:,} are asked for; ask "
                "for fewer rows, or leave the column out (use: drop)"
            )
        places = np.arange(first, first + n, dtype=np.uint64)
        if not self.forms:
            return places.astype(np.int64) + self.start
        owners = np.repeat(np.arange(len(self.forms)), [form.shares for form in self.forms])
        begin = np.cumsum([0, *(form.shares for form in self.forms)])
        round_, slot = places // np.uint64(SLOTS), (places % np.uint64(SLOTS)).astype(int)
        found = np.empty(n, dtype=f"U{max(len(form.signs) for form in self.forms)}")
        for number, form in enumerate(self.forms):
            mine = owners[slot] == number
            turns = round_[mine] * np.uint64(form.shares) + (slot[mine] - begin[number]).astype(np.uint64)
            state = np.random.SeedSequence(seed, spawn_key=(number,)).generate_state(ROUNDS, np.uint64)
            found[mine] = form.keys(turns, state.astype(np.uint64))
        return found

    def config(self) -> dict[str, Any]:
        """Return the fields."""
        return asdict(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Make it again from :meth:`config`, also after a way through JSON."""
        tuples = [
            {**one, "signs": tuple(one["signs"]), "remainders": tuple(one["remainders"])} for one in config["forms"]
        ]
        return cls(tuple(Form(**one) for one in tuples), config["start"], config["room"], tuple(config["notes"]))


# Forms


def _forms(keys: NDArray[np.str_], skeletons: NDArray[np.str_], *, tight: int, extra: int) -> tuple[Form, ...]:
    """Return the forms that at least one of :data:`SLOTS` keys has, or the most common one.

    Args:
        keys: real ones.
        skeletons: of them.
        tight: 1 keeps letters that many keys share, 2 also digits, and places where few signs occur.
        extra: digits to be added behind the last one.
    """
    common = Counter(skeletons.tolist()).most_common(SLOTS)
    forms: list[Form] = []
    for skeleton, count in common:
        if count * SLOTS < len(keys) and forms:
            break
        mine = _letters(keys[skeletons == skeleton], len(skeleton))
        seen = _seen(mine)
        hexadecimal = seen - set(string.punctuation) <= set("0123456789abcdefABCDEF")
        hexadecimal = hexadecimal and len(skeleton) >= 8
        signs = [_signs(mine[:, place], tight=tight, hexadecimal=hexadecimal) for place in range(len(skeleton))]
        whole = all(c.isdigit() or c == "-" for c in seen)
        number = whole and (len(skeleton) == 1 or not (mine[:, 0] == "0").any())
        last = max((place for place, one in enumerate(signs) if set(one) & set(string.digits)), default=len(signs) - 1)
        signs[last + 1 : last + 1] = [string.digits] * extra
        first = int(skeleton[0] == "-")
        if number and len(signs) > first + 1:  # it begins with no zero
            signs[first] = signs[first].replace("0", "") or string.digits[1:]
        forms.append(Form(tuple(signs), shares=count))
    return _shared(forms)


def _signs(seen: NDArray[np.str_], *, tight: int, hexadecimal: bool) -> str:
    """Return the signs that may stand at a place, by those that do."""
    found = _seen(seen)
    kinds = {string.digits: str.isdigit, string.ascii_uppercase: str.isupper, string.ascii_lowercase: str.isalpha}
    if not any(one.isalnum() for one in found):
        return "".join(sorted(found))
    if tight and all(one.isascii() for one in found):
        if len(found) == 1 and len(seen) >= ALIKE and (tight == 2 or not max(found).isdigit()):
            return "".join(found)
        if tight == 2 and len(found) <= FEW and len(seen) >= ALIKE * FEW:
            return "".join(sorted(found))
    signs = ""
    for alphabet, is_one in kinds.items():
        left = {one for one in found if is_one(one)}
        found -= left
        signs += alphabet if left else ""
    return "".join(sorted(set(signs) & set("0123456789abcdefABCDEF"))) if hexadecimal else signs


def _shared(forms: Sequence[Form]) -> tuple[Form, ...]:
    """Share the slots out by how common forms are, one to each at least."""
    if not forms:
        return ()
    total = sum(form.shares for form in forms)
    shares = [max(1, round(SLOTS * form.shares / total)) for form in forms]
    while sum(shares) != SLOTS:
        most = int(np.argmax(shares))
        shares[most] += 1 if sum(shares) < SLOTS else -1
    return tuple(replace(form, shares=share) for form, share in zip(forms, shares, strict=True))


def _room(forms: Sequence[Form]) -> int:
    """Return how many places can be filled before a form has none left."""
    return min((form.room // form.shares * SLOTS for form in forms), default=0)


def _within(form: Form, least: int, most: int) -> Form | None:
    """Return a form of whole numbers that a dtype holds, or None."""
    place = int(form.signs[0] == "-")
    bound, signs = (-least if place else most), list(form.signs)
    while signs[place] and int("".join(max(one) for one in signs[place:])) > bound:
        signs[place] = "".join(sorted(signs[place])[:-1])
    return Form(tuple(signs), shares=form.shares) if signs[place] else None


def _uuid_form(example: str, *, upper: bool) -> Form:
    """Return the form of a random UUID, version 4 of RFC 9562."""
    digits = "0123456789ABCDEF" if upper else "0123456789abcdef"
    bare = [digits] * 12 + ["4"] + [digits] * 3 + ["89AB" if upper else "89ab"] + [digits] * 15
    places = iter(bare)
    return Form(tuple("-" if one == "-" else next(places) for one in example))


def _letters(keys: NDArray[np.str_], length: int) -> NDArray[np.str_]:
    """Return keys of one length as their signs, shape (n, length)."""
    return np.ascontiguousarray(keys.astype(f"U{length}")).view("U1").reshape(len(keys), length)


def _seen(letters: NDArray[np.str_]) -> set[str]:
    """Return which signs occur; counting their code points is faster than sorting them."""
    points = np.ascontiguousarray(letters).view(np.uint32).ravel()
    return set(map(chr, np.flatnonzero(np.bincount(points)).tolist()))


def _prime_from(number: int) -> int:
    """Return the first prime from a number on."""
    while any(number % divisor == 0 for divisor in range(2, int(number**0.5) + 1)):
        number += 1
    return number


# A seeded permutation

ROUNDS = 6


def permuted(numbers: NDArray[np.uint64], size: int, keys: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return where a permutation of the numbers below ``size`` carries some of them, shape (n,).

    A Feistel network permutes the numbers of an even count of bits; what it carries beyond ``size`` is carried on until
    it falls below (cycle walking). Source: Black and Rogaway (2002), Ciphers with Arbitrary Finite Domains.

    Args:
        numbers: each below ``size``.
        size: at most 2⁶⁰.
        keys: one for each round, shape (rounds,).
    """
    half = np.uint64(max(1, ((size - 1).bit_length() + 1) // 2))
    mask = (np.uint64(1) << half) - np.uint64(1)
    found = numbers.copy()
    open_ = np.arange(len(numbers))
    while len(open_):
        left, right = found[open_] >> half, found[open_] & mask
        for key in keys:
            left, right = right, left ^ (_mixed(right + key) & mask)
        found[open_] = left << half | right
        open_ = open_[found[open_] >= np.uint64(size)]
    return found


def _mixed(numbers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix 64 bits so that each depends on all: the finaliser of SplitMix64 (Steele, Lea and Flood, 2014)."""
    numbers = numbers + np.uint64(0x9E3779B97F4A7C15)
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))
