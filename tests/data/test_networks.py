from __future__ import annotations

import gzip

import numpy as np
import pytest

from sdg_lab import data
from sdg_lab.data import packages
from sdg_lab.data.networks import read_bif


@pytest.mark.slow
@pytest.mark.parametrize("name", ["asia", "alarm", "insurance"])
def test_every_table_is_the_one_that_pgmpy_reads(name: str) -> None:
    from pgmpy.readwrite import BIFReader

    path = packages.file("pgmpy", "utils", "example_models", f"{name}.bif.gz")
    theirs = BIFReader(string=gzip.decompress(path.read_bytes()).decode()).get_model()
    ours = data.network(name)  # type: ignore[arg-type]
    assert set(ours.nodes) == set(theirs.nodes())
    assert set(ours.edges) == set(theirs.edges())
    for node in ours.nodes:
        cpd = theirs.get_cpds(node)
        # pgmpy has the node's axis first and its own order of states.
        axes = [cpd.variables.index(variable) for variable in (*ours.parents[node], node)]
        values = cpd.values.transpose(axes)
        for axis, variable in enumerate((*ours.parents[node], node)):
            order = [cpd.state_names[variable].index(state) for state in ours.states[variable]]
            values = values.take(order, axis=axis)
        assert np.allclose(ours.cpts[node], values / values.sum(axis=-1, keepdims=True), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "size"), [("asia", (8, 8, 18)), ("alarm", (37, 46, 509)), ("insurance", (27, 52, 1008))]
)
def test_networks_are_as_large_as_published(name: str, size: tuple[int, int, int]) -> None:
    # Nodes, edges and free parameters: as the Bayesian network repository lists them.
    network = data.network(name)  # type: ignore[arg-type]
    assert repr(network) == "<Network: {:,} nodes, {:,} edges, {:,} free parameters>".format(*size)
    assert data.catalog().loc[name, "shape"] == "{:,} nodes, {:,} edges, {:,} free parameters".format(*size)


def test_asia_is_rarely_visited_and_smoking_harms() -> None:
    # Lauritzen and Spiegelhalter (1988), table 1.
    asia = data.network("asia")
    assert asia.cpts["asia"].tolist() == [0.01, 0.99]
    assert asia.states["lung"] == ("yes", "no")
    assert asia.cpts["lung"].tolist() == [[0.1, 0.9], [0.01, 0.99]]


def test_refuses_other_networks() -> None:
    with pytest.raises(ValueError, match=r"^name must be one of asia, alarm, insurance, got 'cancer'$"):
        data.network("cancer")  # type: ignore[arg-type]


BIF = """
variable a { type discrete [ 2 ] { yes, no }; }
variable b { type discrete [ 2 ] { yes, no }; }
probability ( a ) { table 0.3, 0.7; }
probability ( b | a ) { (yes) 0.1, 0.9; (no) 0.2, 0.8; }
"""


def test_a_network_of_two_nodes() -> None:
    network = read_bif(BIF)
    assert network.nodes == ("a", "b")
    assert network.cpts["b"].tolist() == [[0.1, 0.9], [0.2, 0.8]]


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("(no) 0.2, 0.8;", "", "the table of 'b' lacks a row"),
        ("(no) 0.2, 0.8;", "(no) 0.2;", "a row of 'b' must hold 2 probabilities, got 1"),
        ("( a ) { table 0.3, 0.7; }", "( a | b ) { (yes) 0.5, 0.5; (no) 0.5, 0.5; }", "the network has a cycle: "),
    ],
)
def test_refuses_damaged_networks(before: str, after: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{sentence}"):
        read_bif(BIF.replace(before, after))
