"""Bayesian networks: a graph that says what depends on what, and one table of probabilities for each node.

The joint probability of a row is a product with one factor a column ::

    P(x₁ … x_d) = ∏ᵢ P(xᵢ | parents of xᵢ)

Everything is exact: the likelihood, rows drawn on a condition, every marginal under evidence. Tables of mixed types are
turned into states first (:mod:`sdg_lab.tables.codec`) and drawn back afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self, TypeAlias, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from sdg_lab.data.types import Network
from sdg_lab.models.bayes_net.cpt import draw_table, make_network, mean_table, table_without
from sdg_lab.models.bayes_net.dag import Parents, topological_order
from sdg_lab.models.bayes_net.inference import Evidence, log_evidence, query
from sdg_lab.models.bayes_net.sampling import sample_codes
from sdg_lab.models.bayes_net.structure import Score, chow_liu, hill_climb
from sdg_lab.models.contract import Arrays, NotFittedError, SyntheticModel, check_count
from sdg_lab.tables.categories import Categories, Column, Floats
from sdg_lab.tables.codec import MAX_STATES, code_table, column_from_config, columns_of
from sdg_lab.tables.coded import Coded

Search: TypeAlias = Literal["hill-climb", "tree", "independent"]
Given: TypeAlias = Mapping[str, object]
"""What is known of some columns: a value, a list of values, or for numbers (least, most)."""


class BayesNet(SyntheticModel[pd.DataFrame]):
    """A Bayesian network over the columns of a table.

    Args:
        structure: how to find the graph: ``"hill-climb"`` (any graph, by a score), ``"tree"`` (Chow–Liu),
            ``"independent"`` (no arrows, the baseline), or the graph itself, the parents of each column.
        score: what hill climbing climbs: ``"bic"`` or ``"bdeu"``.
        max_parents: most parents of a column that hill climbing may choose.
        bins: about how many states a column of numbers gets.
        prior: α >= 0, how many rows the prior weighs: each cell of a table begins at α / (number of its cells) and the
            tables are the posterior's mean. 0 is maximum likelihood.

    Raises:
        ValueError: if an argument is out of range, or the given graph has a cycle.
    """

    def __init__(
        self,
        structure: Search | Mapping[str, Sequence[str]] = "hill-climb",
        *,
        score: Literal["bic", "bdeu"] = "bic",
        max_parents: int = 3,
        bins: int = 8,
        prior: float = 1.0,
    ) -> None:
        if isinstance(structure, str) and structure not in get_args(Search):
            raise ValueError(f"structure must be one of {', '.join(get_args(Search))}, or a graph; got {structure!r}")
        if score not in ("bic", "bdeu"):
            raise ValueError(f"score must be 'bic' or 'bdeu', got {score!r}")
        for name, value, least in (("max_parents", max_parents, 1), ("bins", bins, 2)):
            if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
                raise ValueError(f"{name} must be a whole number >= {least}, got {value!r}")
        if not 0 <= prior < math.inf:
            raise ValueError(f"prior must be >= 0 and finite, got {prior}")
        if score == "bdeu" and prior == 0:
            raise ValueError("prior must be > 0 for the score 'bdeu', got 0; 1 is usual")
        self.structure: Search | dict[str, tuple[str, ...]]
        if isinstance(structure, str):
            self.structure = structure
        else:
            self.structure = {node: tuple(above) for node, above in structure.items()}
            topological_order(self.structure)
        self.score: Score = score
        self.max_parents, self.bins, self.prior = int(max_parents), int(bins), float(prior)
        self._columns: dict[str, Column] = {}
        self._network: Network | None = None
        self._counts: dict[str, NDArray[np.float64]] = {}

    # Stage 1: learning

    def fit(self, data: pd.DataFrame, *, seed: int = 0, progress: bool = True) -> Self:
        """Choose states, find the graph, count the tables. Nothing is random: both options are the contract's.

        Args:
            data: a table of numbers, categories, text and booleans; missing values become a state of their own.
            seed: not used.
            progress: not used.

        Raises:
            TypeError: if it is no table, or a column holds something else.
            ValueError: if it is empty, a column is all missing, constant, infinite or of too many categories, or a
                given graph is not about these columns.
        """
        columns = columns_of(data, self.bins)
        coded = code_table(data, columns)
        parents = self._graph(coded)
        counts, cpts = {}, {}
        for name in coded.names:
            place = tuple(coded.names.index(column) for column in parents[name])
            counts[name] = coded.counts(coded.names.index(name), place).astype(np.float64)
            cpts[name] = mean_table(counts[name], self.prior)
        self._columns, self._counts = {column.name: column for column in columns}, counts
        self._network = make_network({column.name: column.labels for column in columns}, parents, cpts)
        return self

    def _graph(self, coded: Coded) -> Parents:
        if isinstance(self.structure, dict):
            different = sorted(set(self.structure) ^ set(coded.names))
            if different:
                raise ValueError(
                    f"the graph and the table must have the same columns; only one of them has {', '.join(different)}"
                )
            return self.structure
        if self.structure == "tree":
            return chow_liu(coded)
        if self.structure == "independent":
            return dict.fromkeys(coded.names, ())
        return hill_climb(coded, kind=self.score, prior=self.prior, max_parents=self.max_parents)

    @classmethod
    def from_network(cls, network: Network) -> Self:
        """Make a model of a network whose tables are known; its columns are categories, the network's states.

        Raises:
            ValueError: if a node has more than 255 states.
        """
        for node in network.nodes:
            if len(network.states[node]) > MAX_STATES:
                raise ValueError(f"node {node!r} has {len(network.states[node])} states; at most {MAX_STATES} can be")
        model = cls(network.parents)
        model._network = network
        model._columns = {node: Categories(node, network.states[node], "category") for node in network.nodes}
        return model

    @property
    def network(self) -> Network:
        """Graph and tables, parents before children; raises :class:`NotFittedError` before ``fit``."""
        if self._network is None:
            raise NotFittedError("this BayesNet has not been fitted: call fit(data) or load(path) first")
        return self._network

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order of the table."""
        self.network  # noqa: B018 - refuses before fit
        return tuple(self._columns)

    @property
    def n_parameters(self) -> int:
        """Free numbers in the tables: rows sum to 1, so each has one fewer than it has states."""
        return sum(table.size - table.size // table.shape[-1] for table in self.network.cpts.values())

    # Stage 2: probabilities

    def log_prob(self, x: pd.DataFrame) -> Floats:
        """Return the exact log-probability of each row's states, log P(x) = Σᵢ log P(xᵢ | parents), in nats, (n,).

        Numbers count as the state that they belong to, so it is the probability of a row of bins, and comparable only
        between models of the same bins.

        Raises:
            TypeError: if it is no table.
            ValueError: if a column is lacking, a category was never declared, or a value is missing where none was.
        """
        network = self.network
        coded = code_table(x, tuple(self._columns.values()))
        row = dict(zip(coded.names, coded.codes.astype(np.int64), strict=True))
        total = np.zeros(len(x))
        with np.errstate(divide="ignore"):
            for node in network.nodes:
                total += np.log(network.cpts[node][(*(row[parent] for parent in network.parents[node]), row[node])])
        return total

    def query(self, *wanted: str, given: Given | None = None) -> pd.Series[float]:
        """Return P(wanted | given) over the states, exactly, by variable elimination.

        Args:
            *wanted: one column or more; for several it is their joint distribution.
            given: what is known (see :meth:`sample`).

        Returns:
            Probabilities that sum to 1, indexed by the states' labels.

        Raises:
            ValueError: if a column is unknown, nothing is wanted, or the evidence has probability zero.
        """
        if not wanted:
            raise ValueError(f"name at least one column to ask for; there are {', '.join(self.columns)}")
        for name in wanted:
            self._known(name)
        values = query(self.network, wanted, self._evidence(given)[0])
        labels = [self.network.states[name] for name in wanted]
        if len(wanted) == 1:
            return pd.Series(values, pd.Index(labels[0], name=wanted[0]), name="probability")
        return pd.Series(values.ravel(), pd.MultiIndex.from_product(labels, names=wanted), name="probability")

    def marginals(self, given: Given | None = None) -> dict[str, Floats]:
        """Return P(column | given) for every column, shape (states,) each.

        Raises:
            ValueError: if a column is unknown, or the evidence has probability zero.
        """
        evidence = self._evidence(given)[0]
        return {name: query(self.network, [name], evidence) for name in self.network.nodes}

    def log_prob_of(self, given: Given) -> float:
        """Return log P(given), in nats: how common rows are that meet a condition; ``-inf`` if there are none."""
        return log_evidence(self.network, self._evidence(given)[0])

    def _known(self, name: str) -> Column:
        if name not in self.columns:
            raise ValueError(f"there is no column {name!r}; there are {', '.join(self.columns)}")
        return self._columns[name]

    def _evidence(self, given: Given | None) -> tuple[Evidence, dict[str, Column]]:
        """Return the weight of every state of the known columns, and the columns that draw what meets the condition."""
        read = {name: self._known(name).given(condition) for name, condition in (given or {}).items()}
        evidence = {name: weights for name, (weights, _) in read.items()}
        return evidence, {name: column for name, (_, column) in read.items()}

    # Stage 3: sampling

    def sample(self, n: int, *, seed: int | None = None, given: Given | None = None) -> pd.DataFrame:
        """Draw rows, all of which meet the condition if there is one; nothing is rejected on the way.

        Args:
            n: how many.
            seed: the same seed draws the same rows; without one they are different each time.
            given: for some columns a value, a list of values, or for numbers (least, most), either of them None:
                ``{"children": 2, "age": (40, None), "educ": ["high school", "some college"]}``. None asks for a
                missing value.

        Returns:
            A table with the columns, dtypes and categories of the training data.

        Raises:
            ValueError: if n < 1, or the condition is unreadable or has probability zero.
        """
        network, n = self.network, check_count(n)
        evidence, narrowed = self._evidence(given)
        if evidence:
            query(network, [next(iter(evidence))], evidence)  # refuses the impossible, saying which part of it is
        rng = np.random.default_rng(seed)
        codes = sample_codes(network, n, rng, evidence)
        columns = {**self._columns, **narrowed}
        return pd.DataFrame({name: column.decode(codes[name], rng) for name, column in columns.items()})

    # Stage 4: changing

    def do(self, **settings: object) -> Self:
        """Return the network after an intervention: the columns are set from outside, whatever their parents say.

        Pearl's do-operator (Causality, 2009, section 3.2): all arrows into the columns are cut and each has the state
        that it was set to. It answers "what would happen if" only as far as the arrows are causes.

        Raises:
            ValueError: if a column is unknown, or a setting does not mean exactly one state.
        """
        parents, cpts = dict(self.network.parents), dict(self.network.cpts)
        for name, value in settings.items():
            weights, _ = self._known(name).given(value)
            if np.count_nonzero(weights) != 1:
                raise ValueError(
                    f"do({name}={value!r}) must mean one state; they are {', '.join(self._columns[name].labels)}"
                )
            parents[name], cpts[name] = (), (weights > 0).astype(np.float64)
        return self._with(parents, cpts)

    def without_arrow(self, parent: str, child: str) -> Self:
        """Return the network in which a column no longer listens to one of its parents.

        The child's table becomes Σ_p P(child | p, others) P(p | others): for every setting of the other parents the
        child stays as common as it was, but is the same for every state of that parent.

        Raises:
            ValueError: if there is no such arrow.
        """
        network = self.network
        self._known(parent), self._known(child)
        above = network.parents[child]
        if parent not in above:
            raise ValueError(f"there is no arrow {parent!r} -> {child!r}; the parents of {child!r} are {list(above)}")
        others = tuple(name for name in above if name != parent)
        table = table_without(network, parent, child)
        return self._with({**network.parents, child: others}, {**network.cpts, child: table})

    def draw_tables(self, *, seed: int | None = None) -> Self:
        """Return a network whose tables are one draw from their Dirichlet posterior, Dir(α_jk + N_jk) for each row.

        Rows sampled from many such draws are the posterior predictive: they differ as much as the data leave open.

        Raises:
            ValueError: if the tables were not learned from data, or the prior is 0.
        """
        if not self._counts:
            raise ValueError("these tables were given, not learned from counts: there is no posterior to draw from")
        if self.prior == 0:
            raise ValueError("prior must be > 0 to draw tables: with 0, counts of 0 have no posterior")
        rng = np.random.default_rng(seed)
        cpts = {name: draw_table(self._counts[name], self.prior, rng) for name in self.network.nodes}
        return self._with(self.network.parents, cpts)

    def _with(self, parents: Parents, cpts: Mapping[str, Floats]) -> Self:
        """Return a model of the same columns with another graph and tables; it has no counts."""
        model = type(self)(parents, score="bic", max_parents=self.max_parents, bins=self.bins, prior=self.prior)
        model._columns = dict(self._columns)
        model._network = make_network(self.network.states, parents, cpts)
        return model

    # Stage 5: keeping

    def config(self) -> dict[str, Any]:
        """Return the arguments of the model, its columns and its graph."""
        return {
            "structure": self.structure,
            "score": self.score,
            "max_parents": self.max_parents,
            "bins": self.bins,
            "prior": self.prior,
            "columns": [column.config() for column in self._columns.values()],
            "parents": {} if self._network is None else {node: self._network.parents[node] for node in self._columns},
        }

    def state(self) -> Arrays:
        """Return the tables, and the counts if they were learned, by the number of the column."""
        network = self.network
        names = list(self._columns)
        tables = {f"cpt.{names.index(name)}": network.cpts[name] for name in names}
        return tables | {f"counts.{names.index(name)}": counts for name, counts in self._counts.items()}

    @classmethod
    def from_state(cls, config: dict[str, Any], state: dict[str, torch.Tensor]) -> Self:
        """Make the model from what :meth:`config` and :meth:`state` returned."""
        arguments = {key: config[key] for key in ("score", "max_parents", "bins", "prior")}
        model = cls(config["structure"], **arguments)
        columns = [column_from_config(column) for column in config["columns"]]
        model._columns = {column.name: column for column in columns}
        arrays = {name: tensor.numpy() for name, tensor in state.items()}
        cpts = {column.name: arrays[f"cpt.{i}"] for i, column in enumerate(columns)}
        model._counts = {
            column.name: arrays[f"counts.{i}"] for i, column in enumerate(columns) if f"counts.{i}" in arrays
        }
        parents = {node: tuple(above) for node, above in config["parents"].items()}
        model._network = make_network({column.name: column.labels for column in columns}, parents, cpts)
        return model
