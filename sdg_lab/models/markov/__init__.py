"""Markov chains: the next symbol depends on the last few.

In the order in which to read them:

``counting``    the idea, in a dictionary of counts
``smoothing``   what to believe about n-grams that were never seen
``chain``       :class:`MarkovChain`, the same on sorted arrays
``stationary``  where a chain ends up, and how soon
"""

from sdg_lab.models.markov.chain import MarkovChain
from sdg_lab.models.markov.counting import CountingChain

__all__ = [
    "CountingChain",
    "MarkovChain",
]
