"""Markov chains: the next symbol depends on the last few."""

from sdg_lab.models.markov.chain import MarkovChain

__all__ = [
    "MarkovChain",
]
