"""Text that follows a rule: before each draw the tokens that would break it are taken out.

The rule is a regular expression or a JSON schema. A matcher walks through it as the text grows and knows which tokens
can come next; their logits stay, all others become -inf (Willard & Louf, *Efficient Guided Generation for Large
Language Models*, 2023). ``llguidance`` walks. Tokens that are no text, such as those that mark turns, are never among
them, but for those that end the text, where the rule allows an end.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sdg_lab.models.language_model.tokeniser import Tokeniser


class Constraint:
    """A rule that texts follow from their first token to their end.

    Args:
        tokeniser: of the model that writes.
        regex: matched by the whole text, in the syntax of Rust's ``regex``: without look-around and back references; a
            dot is no line break.
        schema: a JSON schema. Objects are written as ``json.dumps`` writes them, on one line; strings and lists
            without a ``maxLength`` or ``maxItems`` may go on until ``max_tokens``. An empty one is any JSON value.

    Raises:
        TypeError: if the regex is no str, or the schema no mapping of what JSON can hold.
        ValueError: if both are given, or one cannot be followed; the message says why, and what to do.
    """

    def __init__(
        self, tokeniser: Tokeniser, *, regex: str | None = None, schema: Mapping[str, Any] | None = None
    ) -> None:
        from llguidance import LLMatcher

        if (regex is None) == (schema is None):
            raise ValueError(
                f"give either a regex or a schema; a text follows one rule, got regex {regex!r} and schema {schema!r}"
            )
        if regex is not None:
            if not isinstance(regex, str):
                raise TypeError(f"regex must be a str, got {regex!r}")
            self.rule = f"the regex {_shortened(repr(regex))}"
            if any("\ud800" <= character <= "\udfff" for character in regex):
                raise ValueError(f"{self.rule} cannot be followed: it holds half of a surrogate pair; take that out")
            grammar = LLMatcher.grammar_from_regex(regex)
        else:
            if not isinstance(schema, Mapping):
                raise TypeError(f'schema must be a mapping such as {{"type": "object", ...}}, got {schema!r}')
            try:
                written = json.dumps(dict(schema), allow_nan=False)
            except TypeError as error:
                raise TypeError(f"schema must be JSON: {error}; got {_shortened(repr(schema))}") from None
            except (ValueError, RecursionError) as error:  # NaN, and a mapping that holds itself
                raise ValueError(f"schema must be JSON: {error}; got {_shortened(repr(schema))}") from None
            self.rule = f"the schema {_shortened(written)}"
            try:
                grammar = LLMatcher.grammar_from_json_schema(
                    written, defaults={"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
                )
            except ValueError as error:
                raise ValueError(f"{self.rule} cannot be followed: {_explained(str(error))}") from None
        self.tokeniser = tokeniser
        self._start = LLMatcher(_tokens(tokeniser), grammar, log_level=0)
        self._check(self._start)

    def matcher(self, beginning: str = "") -> Matcher:
        """Return a matcher for one text.

        Args:
            beginning: what the text begins with.

        Raises:
            ValueError: if nothing that begins so follows the rule.
        """
        inner = self._start.deep_copy()
        tokens = self.tokeniser.encode(beginning)
        if inner.validate_tokens(tokens) < len(tokens):
            raise ValueError(f"nothing that begins with {beginning!r} follows {self.rule}; give another prefix")
        inner.consume_tokens(tokens)
        return Matcher(self, inner)

    def _check(self, inner: Any) -> None:
        if inner.is_error():
            raise ValueError(f"{self.rule} cannot be followed: {_explained(inner.get_error())}")


class Matcher:
    """Where one text stands in its rule.

    Args:
        constraint: the rule.
        inner: llguidance's matcher.
    """

    def __init__(self, constraint: Constraint, inner: Any) -> None:
        self.constraint, self.inner = constraint, inner

    def copy(self) -> Self:
        """Return a matcher at the same place, for another text."""
        return type(self)(self.constraint, self.inner.deep_copy())

    def allowed(self) -> NDArray[np.bool_]:
        """Return which tokens may come next, bool, (vocabulary,).

        Raises:
            ValueError: if none may, because the vocabulary lacks a character that the rule asks for.
        """
        bits = np.frombuffer(self.inner.compute_bitmask(), np.uint8)
        self.constraint._check(self.inner)
        return np.unpackbits(bits, count=len(self.constraint.tokeniser), bitorder="little").astype(bool)

    def read(self, token: int) -> None:
        """Go on by a token that is allowed; after one that ends the text nothing more can be added."""
        self.inner.consume_token(token)
        self.constraint._check(self.inner)

    @property
    def complete(self) -> bool:
        """Whether the text follows the rule and nothing more can be added."""
        return bool(self.inner.is_stopped())

    @property
    def accepting(self) -> bool:
        """Whether the text follows the rule as it stands."""
        return bool(self.inner.is_accepting())


NO_LOOK = "leave it out, and write the pattern in the syntax of Rust's regex"

EXPLAINED = {
    "NoExtensionBias": "no token may come next: nothing matches it, or it never ends, as a $ref that leads to itself, "
    "or it asks for a character that the vocabulary lacks; change it, or take that character out",
    "too many expressions": "it has too many states; make its counts, such as {1000}, and its nesting smaller",
    "Too many items": "it is too large, or never ends, as a required property whose $ref leads to the object itself; "
    "make that optional, or the rule smaller",
    "lookarounds not supported": f"look-around and \\b are not supported; {NO_LOOK}",
    "look-around, including": f"look-around is not supported; {NO_LOOK}",
    "backreferences": f"back references are not supported; {NO_LOOK}",
    "Unimplemented keys": "{}; say the same without them",
    "does not exist": "{}; define it under $defs, and refer to it as #/$defs/name",
    "retrieving it failed": "it refers to another document, and nothing is fetched; put that under $defs",
    "Unknown format": "{}; leave the format out, or write it as a pattern",
    "hex escape": "a text in it holds half of a surrogate pair; take that out",
    "Unsatisfiable schema": "{}; no value can obey it: loosen it",
}
"""What llguidance says of a rule, by words of its message, in words that tell what to do; {} stands for its own."""


def _explained(error: str) -> str:
    """Return why a rule cannot be followed, in one line, and the remedy."""
    said = error.partition("<state>")[0].strip()  # then follows the state of its parser
    for words, explained in EXPLAINED.items():
        if words in said:
            return explained.replace("{}", said.splitlines()[0])
    _, found, after = said.rpartition("\nerror: ")
    if found:  # of a regular expression: the pattern and a pointer come before, a line of the grammar after
        return f"{after.splitlines()[0]}; correct the pattern"
    return f"{said.splitlines()[0] if said else 'llguidance does not say why'}; correct it"


def _shortened(rule: str, most: int = 120) -> str:
    return rule if len(rule) <= most else f"{rule[:most]}…"


@functools.lru_cache(maxsize=2)
def _tokens(tokeniser: Tokeniser) -> Any:
    """Return the vocabulary in llguidance's form: half a second for 49,152 tokens."""
    from llguidance import LLTokenizer, TokenizerWrapper

    class Spelt:
        eos_token_id = min(tokeniser.ends)
        bos_token_id = None
        tokens = tokeniser.spelling()
        special_token_ids = sorted(tokeniser.special.values())

        def __call__(self, text: str | bytes) -> Sequence[int]:
            return tokeniser.encode(text.decode() if isinstance(text, bytes) else text)

    return LLTokenizer(TokenizerWrapper(Spelt()), eos_token=sorted(tokeniser.ends))
