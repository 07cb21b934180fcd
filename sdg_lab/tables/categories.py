"""One column of a table as numbers of states: what every kind of column can do, and the one without any numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdg_lab.tables.columns import categories_of

if TYPE_CHECKING:
    import pandas as pd

Codes: TypeAlias = NDArray[np.unsignedinteger[Any]]
Floats: TypeAlias = NDArray[np.float64]

MISSING = "missing"
"""Label of the state that stands for a missing value, always the last; "(missing)" beside a category of that name."""


class Column(ABC):
    """One column: its states, and the way there and back."""

    name: str
    labels: tuple[str, ...]

    @abstractmethod
    def encode(self, values: pd.Series[Any]) -> Codes:
        """Return the state of every value, shape (n,); raises ValueError for a value that has none."""

    @abstractmethod
    def decode(self, codes: Codes, rng: np.random.Generator) -> pd.Series[Any]:
        """Draw a value for every state, in the column's own dtype."""

    @abstractmethod
    def given(self, condition: object) -> tuple[Floats, Column]:
        """Return how much of each state meets a condition, in [0, 1], and the column that draws only what does.

        Raises:
            ValueError: if the condition cannot be read, or names a category that there is not.
        """

    @abstractmethod
    def config(self) -> dict[str, Any]:
        """Return what JSON needs to say for :func:`column_from_config`."""


@dataclass(frozen=True, eq=False)
class Categories(Column):
    """A column of categories, text or booleans: each value is a state, missing is the last.

    Attributes:
        name: of the column.
        values: text, whole numbers or booleans, in the order of the states.
        dtype: pandas' name of the dtype.
        ordered: whether the categories have an order.
        missing: whether there is a state for missing values.
        declared: pandas' name of the dtype of the categories that a category dtype declares; empty for pandas' choice.
    """

    name: str
    values: tuple[str | int | float | bool, ...]
    dtype: str
    ordered: bool = False
    missing: bool = False
    declared: str = ""

    @property
    def labels(self) -> tuple[str, ...]:  # type: ignore[override] # computed here, stored elsewhere
        """The states as text, all different."""
        labels = tuple(map(str, self.values))
        missing = MISSING
        while missing in labels:
            missing = f"({missing})"
        return (*labels, missing) if self.missing else labels

    @classmethod
    def of(cls, column: pd.Series[Any]) -> Self:
        """Take the categories of a column (:func:`sdg_lab.tables.columns.categories_of`)."""
        values, missing = tuple(categories_of(column)), bool(column.isna().any())
        if not hasattr(column, "cat"):
            return cls(str(column.name), values, str(column.dtype), missing=missing)
        declared = str(column.cat.categories.dtype)
        return cls(str(column.name), values, "category", bool(column.cat.ordered), missing, declared)

    def encode(self, values: pd.Series[Any]) -> Codes:
        """Return the place of every value among the categories."""
        import pandas as pd

        missing = values.isna().to_numpy()
        refuse_missing(self.name, missing, self.missing)
        codes = pd.Index(self.values, dtype=object).get_indexer(pd.Index(values, dtype=object))
        unknown = np.flatnonzero((codes < 0) & ~missing)
        if len(unknown):
            raise ValueError(
                f"column {self.name!r} has {values.iloc[unknown[0]]!r} in row {unknown[0]}, which was never seen in "
                f"training; the states are {', '.join(self.labels)}"
            )
        return np.where(missing, len(self.values), codes).astype(np.min_scalar_type(len(self.values)))

    def decode(self, codes: Codes, rng: np.random.Generator) -> pd.Series[Any]:
        """Return the categories; nothing is drawn."""
        import pandas as pd

        if self.dtype == "category":
            places = np.where(codes == len(self.values), -1, codes.astype(np.int64)) if self.missing else codes
            dtype = pd.CategoricalDtype(pd.Index(self.values, dtype=self.declared or None), ordered=self.ordered)
            return pd.Series(pd.Categorical.from_codes(places, dtype=dtype), name=self.name)
        values = np.array([*self.values, *([None] if self.missing else [])], dtype=object)
        return pd.Series(values[codes], name=self.name, dtype=self.dtype)

    def given(self, condition: object) -> tuple[Floats, Column]:
        """Return 1 for the states that are asked for, 0 for the others."""
        weights = np.zeros(len(self.labels))
        for value in asked_for(self.name, condition):
            if self.missing and (is_missing(value) or is_text(value, self.labels[-1])):
                weights[-1] = 1
            elif value in self.values:
                weights[self.values.index(value)] = 1
            else:
                raise ValueError(
                    f"column {self.name!r} has no state {value!r}; the states are {', '.join(self.labels)}"
                )
        return weights, self

    def config(self) -> dict[str, Any]:
        """Return the fields."""
        return {"kind": "categories", **self.__dict__, "values": list(self.values)}


def asked_for(name: str, condition: object) -> list[Any]:
    """Return the values that a condition names: one, or those of a list, a set or an array.

    Raises:
        ValueError: if it names none.
    """
    if hasattr(condition, "tolist"):  # numpy's, pandas' and torch's
        condition = condition.tolist()
    values = list(condition) if isinstance(condition, list | set | frozenset | tuple | range) else [condition]
    if not values:
        raise ValueError(
            f"column {name!r} is asked for no value, got {condition!r}; give at least one, or leave it out"
        )
    return values


def is_text(value: object, text: str) -> bool:
    """Say whether a value is this text; an array of it is not."""
    return isinstance(value, str) and value == text


def is_missing(value: object) -> bool:
    """Say whether a condition asks for a missing value."""
    import pandas as pd

    return value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value))


def refuse_missing(name: str, missing: NDArray[np.bool_], expected: bool) -> None:
    """Refuse missing values in a column that had none in training."""
    if missing.any() and not expected:
        raise ValueError(
            f"column {name!r} lacks a value in row {int(missing.argmax())}, but none was missing in training; fill it, "
            "or drop the row"
        )
