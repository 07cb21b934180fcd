"""Inference, sampling and tables of a Bayesian network: against enumeration and pgmpy, and what every model owes."""

from __future__ import annotations

import itertools
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pgmpy.factors.discrete import TabularCPD
from pgmpy.inference import VariableElimination
from pgmpy.models import DiscreteBayesianNetwork
from scipy.stats import chisquare, kstest

from sdg_lab import data
from sdg_lab.data.types import Network
from sdg_lab.models.bayes_net import BayesNet
from sdg_lab.models.bayes_net.cpt import draw_table, make_network
from sdg_lab.models.bayes_net.inference import eliminate, factors_of
from sdg_lab.models.bayes_net.sampling import RowDrawer
from sdg_lab.models.contract import NotFittedError


@pytest.fixture(scope="module")
def asia() -> BayesNet:
    return BayesNet.from_network(data.network("asia"))


@pytest.fixture(scope="module")
def alarm() -> BayesNet:
    return BayesNet.from_network(data.network("alarm"))


@pytest.fixture(scope="module")
def people() -> pd.DataFrame:
    """All kinds of columns, with missing values, and dependences to learn."""
    rng = np.random.default_rng(0)
    n = 3000
    age = rng.integers(18, 80, n)
    town = rng.choice(["Ulm", "Bern", "Graz"], n, p=[0.5, 0.3, 0.2])
    table = pd.DataFrame(
        {
            "age": age,
            "town": town,
            "income": (rng.gamma(3, 600, n) + 40 * age).round(2),
            "children": rng.poisson(age / 40).astype(float),
            "size": rng.normal(170, 9, n),
            "member": rng.random(n) < age / 100,
            "grade": pd.Categorical(rng.choice(list("CBA"), n), categories=list("DCBA"), ordered=True),
        }
    )
    table.loc[rng.random(n) < 0.1, "income"] = np.nan
    table.loc[rng.random(n) < 0.05, "grade"] = None
    table["visits"] = pd.array(np.where(rng.random(n) < 0.1, None, rng.poisson(2, n)), dtype="Int64")
    return table


def every_row(network: Network) -> pd.DataFrame:
    rows = itertools.product(*(network.states[node] for node in network.nodes))
    table = pd.DataFrame(rows, columns=list(network.nodes))
    return table.astype({node: pd.CategoricalDtype(network.states[node]) for node in network.nodes})


# Against exact enumeration


def test_the_probabilities_of_all_rows_sum_to_one(asia):
    assert np.exp(asia.log_prob(every_row(asia.network))).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize(
    "known", [{}, {"xray": "yes"}, {"dysp": "yes", "asia": "yes"}, {"either": "no", "smoke": "yes", "bronc": "no"}]
)
def test_every_marginal_of_asia_is_the_sum_over_all_rows(asia, known):
    rows = every_row(asia.network)
    weight = pd.Series(np.exp(asia.log_prob(rows)))
    for column, state in known.items():
        weight = weight * (rows[column] == state)
    assert asia.log_prob_of(known) == pytest.approx(np.log(weight.sum()), abs=1e-12)
    for node in asia.columns:
        want = weight.groupby(rows[node], observed=False).sum() / weight.sum()
        np.testing.assert_allclose(asia.query(node, given=known), want, rtol=0, atol=1e-12)
    joint = weight.groupby([rows["lung"], rows["dysp"]], observed=False).sum() / weight.sum()
    np.testing.assert_allclose(asia.query("lung", "dysp", given=known), joint, rtol=0, atol=1e-12)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Small graphs with random tables, some of whose probabilities are zero."""
    sizes = draw(st.lists(st.integers(2, 3), min_size=2, max_size=5))
    names = [f"x{i}" for i in range(len(sizes))]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    parents = {name: tuple(names[j] for j in range(i) if draw(st.booleans()))[:3] for i, name in enumerate(names)}
    cpts = {}
    for name, size in zip(names, sizes, strict=True):
        shape = (*(sizes[names.index(parent)] for parent in parents[name]), size)
        weights = rng.gamma(0.5, size=shape) * (rng.random(shape) < 0.8)
        weights[..., 0] += 0.01
        cpts[name] = weights / weights.sum(axis=-1, keepdims=True)
    return make_network({n: tuple("abc"[:s]) for n, s in zip(names, sizes, strict=True)}, parents, cpts)


@settings(max_examples=60)
@given(networks(), st.data())
def test_elimination_is_enumeration_on_any_network(network, data):
    model = BayesNet.from_network(network)
    rows = every_row(network)
    weight = pd.Series(np.exp(model.log_prob(rows)))
    known = {
        node: sorted(data.draw(st.sets(st.sampled_from(network.states[node]), min_size=1), label=node))
        for node in network.nodes
        if data.draw(st.booleans())
    }
    for node, states in known.items():
        weight = weight * rows[node].isin(states)
    wanted = network.nodes[-1]
    if weight.sum() == 0:
        with pytest.raises(ValueError, match="the evidence has probability zero"):
            model.query(wanted, given=known)
        return
    want = weight.groupby(rows[wanted], observed=False).sum() / weight.sum()
    np.testing.assert_allclose(model.query(wanted, given=known), want, rtol=0, atol=1e-12)


@pytest.mark.parametrize("known", [{}, {"xray": "yes"}, {"dysp": "no", "smoke": ["yes", "no"]}])
def test_all_marginals_are_those_asked_for_one_by_one(asia, known):
    found = asia.marginals(known)
    assert set(found) == set(asia.columns)
    for node, marginal in found.items():
        np.testing.assert_allclose(marginal, asia.query(node, given=known), rtol=0, atol=1e-12)


# Against pgmpy, given the same tables (its own copies hold the file's rounded rows)


def as_pgmpy(network: Network) -> DiscreteBayesianNetwork:
    peer = DiscreteBayesianNetwork(network.edges)
    peer.add_nodes_from(network.nodes)
    for node in network.nodes:
        above, size = network.parents[node], len(network.states[node])
        table = network.cpts[node].reshape(-1, size).T
        names = {name: list(network.states[name]) for name in (*above, node)}
        sizes = [len(network.states[name]) for name in above]
        peer.add_cpds(TabularCPD(node, size, table, evidence=above, evidence_card=sizes, state_names=names))
    return peer


@pytest.mark.parametrize("name", ["asia", "alarm"])
def test_marginals_are_pgmpys(name, request):
    ours, peer = request.getfixturevalue(name), VariableElimination(as_pgmpy(request.getfixturevalue(name).network))
    rows = ours.sample(4, seed=1)
    for i, observed in enumerate(([], list(rows)[:3], list(rows)[-4:], list(rows)[::5])):
        known = {node: rows.loc[i, node] for node in observed}
        for node in ours.columns:
            if node in known:
                continue
            theirs = peer.query([node], evidence=known, show_progress=False)
            want = [theirs.get_value(**{node: state}) for state in ours.network.states[node]]
            np.testing.assert_allclose(ours.query(node, given=known), want, rtol=0, atol=1e-10)


def test_elimination_never_makes_a_large_table(alarm):
    """ALARM has 37 variables; in a good order no product spans more than five of them."""
    network = alarm.network
    steps, _, _ = eliminate(factors_of(network, {}, network.nodes))
    assert max(np.size(step.factor.values) for step in steps) <= 500


# Sampling


@pytest.mark.parametrize("known", [{}, {"dysp": "yes"}, {"xray": "yes", "bronc": "no"}, {"either": "yes", "tub": "no"}])
def test_rows_are_drawn_as_often_as_they_are_probable(asia, known):
    n = 40_000
    rows = every_row(asia.network)
    for column, state in known.items():
        rows = rows[rows[column] == state]
    wanted = np.exp(asia.log_prob(rows) - asia.log_prob_of(known))
    samples = asia.sample(n, seed=4, given=known)
    seen = samples.value_counts()
    observed = np.array([seen.get(row, 0) for row in rows.itertuples(index=False, name=None)])
    assert observed.sum() == n  # nothing that breaks the condition or is impossible
    assert not observed[wanted == 0].any()
    common = wanted * n > 5
    cells = [*observed[common], observed[~common].sum()]
    expected = np.array([*wanted[common], wanted[~common].sum()])
    assert chisquare(np.array(cells)[expected > 0], expected[expected > 0] / expected.sum() * n).pvalue > 1e-3


def test_a_condition_that_one_row_in_millions_meets_is_drawn_exactly(alarm):
    known = {"LVFAILURE": "TRUE", "ANAPHYLAXIS": "TRUE", "KINKEDTUBE": "TRUE", "INTUBATION": "ESOPHAGEAL"}
    assert alarm.log_prob_of(known) < np.log(1e-6)
    samples = alarm.sample(20_000, seed=0, given={**known, "BP": "HIGH"})
    assert (samples[list(known)] == pd.Series(known)).all(axis=None)
    for node in ("HR", "CO", "SAO2"):
        want = alarm.query(node, given={**known, "BP": "HIGH"})
        share = samples[node].value_counts(normalize=True)[list(want.index)]
        np.testing.assert_allclose(share, want, atol=4 * 0.5 / np.sqrt(20_000))


class Always:
    """A generator whose uniform numbers are all one."""

    def __init__(self, uniform: float) -> None:
        self.uniform = uniform

    def random(self, n: int) -> np.ndarray:
        return np.full(n, self.uniform)


@given(
    st.lists(st.lists(st.floats(0, 1), min_size=5, max_size=5).filter(lambda row: sum(row) > 0.1), min_size=1),
    st.one_of(st.floats(0, 1, exclude_max=True), st.just(float(np.nextafter(1, 0))), st.just(0.0)),
)
def test_a_draw_inverts_the_cumulative_sums_of_its_row(rows, uniform):
    """The state k whose stretch of the unit interval holds the uniform number; never one of probability 0."""
    table = np.array(rows)
    drawn = RowDrawer(("a",), table).draw({"a": np.arange(len(rows), dtype=np.uint8)}, len(rows), Always(uniform))
    for row, state in zip(table, drawn, strict=True):
        assert row[state] > 0
        assert row[:state].sum() <= uniform * row.sum() + 1e-12
        assert row[: state + 1].sum() >= uniform * row.sum() - 1e-12


def test_two_variables_choose_the_row_in_the_order_of_the_axes():
    table = np.eye(6).reshape(2, 3, 6)  # the state drawn is the number of the row
    a, b = np.array([0, 0, 1, 1], dtype=np.uint8), np.array([0, 2, 0, 2], dtype=np.uint8)
    drawn = RowDrawer(("a", "b"), table).draw({"b": b, "a": a}, 4, np.random.default_rng(0))
    np.testing.assert_array_equal(drawn, 3 * a + b)


def test_impossible_states_are_never_drawn():
    drawer = RowDrawer(("a",), np.array([[0, 0.1, 0, 0.2, 0.7 - 1e-12, 0], [1, 0, 0, 0, 0, 0]]))
    drawn = drawer.draw({"a": np.repeat([0, 1], 50_000).astype(np.uint8)}, 100_000, np.random.default_rng(0))
    assert set(drawn[:50_000]) == {1, 3, 4}
    assert set(drawn[50_000:]) == {0}


def test_memory_grows_with_the_rows_and_no_faster(alarm):
    def peak(n: int) -> int:
        tracemalloc.start()
        alarm.sample(n, seed=0)
        try:
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    few, many = peak(2**17), peak(2**19)
    assert many < 4.2 * few
    assert many < 2**19 * len(alarm.columns) * 4  # a few bytes a cell


# Doing


def test_doing_is_not_seeing(asia):
    """Bronchitis is seen more often among smokers, who get lung cancer; to give somebody bronchitis changes nothing."""
    base = asia.query("lung")["yes"]
    assert asia.query("lung", given={"bronc": "yes"})["yes"] > base + 0.01
    assert asia.do(bronc="yes").query("lung")["yes"] == pytest.approx(base, abs=1e-15)
    assert asia.do(bronc="yes").network.parents["bronc"] == ()
    assert asia.do(smoke="yes").query("dysp")["yes"] == pytest.approx(
        asia.query("dysp", given={"smoke": "yes"})["yes"], abs=1e-15
    )  # a root has no arrows to cut


def test_cutting_an_arrow_keeps_how_common_the_child_is_given_its_other_parents(asia):
    cut = asia.without_arrow("bronc", "dysp")
    for either in ("yes", "no"):
        want = asia.query("dysp", given={"either": either})
        for bronc in ("yes", "no"):
            np.testing.assert_allclose(cut.query("dysp", given={"either": either, "bronc": bronc}), want, atol=1e-12)


def test_cutting_an_arrow_says_something_of_settings_that_never_happen():
    """Where the other parents are never so, the child's rows are averaged over the states of the parent cut off."""
    states = dict.fromkeys("abc", ("n", "y"))
    cpts = {"a": np.array([1.0, 0.0]), "b": np.array([0.3, 0.7])}
    cpts["c"] = np.array([[[0.1, 0.9], [0.2, 0.8]], [[0.3, 0.7], [0.9, 0.1]]])  # P(c | a, b), and a is never y
    net = BayesNet.from_network(make_network(states, {"a": (), "b": (), "c": ("a", "b")}, cpts))
    want = [[0.3 * 0.1 + 0.7 * 0.2, 0.3 * 0.9 + 0.7 * 0.8], [0.6, 0.4]]
    np.testing.assert_allclose(net.without_arrow("b", "c").network.cpts["c"], want, atol=1e-12)


# Learning tables


def test_tables_are_the_posterior_mean_and_maximum_likelihood_without_a_prior(asia):
    rows = asia.sample(500, seed=0)
    graph = {node: asia.network.parents[node] for node in asia.columns}
    for prior in (0, 2.0):
        table = BayesNet(graph, prior=prior).fit(rows).network.cpts["dysp"]
        above = asia.network.parents["dysp"]
        for setting in itertools.product(("yes", "no"), repeat=2):
            chosen = rows[(rows[list(above)] == list(setting)).all(axis=1)]
            count = (chosen["dysp"] == "yes").sum()
            want = (count + prior / 8) / (len(chosen) + prior / 4)
            place = tuple(("yes", "no").index(state) for state in setting)
            assert table[place][0] == pytest.approx(want, abs=1e-12)


def test_a_setting_that_never_occurs_is_even_without_a_prior():
    table = pd.DataFrame({"a": pd.Categorical(["x"] * 5, ["x", "y"]), "b": pd.Categorical(list("uuvvv"), ["u", "v"])})
    model = BayesNet({"a": (), "b": ("a",)}, prior=0).fit(table)
    np.testing.assert_array_equal(model.network.cpts["b"], [[0.4, 0.6], [0.5, 0.5]])


def test_drawn_tables_follow_the_dirichlet_posterior():
    counts = np.array([[3.0, 0.0, 7.0]])
    rng = np.random.default_rng(0)
    draws = np.array([draw_table(counts, 0.6, rng)[0] for _ in range(4000)])
    weights = np.array([3.2, 0.2, 7.2])
    for k in range(3):
        assert kstest(draws[:, k], "beta", args=(weights[k], weights.sum() - weights[k])).pvalue > 1e-3


def test_each_row_of_a_drawn_table_is_a_distribution_however_little_its_setting_was_seen():
    counts = np.array([[[0.0, 0.0, 0.0], [40.0, 0.0, 900.0]], [[0.0, 2.0, 0.0], [0.0, 0.0, 0.0]]])
    for seed in range(20):
        table = draw_table(counts, 1e-3, np.random.default_rng(seed))
        np.testing.assert_allclose(table.sum(axis=-1), np.ones((2, 2)))
        assert (table >= 0).all()


def test_drawn_tables_make_another_network_each_time(asia):
    model = BayesNet("tree").fit(asia.sample(200, seed=0))
    one, same, other = (model.draw_tables(seed=seed) for seed in (1, 1, 2))
    assert one.sample(50, seed=0).equals(same.sample(50, seed=0))
    assert not np.array_equal(one.network.cpts["dysp"], other.network.cpts["dysp"])
    with pytest.raises(ValueError, match="no posterior to draw from"):
        one.draw_tables(seed=0)
    with pytest.raises(ValueError, match="prior must be > 0 to draw tables"):
        BayesNet("tree", prior=0).fit(asia.sample(200, seed=0)).draw_tables()


# Tables of mixed types


def test_a_sampled_table_is_like_the_one_it_was_fitted_on(people):
    model = BayesNet().fit(people)
    samples = model.sample(10_000, seed=0)
    assert list(samples.columns) == list(people.columns)
    assert samples.dtypes.equals(people.dtypes)
    assert samples.index.equals(pd.RangeIndex(10_000))
    np.testing.assert_allclose(samples.isna().mean(), people.isna().mean(), atol=0.02)
    assert samples["grade"].cat.ordered
    for column in ("age", "income", "children", "size"):
        assert samples[column].min() >= people[column].min()
        assert samples[column].max() <= people[column].max()
        for share in (0.1, 0.5, 0.9):
            spread = people[column].std()
            assert samples[column].quantile(share) == pytest.approx(people[column].quantile(share), abs=0.1 * spread)
    assert (samples["income"].dropna().round(2) == samples["income"].dropna()).all()  # cents, as in the table
    assert not samples["income"].isin(people["income"]).all()  # and not only amounts that were there
    assert samples["income"].corr(samples["age"]) > 0.5 * people["income"].corr(people["age"]) > 0.1


def test_conditions_on_mixed_columns_are_met(people):
    model = BayesNet().fit(people)
    known = {"age": (40, None), "children": 2, "town": ["Ulm", "Graz"], "member": True, "size": (170.5, 171)}
    samples = model.sample(300, seed=0, given=known)
    assert samples["age"].min() >= 40
    assert set(samples["children"]) == {2.0}
    assert set(samples["town"]) <= {"Ulm", "Graz"}
    assert samples["member"].all()
    assert samples["size"].between(170.5, 171).all()
    assert model.sample(50, seed=0, given={"income": None})["income"].isna().all()
    assert model.sample(50, seed=0, given={"income": (2000, 2000.03)})["income"].between(2000, 2000.03).all()


def test_a_condition_on_numbers_is_the_share_of_its_own_samples(people):
    model = BayesNet().fit(people)
    samples = model.sample(60_000, seed=1)
    for known, meets in (
        ({"age": (33, 47)}, samples["age"].between(33, 47)),
        ({"income": (None, 1500)}, samples["income"] <= 1500),
        (
            {"size": (165, 180), "children": [0, 1]},
            samples["size"].between(165, 180) & samples["children"].isin([0, 1]),
        ),
    ):
        share = meets.mean()
        error = np.sqrt(share * (1 - share) / len(samples))
        assert np.exp(model.log_prob_of(known)) == pytest.approx(share, abs=4 * error)
        drawn = model.sample(20_000, seed=2, given=known)
        for column in ("age", "income", "size"):
            want = samples.loc[meets, column]
            error = want.std() * np.sqrt(1 / want.count() + 1 / drawn[column].count())
            assert drawn[column].mean() == pytest.approx(want.mean(), abs=4 * error)


def test_learning_the_graph_beats_independent_columns_on_new_rows(people):
    train, test = people[:2000], people[2000:]
    independent, tree, net = (
        BayesNet(how).fit(train).log_prob(test).mean() for how in ("independent", "tree", "hill-climb")
    )
    assert independent < tree
    assert independent < net


def test_the_bins_and_the_most_parents_are_those_asked_for(people):
    states = {bins: len(BayesNet("independent", bins=bins).fit(people).network.states["size"]) for bins in (4, 12)}
    assert states == {4: 4, 12: 12}
    causes = np.random.default_rng(0).integers(0, 2, (3, 2000))
    table = pd.DataFrame({"sum": causes.sum(axis=0), **dict(zip("abc", causes, strict=True))}).astype(str)
    for most in (1, 3):
        found = BayesNet(max_parents=most).fit(table).network.parents
        assert max(map(len, found.values())) == most


def test_log_prob_of_categories_ignores_how_the_dtype_is_written(asia):
    rows = asia.sample(50, seed=0)
    np.testing.assert_array_equal(asia.log_prob(rows), asia.log_prob(rows.astype(str)))


def test_impossible_rows_have_log_probability_minus_infinity(asia):
    row = asia.sample(1, seed=0).astype(str).assign(tub="yes", lung="no", either="no")
    assert asia.log_prob(row) == [-np.inf]


def test_a_category_that_was_declared_but_never_seen_is_rare_not_impossible(people):
    model = BayesNet().fit(people)
    assert 0 < model.query("grade")["D"] < 0.001


# What every model owes


def test_the_same_seed_draws_the_same_rows(people):
    model, twin = BayesNet().fit(people), BayesNet().fit(people)
    assert model.sample(200, seed=3).equals(twin.sample(200, seed=3))
    assert not model.sample(200, seed=3).equals(model.sample(200, seed=4))


def test_rows_that_are_drawn_in_blocks_do_not_change_each_other(asia):
    assert len(asia.sample(2**16 + 3, seed=0)) == 2**16 + 3


def test_save_and_load_give_the_same_model(tmp_path, people):
    model = BayesNet(bins=6, prior=0.5).fit(people)
    model.save(tmp_path / "net.safetensors")
    loaded = BayesNet.load(tmp_path / "net.safetensors")
    assert loaded.sample(500, seed=1).equals(model.sample(500, seed=1))
    np.testing.assert_array_equal(loaded.log_prob(people), model.log_prob(people))
    one, other = (net.draw_tables(seed=5).network.cpts["age"] for net in (loaded, model))
    np.testing.assert_array_equal(one, other)
    assert (loaded.bins, loaded.prior, loaded.n_parameters) == (6, 0.5, model.n_parameters)


def test_an_array_is_a_table_of_numbered_columns(people):
    rows = people[["age", "size"]].to_numpy()
    member = people["member"].to_numpy()
    model = BayesNet().fit(rows, member)
    table = pd.DataFrame({"x0": rows[:, 0], "x1": rows[:, 1], "y": member})
    same = BayesNet().fit(table)
    assert model.columns == ("x0", "x1", "y")
    assert model.sample(40, seed=1).equals(same.sample(40, seed=1))
    np.testing.assert_array_equal(model.log_prob(rows[:9], member[:9]), same.log_prob(table[:9]))
    with pytest.raises(ValueError, match=r"y must have shape \(3000,\), one value for each row, got \(2,\)"):
        BayesNet().fit(rows, member[:2])


def test_a_refused_fit_leaves_a_fitted_model_as_it_was(people):
    model = BayesNet({"town": ("member",), "member": ()}).fit(people[["town", "member"]])
    before = model.sample(30, seed=0)
    for bad in (people[["town"]], people[["town", "member"]][:0], people[["town", "age"]], [1, 2]):
        with pytest.raises((ValueError, TypeError)):
            model.fit(bad)
        assert model.sample(30, seed=0).equals(before)


def test_a_model_shows_what_it_is(asia):
    assert repr(asia) == "<BayesNet: 8 columns, 8 arrows, 18 free parameters>"
    assert repr(BayesNet()) == "<BayesNet: not fitted>"


def test_fitting_again_starts_from_nothing(people):
    model = BayesNet("tree").fit(people).fit(people[["age", "town"]])
    assert model.columns == ("age", "town")


def test_parameters_are_the_free_numbers(asia):
    assert asia.n_parameters == 18


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"structure": "best"}, "structure must be one of hill-climb, tree, independent, got 'best'"),
        ({"structure": {"a": ("b",), "b": ("a",)}}, "the graph has a cycle: (a -> b -> a|b -> a -> b)"),
        ({"structure": {"a": ("c",)}}, "parent 'c' of 'a' is not a node"),
        ({"max_parents": 0}, "max_parents must be a whole number >= 1, got 0"),
        ({"bins": 1}, "bins must be a whole number >= 2, got 1"),
        ({"prior": -1}, "prior must be >= 0, got -1"),
    ],
)
def test_arguments_are_refused_with_a_remedy(arguments, says):
    with pytest.raises(ValueError, match=says):
        BayesNet(**arguments)


@pytest.mark.parametrize(
    ("table", "error", "says"),
    [
        ([1, 2], TypeError, "data must be a pandas DataFrame or an array .n, columns., got list"),
        (pd.DataFrame({"a": []}), ValueError, "data is empty"),
        (pd.DataFrame({0: [1, 2]}), TypeError, "column names must be text, got 0"),
        (pd.DataFrame({"a": [None, None], "b": [1, 2]}), ValueError, "column 'a' is all missing; remove it"),
        (pd.DataFrame({"a": [3, 3], "b": [1, 2]}), ValueError, "column 'a' is constant, always 3; remove it"),
        (pd.DataFrame({"a": [1.0, np.inf]}), ValueError, "column 'a' is infinite in row 1"),
        (pd.DataFrame({"a": [(1,), (2,)]}), TypeError, "column 'a' holds tuple values"),
        (pd.DataFrame({"a": pd.to_datetime(["2020-01-01", "2020-01-02"])}), TypeError, "column 'a' holds dates"),
        (pd.DataFrame({"a": [f"id {i}" for i in range(300)]}), ValueError, "column 'a' has 300 states, more than 255"),
        (pd.DataFrame([[1, 2], [3, 4]], columns=["a", "a"]), ValueError, "there are two columns 'a'"),
    ],
)
def test_tables_that_cannot_be_learned_from_are_refused(table, error, says):
    with pytest.raises(error, match=says):
        BayesNet().fit(table)


def test_rows_of_another_kind_are_refused(people):
    model = BayesNet("independent").fit(people)
    with pytest.raises(ValueError, match="column 'town' has 'Rom' in row 1, which was never seen in training; the sta"):
        model.log_prob(people[:3].assign(town=["Ulm", "Rom", "Ulm"]))
    with pytest.raises(ValueError, match="column 'age' lacks a value in row 0, but none was missing in training"):
        model.log_prob(people[:1].assign(age=np.nan))
    with pytest.raises(ValueError, match="column 'size' is infinite in row 0"):
        model.log_prob(people[:1].assign(size=np.inf))
    with pytest.raises(ValueError, match=r"the table lacks the columns \['age'\]"):
        model.log_prob(people[["town"]].assign(**{c: people[c] for c in people if c not in ("town", "age")}))
    with pytest.raises(ValueError, match=r"the parents of 'c' must be several values, such as \['ab'\], got 'ab'"):
        BayesNet({"a": (), "b": (), "c": "ab"})
    with pytest.raises(ValueError, match="the graph and the table must have the same columns; only one of them has c"):
        BayesNet({"c": ()}).fit(people[["town"]].assign(c=1)[["town"]].rename(columns={"town": "town"}))


def test_conditions_that_cannot_be_met_are_refused(asia, people):
    model = BayesNet("independent").fit(people)
    refusals = [
        (
            asia,
            {"lung": "yes", "either": "no"},
            "the evidence has probability zero: either = no never happens together w",
        ),
        (asia, {"lung": "maybe"}, "column 'lung' has no state 'maybe'; the states are yes, no"),
        (asia, {"liver": "yes"}, "there is no column 'liver'; there are "),
        (model, {"age": (200, None)}, "the evidence has probability zero: what is asked of age never happens"),
        (model, {"age": "old"}, "column 'age' holds numbers; ask for a number, a list of numbers or "),
        (model, {"age": None}, "column 'age' holds numbers"),
    ]
    for net, known, says in refusals:
        with pytest.raises(ValueError, match=says):
            net.sample(5, given=known)
    with pytest.raises(ValueError, match="name at least one column"):
        asia.query()
    with pytest.raises(ValueError, match=r"do\(age=\(20, 60\)\) must mean one state"):
        model.do(age=(20, 60))
    with pytest.raises(ValueError, match="there is no arrow 'lung' -> 'bronc'; the parents of 'bronc' are"):
        asia.without_arrow("lung", "bronc")


def test_a_network_is_put_together_from_nodes_in_any_order_and_its_tables_are_checked():
    states = {"rain": ("no", "yes"), "wet": ("no", "yes")}
    parents = {"wet": ("rain",), "rain": ()}
    good = {"rain": np.array([0.8, 0.2]), "wet": np.array([[0.9, 0.1], [0.2, 0.8]])}
    assert make_network(states, parents, good).nodes == ("rain", "wet")
    with pytest.raises(ValueError, match=r"the table of 'wet' must be probabilities that sum to 1.* where rain = yes"):
        make_network(states, parents, {**good, "wet": np.array([[0.9, 0.1], [0.3, 0.8]])})
    with pytest.raises(ValueError, match=r"the graph has a cycle"):
        make_network(states, {"wet": ("rain",), "rain": ("wet",)}, good)


@pytest.mark.parametrize("n", [0, -3, 2.5, True])
def test_n_must_be_a_count(asia, n):
    with pytest.raises(ValueError, match="n, the number of samples, must be a whole number >= 1"):
        asia.sample(n)


def test_nothing_is_answered_before_fit(tmp_path):
    model = BayesNet()
    for ask in (lambda: model.sample(1), lambda: model.query("a"), lambda: model.save(tmp_path / "x"), model.marginals):
        with pytest.raises(NotFittedError, match=r"call fit\(data\) or load\(path\) first"):
            ask()


@pytest.mark.parametrize("known", ["x", 0, ["rain"]])
def test_a_condition_is_a_mapping(asia, known):
    for ask in (lambda: asia.sample(3, given=known), lambda: asia.marginals(known)):
        with pytest.raises(
            TypeError, match=r"^given must say what is known of some columns, such as \{'age': 40\}, got "
        ):
            ask()


def test_a_missing_value_is_asked_for_by_its_label_and_nothing_is_refused() -> None:
    table = pd.DataFrame({"x": ["a", "b", None, "a"] * 9, "y": [1.0, 2.0, None, 4.0] * 9})
    model = BayesNet("independent").fit(table)
    for name in table:
        for label in ("missing", None):
            assert model.sample(5, seed=0, given={name: label})[name].isna().all()
        for nothing in ([], set()):
            for ask in (model.log_prob_of, lambda given: model.sample(2, given=given), lambda given: model.do(**given)):
                with pytest.raises(
                    ValueError, match=f"^column '{name}' is asked for no value, got .*; give at least one"
                ):
                    ask({name: nothing})


@pytest.mark.parametrize(
    "values",
    [pd.to_datetime(["2020-01-01", "2020-01-02"]), pd.period_range("2020", periods=2), pd.cut([1, 2], 2).categories],
)
def test_what_is_fitted_can_be_saved(values: pd.Index, tmp_path: Path) -> None:
    table = pd.DataFrame({"x": pd.Categorical(list(values) * 5, categories=values, ordered=True), "y": [1, 2] * 5})
    with pytest.raises(TypeError, match=r"^column 'x' holds .* values; turn them into text or numbers: ") as refusal:
        BayesNet().fit(table)
    exec(str(refusal.value).split(": ", 1)[1], {"table": table})
    table["z"] = pd.Categorical([True, False] * 5, categories=pd.Index([False, True], dtype="boolean"))
    model = BayesNet().fit(table)
    model.save(tmp_path / "net.safetensors")
    drawn = BayesNet.load(tmp_path / "net.safetensors").sample(20, seed=0)
    pd.testing.assert_frame_equal(drawn, model.sample(20, seed=0))
    assert drawn.dtypes.equals(table.dtypes)
