"""The Gaussian copula: each column keeps its own distribution, and normal scores tie the columns together.

In the order in which to read them:

``scores``   a column of states as cells of a standard normal, and the correlation behind two such columns
``model``    :class:`GaussianCopula`, all of it for tables of mixed types
"""

from sdg_lab.models.copula.model import GaussianCopula

__all__ = [
    "GaussianCopula",
]
