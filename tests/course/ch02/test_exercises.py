"""Chapter 02: its references against networkx, scipy, the library and enumeration; right answers of another making."""

from __future__ import annotations

import itertools
import math

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import xlogy
from scipy.stats import dirichlet

from sdg_lab import data
from sdg_lab.course.ch02.exercises import (
    bic_of_family,
    dirichlet_posterior,
    eliminate_one,
    joint_log_prob,
    my_d_separated,
)
from sdg_lab.course.engine import registry
from sdg_lab.course.engine.grade import WHEN_GRADING, verdict
from sdg_lab.models.bayes_net import BayesNet
from sdg_lab.models.bayes_net.structure import local_score

ASIA = data.network("asia")


def test_the_probability_of_a_row_is_the_library_s():
    model = BayesNet.from_network(ASIA)
    rows = model.sample(50, seed=0)
    ours = [
        joint_log_prob({node: ASIA.states[node].index(row[node]) for node in ASIA.nodes}, ASIA.parents, ASIA.cpts)
        for row in rows.to_dict("records")
    ]
    np.testing.assert_allclose(ours, model.log_prob(rows), rtol=1e-12)


@given(st.permutations(list(ASIA.nodes)), st.integers(1, len(ASIA.nodes)))
def test_steps_in_any_order_leave_what_enumeration_sums_out(order, steps):
    everything = np.einsum(
        *(
            part
            for node in ASIA.nodes
            for part in (ASIA.cpts[node], [ASIA.nodes.index(n) for n in (*ASIA.parents[node], node)])
        ),
        list(range(len(ASIA.nodes))),
    )
    tables = [((*ASIA.parents[node], node), ASIA.cpts[node]) for node in ASIA.nodes]
    for node in order[:steps]:
        tables = eliminate_one(node, tables)
    axes = [part for names, values in tables for part in (values, [ASIA.nodes.index(name) for name in names])]
    kept = [i for i, node in enumerate(ASIA.nodes) if node not in order[:steps]]
    gone = tuple(ASIA.nodes.index(node) for node in order[:steps])
    np.testing.assert_allclose(np.einsum(*axes, kept), everything.sum(axis=gone), rtol=1e-9)


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(0.1, 20)), min_size=2, max_size=6))
def test_the_posterior_is_scipy_s_dirichlet(cells):
    counts, alpha = np.array(cells, dtype=float).T
    mean, spread = dirichlet_posterior(counts, alpha)
    np.testing.assert_allclose(mean, dirichlet(counts + alpha).mean(), rtol=1e-9)
    np.testing.assert_allclose(spread, np.sqrt(dirichlet(counts + alpha).var()), rtol=1e-9)


@pytest.mark.slow
@given(st.permutations("abcde"), st.lists(st.booleans(), min_size=10, max_size=10))
def test_d_separation_is_networkx_s(names, arrows):
    joined = [pair for pair, arrow in zip(itertools.combinations(names, 2), arrows, strict=True) if arrow]
    graph = nx.DiGraph(joined)
    graph.add_nodes_from(names)
    parents = {node: tuple(graph.predecessors(node)) for node in names}
    for a, b, *others in itertools.permutations(names, 5):
        for known in (set(others[:1]), set(others[:2]), set(others), set()):
            assert my_d_separated(parents, a, b, known) == nx.is_d_separator(graph, {a}, {b}, known)


def test_the_score_is_the_library_s():
    rng = np.random.default_rng(0)
    for shape in ((1, 2), (3, 4), (12, 5)):
        counts = rng.poisson(2, size=shape)
        assert bic_of_family(counts) == pytest.approx(local_score(counts, "bic"), rel=1e-12)


# Right answers of another making


def log_prob_in_plain_python(row, parents, cpts):
    factors = []
    for node in parents:
        table = cpts[node].tolist()
        for parent in parents[node]:
            table = table[row[parent]]
        factors.append(table[row[node]])
    return math.fsum(map(math.log, factors)) if all(factors) else -math.inf


def eliminate_by_broadcasting(name, tables):
    spoken = [table for table in tables if name in table[0]]
    names = sorted({n for axes, _ in spoken for n in axes} - {name})
    new = np.ones(1)
    for axes, values in spoken:
        order = [n for n in [*names, name] if n in axes]
        moved = np.transpose(values, [axes.index(n) for n in order])
        new = new * moved.reshape([moved.shape[order.index(n)] if n in axes else 1 for n in [*names, name]])
    return [[names, new.sum(axis=-1)], *[[list(axes), values] for axes, values in tables if name not in axes]]


def posterior_from_scipy(counts, alpha):
    posterior = dirichlet(np.float32(counts) + alpha)
    return [posterior.mean(), np.sqrt(posterior.var())]


def separated_by_moralising(parents, a, b, known):
    kept, waiting = set(), [a, b, *known]
    while waiting:
        node = waiting.pop()
        if node not in kept:
            kept.add(node)
            waiting += parents[node]
    edges = [pair for node in kept for pair in itertools.combinations((*parents[node], node), 2)]
    reached = {a}
    for _ in parents:
        reached |= {v for u, v in edges + [e[::-1] for e in edges] if u in reached and v not in known}
    return np.bool_(b not in reached)


def bic_by_xlogy(counts):
    q, r = np.shape(counts)
    fit = xlogy(counts, counts).sum() - xlogy(counts.sum(1), counts.sum(1)).sum()
    return np.array([fit - np.log(counts.sum()) / 2 * q * (r - 1)])


@pytest.mark.parametrize("seed", [0, WHEN_GRADING])
@pytest.mark.parametrize(
    ("key", "answer"),
    [
        ("02.factorisation", log_prob_in_plain_python),
        ("02.elimination", eliminate_by_broadcasting),
        ("02.dirichlet", posterior_from_scipy),
        ("02.d_separation", separated_by_moralising),
        ("02.bic", bic_by_xlogy),
    ],
)
def test_right_answers_of_another_making_pass(key, answer, seed):
    assert verdict(registry.find(key), answer, seed=seed).status == "passed"


# Wrong answers that used to pass


def known_names_only(row, parents, cpts):
    order = ("season", "sprinkler", "rain", "wet", "slip")
    return joint_log_prob(row, {node: parents.get(node, ()) for node in order}, cpts)


def two_parents_at_most(row, parents, cpts):
    return joint_log_prob(row, {node: above[:2] for node, above in parents.items()}, cpts)


@pytest.mark.parametrize(
    ("key", "answer"), [("02.factorisation", known_names_only), ("02.factorisation", two_parents_at_most)]
)
def test_answers_for_one_network_only_are_refused(key, answer):
    assert verdict(registry.find(key), answer).status in ("failed", "error")
