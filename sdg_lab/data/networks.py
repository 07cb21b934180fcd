"""Published Bayesian networks, read from the BIF files that pgmpy ships.

pgmpy has a reader of its own, which the tests hold this one against: it takes 7 s to import and 2 s for a file, where
these few lines take 5 ms.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from functools import partial
from graphlib import CycleError, TopologicalSorter
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from sdg_lab.checks import one_of
from sdg_lab.data import packages
from sdg_lab.data.catalogue import describe, enter
from sdg_lab.data.types import Card, Network

_LICENCE = "MIT (pgmpy); the networks come from the Bayesian network repository of bnlearn, CC BY-SA 3.0"
_UNITS = "probabilities; each row of a table is divided by its sum, since the file rounds them"

Name: TypeAlias = Literal["asia", "alarm", "insurance"]

_CARDS: dict[Name, Card] = {
    "asia": Card(
        name="asia",
        title="Asia: lung diseases and a visit to Asia",
        kind="network",
        source="S. Lauritzen and D. Spiegelhalter (1988), J. R. Statist. Soc. B 50(2):157-224. Shipped by pgmpy",
        licence=_LICENCE,
        shape="8 nodes, 8 edges, 18 free parameters",
        units=_UNITS,
        package="pgmpy",
    ),
    "alarm": Card(
        name="alarm",
        title="ALARM: monitoring a patient in intensive care",
        kind="network",
        source="I. Beinlich, H. Suermondt, R. Chavez and G. Cooper (1989), Proc. 2nd European Conf. on Artificial "
        "Intelligence in Medicine, 247-256. Shipped by pgmpy",
        licence=_LICENCE,
        shape="37 nodes, 46 edges, 509 free parameters",
        units=_UNITS,
        package="pgmpy",
    ),
    "insurance": Card(
        name="insurance",
        title="Insurance: the risks of a car and its driver",
        kind="network",
        source="J. Binder, D. Koller, S. Russell and K. Kanazawa (1997), Machine Learning 29(2-3):213-244. "
        "Shipped by pgmpy",
        licence=_LICENCE,
        shape="27 nodes, 52 edges, 1,008 free parameters",
        units=_UNITS,
        package="pgmpy",
    ),
}

_VARIABLE = re.compile(r"variable\s+(\S+)\s*\{[^}]*?\{([^}]*)\}")
_PROBABILITY = re.compile(r"probability\s*\(\s*(\S+)\s*(?:\|([^)]*))?\)\s*\{([^}]*)\}")
_ROW = re.compile(r"(?:\(([^)]*)\)|table)\s*([^;]*);")


def network(name: Name = "asia") -> Network:
    """Load a Bayesian network with its tables.

    Raises:
        ValueError: for another name.
    """
    one_of("name", name, _CARDS)
    path = packages.file("pgmpy", "utils", "example_models", f"{name}.bif.gz")
    return read_bif(gzip.decompress(path.read_bytes()).decode("utf-8"))


def read_bif(text: str) -> Network:
    """Read a network of discrete variables in the Bayesian Interchange Format.

    Raises:
        ValueError: if there is a cycle, or a row of a table is missing or has another length than the node's states.
    """
    states = {name: _names(values) for name, values in _VARIABLE.findall(text)}
    parents: dict[str, tuple[str, ...]] = {}
    cpts: dict[str, NDArray[np.float64]] = {}
    for node, given, body in _PROBABILITY.findall(text):
        parents[node] = _names(given)
        cpts[node] = _table(node, parents[node], states, body)
    try:
        order = tuple(TopologicalSorter({node: parents[node] for node in states}).static_order())
    except CycleError as error:
        raise ValueError(f"the network has a cycle: {' -> '.join(error.args[1])}") from None
    return Network(order, states, parents, cpts)


def _table(
    node: str, parents: tuple[str, ...], states: Mapping[str, tuple[str, ...]], body: str
) -> NDArray[np.float64]:
    """Fill a table row by row, each at the place that its parents' states name."""
    table = np.full([len(states[name]) for name in (*parents, node)], np.nan)
    for given, numbers in _ROW.findall(body):
        row = np.array([float(number) for number in _names(numbers)])
        if len(row) != len(states[node]):
            raise ValueError(f"a row of {node!r} must hold {len(states[node])} probabilities, got {len(row)}")
        place = tuple(states[parent].index(state) for parent, state in zip(parents, _names(given), strict=True))
        table[place] = row
    if np.isnan(table).any():
        raise ValueError(f"the table of {node!r} lacks a row")
    normalised: NDArray[np.float64] = table / table.sum(axis=-1, keepdims=True)
    return normalised


def _names(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


for _name, _card in _CARDS.items():
    enter(_card, partial(network, _name))
network.__doc__ = "\n\n".join([network.__doc__ or "", *map(describe, _CARDS.values())])
