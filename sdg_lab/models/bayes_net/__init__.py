"""Bayesian networks: a graph that says what depends on what, a table for each node, and exact answers.

In the order in which to read them:

``dag``        graphs: order, d-separation, and what data alone can tell about the arrows
``cpt``        the tables P(node | parents): put together, and learned from counts
``inference``  P(wanted | known), by variable elimination
``sampling``   rows, on a condition or without one
``structure``  which graph? Scores, the best tree, hill climbing
``net``        :class:`BayesNet`, all of it over the columns of a table
"""

from sdg_lab.models.bayes_net.net import BayesNet

__all__ = [
    "BayesNet",
]
