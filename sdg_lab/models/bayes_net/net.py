"""Bayesian networks: a graph that says what depends on what, and one table of probabilities for each node.

The joint probability of a row is a product with one factor a column ::

    P(x₁ … x_d) = ∏ᵢ P(xᵢ | parents of xᵢ)

Everything is exact: the likelihood, rows drawn on a condition, every marginal under evidence. Tables of mixed types are
turned into states first (:mod:`sdg_lab.tables.codec`) and drawn back afterwards.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import ArrayLike

from sdg_lab.checks import number, one_of, seed_or_none, several, whole
from sdg_lab.data.types import Network
from sdg_lab.models.bayes_net.cpt import Floats, draw_table, make_network, mean_table
from sdg_lab.models.bayes_net.dag import Parents, topological_order
from sdg_lab.models.bayes_net.inference import Evidence, log_evidence, query, table_without
from sdg_lab.models.bayes_net.sampling import sample_codes
from sdg_lab.models.bayes_net.structure import chow_liu, hill_climb
from sdg_lab.models.contract import SyntheticModel, check_count
from sdg_lab.tables.categories import Categories, Column
from sdg_lab.tables.codec import MAX_STATES, code_table, column_from_config, columns_of
from sdg_lab.tables.coded import Coded
from sdg_lab.tables.columns import as_table

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

Search: TypeAlias = Literal["hill-climb", "tree", "independent"]
Given: TypeAlias = Mapping[str, object]
"""What is known of some columns: a value, a list of values, or for numbers (least, most)."""


class BayesNet(SyntheticModel["pd.DataFrame"]):
    """A Bayesian network over the columns of a table.

    Args:
        structure: how to find the graph: ``"hill-climb"`` (any graph, by its BIC), ``"tree"`` (Chow–Liu),
            ``"independent"`` (no arrows, the baseline), or the graph itself, the parents of each column.
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
        max_parents: int = 3,
        bins: int = 8,
        prior: float = 1.0,
    ) -> None:
        self.structure: Search | dict[str, tuple[str, ...]]
        if isinstance(structure, Mapping):
            self.structure = {node: several(f"the parents of {node!r}", above) for node, above in structure.items()}
            topological_order(self.structure)
        else:
            self.structure = one_of("structure", structure, get_args(Search))
        self.max_parents = whole("max_parents", max_parents, least=1)
        self.bins, self.prior = whole("bins", bins, least=2), number("prior", prior, least=0)
        self._columns: dict[str, Column] = {}
        self._network: Network | None = None
        self._counts: dict[str, Floats] = {}

    def __repr__(self) -> str:
        if self._network is None:
            return "<BayesNet: not fitted>"
        arrows, columns = len(self._network.edges), len(self._network)
        return f"<BayesNet: {columns} columns, {arrows} arrows, {self.n_parameters:,} free parameters>"

    # Stage 1: learning

    def fit(
        self, data: pd.DataFrame | ArrayLike, y: ArrayLike | None = None, *, seed: int = 0, progress: bool = True
    ) -> Self:
        """Choose states, find the graph, count the tables. Nothing is random: both options are the contract's.

        Args:
            data: a table of numbers, categories, text and booleans; missing values become a state of their own. An
                array (n, columns) becomes a table of the columns x0, x1, ...
            y: one value for each row: one more column, the last, called y unless it brings a name of its own.
            seed: not used.
            progress: not used.

        Raises:
            TypeError: if it is neither, or a column holds something else.
            ValueError: if it is empty, a shape does not fit, a column is all missing, constant, infinite, of too many
                categories or of whole numbers beyond 2⁵³, or a given graph is not about these columns.
        """
        table = as_table(data, y)
        columns = columns_of(table, self.bins)
        coded = code_table(table, columns)
        parents = self._graph(coded)
        counts, cpts = {}, {}
        for name in coded.names:
            place = tuple(coded.names.index(column) for column in parents[name])
            counts[name] = coded.counts(coded.names.index(name), place).astype(np.float64)
            cpts[name] = mean_table(counts[name], self.prior)
        network = make_network({column.name: column.labels for column in columns}, parents, cpts)
        self._columns, self._counts, self._network = {column.name: column for column in columns}, counts, network
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
        return hill_climb(coded, max_parents=self.max_parents)

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
    def fitted(self) -> bool:
        """Whether there is a network."""
        return self._network is not None

    @property
    def network(self) -> Network:
        """Graph and tables, parents before children; raises :class:`NotFittedError` before ``fit``."""
        self.require_fitted()
        assert self._network is not None
        return self._network

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order of the table."""
        self.require_fitted()
        return tuple(self._columns)

    @property
    def n_parameters(self) -> int:
        """Free numbers in the tables: rows sum to 1, so each has one fewer than it has states."""
        return sum(table.size - table.size // table.shape[-1] for table in self.network.cpts.values())

    # Stage 2: probabilities

    def log_prob(self, x: pd.DataFrame | ArrayLike, y: ArrayLike | None = None) -> Floats:
        """Return the exact log-probability of each row's states, log P(x) = Σᵢ log P(xᵢ | parents), in nats, (n,).

        Numbers count as the state that they belong to, so it is the probability of a row of bins, and comparable only
        between models of the same bins.

        Args:
            x: a table with the columns of the training data, or an array, as in :meth:`fit`.
            y: as in :meth:`fit`.

        Raises:
            TypeError: if it is neither.
            ValueError: if a column is lacking, a category was never declared, or a value is missing where none was.
        """
        network = self.network
        coded = code_table(as_table(x, y), tuple(self._columns.values()))
        row = dict(zip(coded.names, coded.codes.astype(np.int64), strict=True))
        total = np.zeros(coded.codes.shape[1])
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
        import pandas as pd

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
        if given is not None and not isinstance(given, Mapping):
            raise TypeError(f"given must say what is known of some columns, such as {{'age': 40}}, got {given!r}")
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
                ``{"children": 2, "age": (40, None), "educ": ["high school", "some college"]}``. None, or the
                label ``"missing"``, asks for a missing value.

        Returns:
            A table with the columns, dtypes and categories of the training data.

        Raises:
            ValueError: if n < 1, or the condition is unreadable or has probability zero.
        """
        import pandas as pd

        network, n = self.network, check_count(n)
        evidence, narrowed = self._evidence(given)
        if evidence:
            query(network, [next(iter(evidence))], evidence)  # refuses the impossible, saying which part of it is
        rng = np.random.default_rng(seed_or_none(seed))
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
        """Return the network in which a column no longer depends on one of its parents.

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
        rng = np.random.default_rng(seed_or_none(seed))
        cpts = {name: draw_table(self._counts[name], self.prior, rng) for name in self.network.nodes}
        return self._with(self.network.parents, cpts)

    def _with(self, parents: Parents, cpts: Mapping[str, Floats]) -> Self:
        """Return a model of the same columns with another graph and tables; it has no counts."""
        model = type(self)(parents, max_parents=self.max_parents, bins=self.bins, prior=self.prior)
        model._columns = dict(self._columns)
        model._network = make_network(self.network.states, parents, cpts)
        return model

    # Stage 5: keeping

    def facts(self) -> dict[str, Any]:
        """Return the columns and the graph."""
        network = self.network
        return {
            "columns": [column.config() for column in self._columns.values()],
            "parents": {node: network.parents[node] for node in self._columns},
        }

    def state(self) -> dict[str, Floats]:
        """Return the tables, and the counts if they were learned, by the number of the column."""
        network = self.network
        names = list(self._columns)
        tables = {f"cpt.{names.index(name)}": network.cpts[name] for name in names}
        return tables | {f"counts.{names.index(name)}": counts for name, counts in self._counts.items()}

    def restore(self, state: dict[str, Tensor], facts: dict[str, Any]) -> None:
        """Take the columns, graph and tables of a saved network; :class:`ValueError` if they do not fit together."""
        columns = [column_from_config(column) for column in facts["columns"]]
        arrays = {name: np.asarray(values) for name, values in state.items()}
        cpts = {column.name: arrays[f"cpt.{i}"] for i, column in enumerate(columns)}
        counts = {column.name: arrays[f"counts.{i}"] for i, column in enumerate(columns) if f"counts.{i}" in arrays}
        parents = {node: tuple(above) for node, above in facts["parents"].items()}
        network = make_network({column.name: column.labels for column in columns}, parents, cpts)
        self._columns, self._counts, self._network = {column.name: column for column in columns}, counts, network
