"""Autoregressive gradient boosting: a table drawn column by column, from boosted classifiers.

In the order in which to read them:

``paths``       which state it is, asked in yes-or-no questions
``cells``       a column as states, and a state's values
``forest``      boosted trees as arrays that a file holds
``classifier``  one question's trees, and when there are enough of them
``model``       :class:`Boosted`, all of it for tables of mixed types
"""

from sdg_lab.models.boosted.model import Boosted

__all__ = [
    "Boosted",
]
