"""Boosted decision trees as arrays: LightGBM grows them and walks them, and a file of arrays holds them.

LightGBM keeps a model as text. Of that text only numbers are taken, and what it is given back is written from them
anew: so what comes out of a file has been checked number by number before LightGBM reads it, and what was just grown
takes the same way.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

BY_CATEGORY = 1
"""The bit of a decision's type that says that it asks for a category, not for a number."""

KEYS = {
    "splits": ("split_feature", np.int32),
    "threshold": ("threshold", np.float64),
    "decision": ("decision_type", np.uint8),
    "left": ("left_child", np.int32),
    "right": ("right_child", np.int32),
    "value": ("leaf_value", np.float64),
    "boundaries": ("cat_boundaries", np.int32),
    "words": ("cat_threshold", np.uint32),
}
"""Our names for LightGBM's, and the dtypes."""


@dataclass(frozen=True, eq=False)
class Forest:
    """Boosted trees one after another, the nodes of each from its root on; a child stands after its parent.

    Attributes:
        leaves: how many each tree has, shape (trees,).
        sets: how many questions for categories each tree asks, shape (trees,).
        splits: the feature that a node asks for, shape (nodes,).
        threshold: a row goes left if its number is at most this; of a question for categories the number of its set.
        decision: LightGBM's bits: for a number or for a category, and where a missing one would go.
        left: the child on the left; ``~leaf`` if that is a leaf.
        right: the child on the right.
        value: what each leaf adds to the log odds, shape (leaves of all trees,).
        boundaries: where each set's words begin and the last one's end, from 0 in each tree that has sets.
        words: the sets of categories that go left, 32 to a word.
    """

    leaves: NDArray[np.int32]
    sets: NDArray[np.int32]
    splits: NDArray[np.int32]
    threshold: NDArray[np.float64]
    decision: NDArray[np.uint8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    boundaries: NDArray[np.int32]
    words: NDArray[np.uint32]

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Take the numbers of a model's text."""
        found: dict[str, list[NDArray[Any]]] = {name: [] for name in KEYS}
        leaves, sets = [], []
        for block in re.split(r"^Tree=\d+$", text.partition("end of trees")[0], flags=re.MULTILINE)[1:]:
            said = dict(line.split("=", 1) for line in block.split("\n") if "=" in line)
            leaves.append(int(said["num_leaves"]))
            sets.append(int(said["num_cat"]))
            for name, (key, dtype) in KEYS.items():
                found[name].append(np.array(said.get(key, "").split(), np.float64).astype(dtype))
        arrays = {name: np.concatenate([np.empty(0, KEYS[name][1]), *parts]) for name, parts in found.items()}
        return cls(np.array(leaves, np.int32), np.array(sets, np.int32), **arrays)

    @classmethod
    def joined(cls, forests: Sequence[Self]) -> Self:
        """Put forests one after another."""
        empty = cls.from_text("")
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(forest, name) for forest in (empty, *forests)]) for name in names))

    def parted(self, sizes: Sequence[int]) -> list[Self]:
        """Take forests of so many trees apart again.

        Raises:
            ValueError: if the arrays do not fit together, or are of another number of trees.
        """
        if sum(sizes) != len(self.leaves) or len(self.sets) != len(self.leaves) or min(sizes, default=0) < 0:
            raise ValueError(f"{sum(sizes)} trees are expected, and there are {len(self.leaves)}")
        if (self.leaves < 2).any() or (self.sets < 0).any():
            raise ValueError("a boosted tree asks nothing")
        ends = _upto(np.asarray(sizes, np.int64))
        starts = {name: _upto(of)[ends] for name, of in self._sizes().items()}
        if any(start[-1] != len(getattr(self, name)) for name, start in starts.items()):
            raise ValueError("the arrays of boosted trees do not fit together")
        word = np.append(0, np.cumsum(self.words_of_trees()))[ends]
        if word[-1] != len(self.words):
            raise ValueError("the sets of categories do not fit boosted trees")
        starts |= {"leaves": ends, "sets": ends, "words": word}
        names = [field.name for field in fields(self)]
        return [
            type(self)(*(getattr(self, name)[starts[name][i] : starts[name][i + 1]] for name in names))
            for i in range(len(sizes))
        ]

    def _sizes(self) -> dict[str, NDArray[np.int64]]:
        """Return how much of each array but ``words`` is of each tree, by the numbers of leaves and sets."""
        nodes, leaves = self.leaves.astype(np.int64) - 1, self.leaves.astype(np.int64)
        bounds = np.where(self.sets > 0, self.sets.astype(np.int64) + 1, 0)
        inner = dict.fromkeys(("splits", "threshold", "decision", "left", "right"), nodes)
        return {**inner, "value": leaves, "boundaries": bounds}

    def words_of_trees(self) -> NDArray[np.int64]:
        """Return how many words the sets of each tree have."""
        ends = _upto(self._sizes()["boundaries"])[1:]
        last = np.append(self.boundaries, 0)[np.maximum(ends - 1, 0)]
        return np.where(self.sets > 0, last, 0).astype(np.int64)

    def check(self, features: int) -> None:
        """Refuse arrays that are no trees over so many features: walked, they might lead anywhere.

        Raises:
            ValueError: if they are none.
        """
        nodes = self.leaves.astype(np.int64) - 1
        start = np.repeat(_upto(nodes)[:-1], nodes)
        here, most = np.arange(nodes.sum()) - start, np.repeat(nodes, nodes)
        named = np.zeros((2, len(self.value)), np.int64)  # how often each inner node, and each leaf, is a child
        first_leaf = np.repeat(_upto(self.leaves.astype(np.int64))[:-1], nodes)
        for child in (self.left.astype(np.int64), self.right.astype(np.int64)):
            inner = child >= 0
            if (child[inner] <= here[inner]).any() or (child >= most).any() or (~child > most).any():
                raise ValueError("a child of a boosted tree is none of its nodes")
            np.add.at(named[0], (first_leaf + child)[inner], 1)
            np.add.at(named[1], (first_leaf + ~child)[~inner], 1)
        # A tree of m leaves has m - 1 inner nodes: all but its root are a child once, and so is each leaf.
        roots = _upto(self.leaves.astype(np.int64))
        expected = np.ones_like(named)
        expected[0][np.append(roots[:-1], roots[1:] - 1)] = 0
        if not np.array_equal(named, expected):
            raise ValueError("a node of a boosted tree has not one parent")
        if (self.splits < 0).any() or (self.splits >= features).any():
            raise ValueError(f"a boosted tree asks for a feature that is none of its {features}")
        if not np.isfinite(self.threshold).all() or not np.isfinite(self.value).all():
            raise ValueError("a number of a boosted tree is not finite")
        by_category = self.decision & BY_CATEGORY > 0
        asked, has = self.threshold[by_category], np.repeat(self.sets, nodes)[by_category]
        if (asked < 0).any() or (asked >= has).any() or (asked != asked.round()).any() or (self.decision > 15).any():
            raise ValueError("a boosted tree asks for a set of categories that it has not")
        bounds = self._sizes()["boundaries"]
        rise = np.diff(self.boundaries)
        begins = _upto(bounds)[:-1][bounds > 0]
        rise = np.delete(rise, begins[1:] - 1)
        if (self.boundaries[begins] != 0).any() or (rise < 1).any():
            raise ValueError("the sets of categories of a boosted tree do not follow one another")

    def to_text(self, features: int) -> str:
        """Write the text of a model over so many features that LightGBM reads."""
        lines = ["tree", "version=v4", "num_class=1", "num_tree_per_iteration=1", "label_index=0"]
        lines += [f"max_feature_idx={features - 1}", f"feature_names={' '.join(f'f{i}' for i in range(features))}"]
        lines += [f"feature_infos={' '.join(['none'] * features)}", ""]
        starts = {name: _upto(sizes) for name, sizes in self._sizes().items()} | {"words": _upto(self.words_of_trees())}
        for tree, (leaves, sets) in enumerate(zip(self.leaves.tolist(), self.sets.tolist(), strict=True)):
            lines += [f"Tree={tree}", f"num_leaves={leaves}", f"num_cat={sets}"]
            for name, (key, _) in KEYS.items():
                numbers = getattr(self, name)[starts[name][tree] : starts[name][tree + 1]].tolist()
                if numbers:
                    lines.append(f"{key}={' '.join(map(repr, numbers))}")
            lines += ["is_linear=0", "shrinkage=1", "", ""]
        return "\n".join([*lines, "end of trees", ""])

    def walker(self, features: int) -> Any:
        """Return LightGBM's model of these trees over so many features."""
        import lightgbm

        return lightgbm.Booster(model_str=self.to_text(features))


def _upto(sizes: NDArray[Any]) -> NDArray[np.int64]:
    return np.append(0, np.cumsum(sizes, dtype=np.int64))
