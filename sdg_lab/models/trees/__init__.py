"""Sequential CART: a table drawn column by column, from decision trees.

In the order in which to read them:

``sequential``  the method alone, in thirty lines
``cart``        a tree as arrays: grown, and walked by one row or by many
``donors``      what the leaves hand out, and what they keep back
``model``       :class:`Trees`, all of it for tables of mixed types
"""

from sdg_lab.models.trees.model import Trees

__all__ = [
    "Trees",
]
