"""Bayesian networks: a graph, a table for each node, exact answers."""

from sdg_lab.models.bayes_net.net import BayesNet

__all__ = [
    "BayesNet",
]
