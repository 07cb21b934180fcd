"""Learning graphs: scores, distances and d-separation against pgmpy, trees and searches against all graphs."""

from __future__ import annotations

import itertools

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdg_lab import data
from sdg_lab.models.bayes_net import BayesNet
from sdg_lab.models.bayes_net.dag import compelled_edges, d_separated, structural_hamming_distance, topological_order
from sdg_lab.models.bayes_net.structure import (
    _Search,
    chow_liu,
    hill_climb,
    local_score,
    mutual_information,
    structure_score,
)
from sdg_lab.tables.codec import code_table


@pytest.fixture(scope="module")
def asia() -> BayesNet:
    return BayesNet.from_network(data.network("asia"))


@pytest.fixture(scope="module")
def alarm_rows() -> pd.DataFrame:
    return BayesNet.from_network(data.network("alarm")).sample(2000, seed=0)


@st.composite
def graphs(draw: st.DrawFn, most: int = 6) -> dict[str, tuple[str, ...]]:
    n = draw(st.integers(2, most))
    names = [f"x{i}" for i in range(n)]
    order = draw(st.permutations(names))
    return {
        name: tuple(other for other in names if order.index(other) < order.index(name) and draw(st.booleans()))
        for name in names
    }


# Graphs


def every_question(graph):
    """Yield all pairs of nodes, each given all sets of the others."""
    for a, b in itertools.combinations(graph, 2):
        others = [node for node in graph if node not in (a, b)]
        for size in range(len(others) + 1):
            yield from ((a, b, set(known)) for known in itertools.combinations(others, size))


@settings(max_examples=60)
@given(graphs(5))
def test_d_separation_is_networkxs(graph):
    peer = nx.DiGraph([(parent, node) for node, above in graph.items() for parent in above])
    peer.add_nodes_from(graph)
    for a, b, known in every_question(graph):
        assert d_separated(graph, a, b, known) == nx.is_d_separator(peer, {a}, {b}, known)


def test_a_collider_is_opened_from_far_below():
    graph = {"x": (), "y": (), "m": ("x", "y"), "c": ("m",), "d": ("c",), "e": ("m",)}
    assert d_separated(graph, "x", "y")
    assert d_separated(graph, "d", "e", {"m"})
    for below in "mcde":
        assert not d_separated(graph, "x", "y", {below})


@settings(max_examples=100)
@given(graphs(5))
def test_the_equivalence_class_is_found_among_all_graphs(graph):
    """An arrow is compelled exactly if every graph with the same edges and open colliders has it."""
    names = list(graph)

    def signature(edges):
        joined = {frozenset(edge) for edge in edges}
        colliders = {
            (frozenset((a, b)), head)
            for (a, head), (b, other) in itertools.permutations(edges, 2)
            if head == other and frozenset((a, b)) not in joined
        }
        return joined, colliders

    edges = [(parent, node) for node, above in graph.items() for parent in above]
    if len(edges) > 7:
        return
    members = []
    for turned in itertools.product([False, True], repeat=len(edges)):
        other = [edge[::-1] if turn else edge for edge, turn in zip(edges, turned, strict=True)]
        try:
            topological_order({name: tuple(p for p, c in other if c == name) for name in names})
        except ValueError:
            continue
        if signature(other) == signature(edges):
            members.append(set(other))
    arrows, undirected = compelled_edges(graph)
    assert arrows == set.intersection(*members) if members else not edges
    assert undirected == {frozenset(edge) for edge in edges} - {frozenset(edge) for edge in arrows}


def test_graphs_that_mean_the_same_have_distance_zero():
    chain = {"a": (), "b": ("a",), "c": ("b",)}
    fork = {"a": ("b",), "b": (), "c": ("b",)}
    collider = {"a": (), "b": ("a", "c"), "c": ()}
    nothing = {"a": (), "b": (), "c": ()}
    assert structural_hamming_distance(chain, fork) == 0
    assert structural_hamming_distance(chain, collider) == 2
    assert structural_hamming_distance(chain, nothing) == 2
    with pytest.raises(ValueError, match="the graphs must have the same nodes"):
        structural_hamming_distance(chain, {"a": ()})


def test_a_cycle_is_named_and_unknown_nodes_too():
    with pytest.raises(ValueError, match=r"the graph has a cycle: .*b.* -> .*; remove one of its arrows"):
        topological_order({"a": ("c",), "b": ("a",), "c": ("b",)})
    with pytest.raises(ValueError, match="'z' is not a node; there are a, b"):
        d_separated({"a": (), "b": ()}, "a", "z")
    with pytest.raises(ValueError, match="must be two different nodes, and neither of them given"):
        d_separated({"a": (), "b": ()}, "a", "b", ["a"])
    with pytest.raises(ValueError, match=r"given must be several values, such as \['cd'\], got 'cd'"):
        d_separated(dict.fromkeys("abcd", ()), "a", "b", "cd")


# Scores


@pytest.mark.parametrize("name", ["asia", "alarm"])
def test_scores_are_pgmpys(name):
    from pgmpy.base import DAG
    from pgmpy.estimators import BIC, BDeu

    network = data.network(name)
    rows = BayesNet.from_network(network).sample(2000, seed=0)
    states = {node: list(network.states[node]) for node in network.nodes}
    peer_graph = DAG(network.edges)
    peer_graph.add_nodes_from(network.nodes)
    coded = code_table(rows)
    text = rows.astype(str)
    graph = {node: network.parents[node] for node in coded.names}
    assert structure_score(coded, graph, "bic") == pytest.approx(
        BIC(text, state_names=states).score(peer_graph), rel=1e-10
    )
    assert structure_score(coded, graph, "bdeu", 10) == pytest.approx(
        BDeu(text, state_names=states, equivalent_sample_size=10).score(peer_graph), rel=1e-10
    )


@pytest.mark.parametrize("kind", ["bic", "bdeu", "log-likelihood"])
def test_equivalent_graphs_score_the_same(asia, kind):
    coded = code_table(asia.sample(500, seed=0)[["smoke", "lung", "bronc"]])
    chain = {"smoke": ("lung",), "lung": (), "bronc": ("smoke",)}
    fork = {"smoke": (), "lung": ("smoke",), "bronc": ("smoke",)}
    assert structure_score(coded, chain, kind) == pytest.approx(structure_score(coded, fork, kind), rel=1e-12)


def test_the_log_likelihood_score_is_the_fitted_models():
    rows = BayesNet.from_network(data.network("asia")).sample(400, seed=0)
    model = BayesNet("tree", prior=0).fit(rows)
    want = structure_score(code_table(rows), model.network.parents, "log-likelihood")
    assert model.log_prob(rows).sum() == pytest.approx(want, rel=1e-12)


def test_bdeu_is_the_probability_of_the_rows_one_after_another():
    """Polya's urn: each row's probability is the mean table given the rows before it."""
    rows = [0, 1, 1, 0, 1, 1, 1]
    alpha, seen, nats = 0.5, np.zeros(2), 0.0
    for state in rows:
        nats += np.log((seen[state] + alpha / 2) / (seen.sum() + alpha))
        seen[state] += 1
    assert local_score(np.bincount(rows), "bdeu", alpha) == pytest.approx(nats, abs=1e-12)


def test_all_pairs_are_counted_as_one_by_one(alarm_rows):
    coded = code_table(alarm_rows)
    pairs, edges = coded.pair_counts(), np.cumsum([0, *coded.sizes])
    for i, j in ((0, 5), (7, 3), (36, 20)):
        block = pairs[edges[i] : edges[i + 1], edges[j] : edges[j + 1]]
        np.testing.assert_array_equal(block, coded.counts(j, (i,)))


# Searches


def test_mutual_information_is_scikit_learns(alarm_rows):
    from sklearn.metrics import mutual_info_score

    coded = code_table(alarm_rows)
    ours = mutual_information(coded)
    for i, j in ((0, 1), (4, 30), (12, 13), (6, 6)):
        assert ours[i, j] == pytest.approx(mutual_info_score(coded.codes[i], coded.codes[j]), abs=1e-10)


def test_chow_liu_is_the_best_of_all_trees(asia):
    coded = code_table(asia.sample(300, seed=3)[["smoke", "lung", "bronc", "dysp", "xray"]])
    names = coded.names

    def likelihood(edges):
        graph = dict.fromkeys(names, ())
        waiting, left = [names[0]], set(edges)
        for node in waiting:
            for edge in [edge for edge in left if node in edge]:
                (other,) = set(edge) - {node}
                if graph[other] or other == names[0]:
                    return -np.inf  # a cycle
                graph[other] = (node,)
                waiting.append(other)
                left.discard(edge)
        return structure_score(coded, graph, "log-likelihood") if len(waiting) == len(names) else -np.inf

    pairs = list(itertools.combinations(names, 2))
    best = max(likelihood(edges) for edges in itertools.combinations(pairs, len(names) - 1))
    assert structure_score(coded, chow_liu(coded), "log-likelihood") == pytest.approx(best, rel=1e-12)
    assert list(chow_liu(coded)) == list(names)


def test_chow_liu_is_networkxs_maximum_spanning_tree(alarm_rows):
    """The weights of the edges are the same, though of equal ones either may be taken."""
    coded = code_table(alarm_rows)
    weights = mutual_information(coded)
    theirs = nx.maximum_spanning_tree(nx.from_numpy_array(weights - np.diag(np.diag(weights))))
    place = {name: i for i, name in enumerate(coded.names)}
    tree = chow_liu(coded)
    topological_order(tree)
    ours = [weights[place[child], place[parent]] for child, above in tree.items() for parent in above]
    assert sum(not above for above in tree.values()) == 1
    np.testing.assert_allclose(sorted(ours), sorted(weights[a, b] for a, b in theirs.edges), rtol=1e-12)


def test_hill_climbing_finds_the_best_of_all_graphs_of_four_nodes(asia):
    names = ("smoke", "lung", "bronc", "dysp")
    coded = code_table(asia.sample(2000, seed=5)[list(names)])
    best = -np.inf
    families = {
        (node, above): structure_score(coded, {node: above}, "bic")
        for node in names
        for size in range(4)
        for above in itertools.combinations([other for other in names if other != node], size)
    }
    for choice in itertools.product(*([a for n, a in families if n == node] for node in names)):
        graph = dict(zip(names, choice, strict=True))
        try:
            topological_order(graph)
        except ValueError:
            continue
        best = max(best, sum(families[node, above] for node, above in graph.items()))
    found = hill_climb(coded)
    assert structure_score(coded, found, "bic") == pytest.approx(best, rel=1e-12)


def test_a_search_keeps_its_bounds_and_its_memory_pays(alarm_rows):
    coded = code_table(alarm_rows)
    plain, patient = (hill_climb(coded, patience=patience, max_parents=2) for patience in (0, 30))
    for graph in (plain, patient):
        topological_order(graph)
        assert max(map(len, graph.values())) <= 2
    assert structure_score(coded, patient) > structure_score(coded, plain) + 1
    assert structure_score(coded, plain) > structure_score(coded, dict.fromkeys(coded.names, ()))


@settings(max_examples=25)
@given(graphs(5))
def test_a_search_goes_to_every_graph_one_arrow_away_and_knows_what_each_brings(asia, graph):
    """Added, removed or turned, as long as no cycle comes of it; against networkx, and the scores of whole graphs."""
    coded = code_table(asia.sample(200, seed=1)[list(asia.columns[: len(graph)])])
    names = dict(zip(graph, coded.names, strict=True))
    place = {name: i for i, name in enumerate(graph)}
    arrows = np.zeros((len(graph),) * 2, dtype=bool)
    for node, above in graph.items():
        arrows[[place[parent] for parent in above], place[node]] = True

    def score(matrix):
        parents = {
            coded.names[j]: tuple(coded.names[i] for i in np.flatnonzero(matrix[:, j])) for j in range(len(matrix))
        }
        return structure_score(coded, parents)

    wanted = {}
    for i, j in itertools.permutations(range(len(names)), 2):
        other = arrows.copy()
        other[i, j] = not arrows[i, j]
        turned = other.copy()
        turned[j, i] = arrows[i, j]
        for matrix in (other, turned):
            if not np.array_equal(matrix, arrows) and nx.is_directed_acyclic_graph(
                nx.from_numpy_array(matrix, create_using=nx.DiGraph)
            ):
                wanted[matrix.tobytes()] = score(matrix) - score(arrows)
    search = _Search(coded, "bic", 1.0, max_parents=9)
    search.become(arrows)
    found = [(gain, matrix.tobytes()) for gain, matrix in search.steps()]
    assert {matrix for _, matrix in found} == wanted.keys()
    np.testing.assert_allclose(
        [gain for gain, _ in found], [wanted[matrix] for _, matrix in found], rtol=1e-9, atol=1e-9
    )
    assert (np.diff([gain for gain, _ in found]) <= 1e-6).all()  # the best first


def test_of_equal_steps_the_first_is_taken_whatever_the_last_bit_says(asia):
    """i → j and j → i bring the same to an empty graph; a processor's rounding must not choose between them."""
    coded = code_table(asia.sample(500, seed=0))
    search = _Search(coded, "bic", 1.0, 3)
    order = [matrix.tobytes() for _, matrix in search.steps()]
    noise = np.random.default_rng(0).uniform(-1e-9, 1e-9, search.toggled.shape)
    search.toggled = search.toggled + noise
    assert [matrix.tobytes() for _, matrix in search.steps()] == order


def test_no_node_gets_more_parents_than_allowed():
    rng = np.random.default_rng(0)
    causes = rng.integers(0, 2, (4, 3000))
    rows = pd.DataFrame({name: cause.astype(str) for name, cause in zip("abcd", causes, strict=True)})
    rows["sum"] = (causes.sum(axis=0) + (rng.random(3000) < 0.05)).astype(str)
    found = {most: hill_climb(code_table(rows), max_parents=most) for most in (1, 2, 4)}
    assert [max(map(len, graph.values())) for graph in found.values()] == [1, 2, 4]


def test_more_rows_bring_the_graph_nearer_to_the_truth():
    network = data.network("asia")
    truth = {node: network.parents[node] for node in network.nodes}
    model = BayesNet.from_network(network)
    distances = [
        structural_hamming_distance(hill_climb(code_table(model.sample(n, seed=0))), truth) for n in (100, 30_000)
    ]
    assert distances[1] < distances[0]
    assert distances[1] <= 3  # the arrows of a visit to Asia are seen once in thousands of rows
