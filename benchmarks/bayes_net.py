"""The Bayesian network beside pgmpy on ALARM: rows, inference, and the search for a graph."""

from __future__ import annotations

import logging
import warnings

from benchmarks.timing import Row, interleaved
from sdg_lab import data
from sdg_lab.data.types import Network
from sdg_lab.models.bayes_net import BayesNet
from sdg_lab.models.bayes_net.structure import hill_climb, structure_score
from sdg_lab.tables.codec import code_table

ROWS = 1_000_000
LEARNED_ROWS = 10_000
QUESTIONS: tuple[tuple[str, dict[str, str]], ...] = (
    ("LVFAILURE", {"HRBP": "HIGH", "EXPCO2": "LOW", "BP": "LOW"}),
    ("INTUBATION", {"PRESS": "HIGH", "SAO2": "LOW"}),
    ("HYPOVOLEMIA", {"CATECHOL": "HIGH", "HRBP": "HIGH", "SAO2": "LOW", "CVP": "LOW"}),
    ("CO", {}),
)


def peer_of(network: Network) -> object:
    """Return pgmpy's model of the same tables."""
    from pgmpy.factors.discrete import TabularCPD
    from pgmpy.models import DiscreteBayesianNetwork

    peer = DiscreteBayesianNetwork(network.edges)
    for node in network.nodes:
        above, size = network.parents[node], len(network.states[node])
        names = {name: list(network.states[name]) for name in (*above, node)}
        sizes = [len(network.states[name]) for name in above]
        table = network.cpts[node].reshape(-1, size).T
        peer.add_cpds(TabularCPD(node, size, table, evidence=above, evidence_card=sizes, state_names=names))
    return peer


def run() -> list[Row]:
    logging.getLogger("pgmpy").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        from pgmpy.estimators import HillClimbSearch
        from pgmpy.inference import VariableElimination
        from pgmpy.sampling import BayesianModelSampling

    network = data.network("alarm")
    ours, theirs = BayesNet.from_network(network), peer_of(network)
    sampler, inference = BayesianModelSampling(theirs), VariableElimination(theirs)
    sampling = interleaved(
        {
            "ours": lambda: ours.sample(ROWS, seed=0),
            "pgmpy": lambda: sampler.forward_sample(ROWS, seed=0, show_progress=False),
        },
        repeats=3,
    )
    answering = interleaved(
        {
            "ours": lambda: [ours.query(wanted, given=known) for wanted, known in QUESTIONS * 10],
            "pgmpy": lambda: [inference.query([w], evidence=k, show_progress=False) for w, k in QUESTIONS * 10],
        }
    )
    rows = ours.sample(LEARNED_ROWS, seed=1)
    coded, text = code_table(rows), rows.astype(str)
    found: dict[str, float] = {}

    def search_here() -> None:
        graph = hill_climb(coded, max_parents=4)
        found["ours"] = structure_score(coded, graph)

    def search_there() -> None:
        search = HillClimbSearch(text).estimate(scoring_method="bic-d", max_indegree=4, show_progress=False)
        above = {node: tuple(search.predecessors(node)) if node in search else () for node in coded.names}
        found["pgmpy"] = structure_score(coded, above)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        searching = interleaved({"ours": search_here, "pgmpy": search_there}, repeats=3)
    scores = f"BIC {found['ours']:,.0f} against {found['pgmpy']:,.0f}"
    return [
        Row(f"ALARM, {ROWS:,} rows sampled", sampling["ours"], "pgmpy", sampling["pgmpy"], goal=20),
        Row(
            f"ALARM, {len(QUESTIONS) * 10} marginals under evidence", answering["ours"], "pgmpy", answering["pgmpy"], 1
        ),
        Row(f"ALARM, graph from {LEARNED_ROWS:,} rows, {scores}", searching["ours"], "pgmpy", searching["pgmpy"], 5),
    ]
