"""Real data that loads offline, without duplicates, split once; and your own files in the same types."""

from sdg_lab.data.catalogue import catalog, load
from sdg_lab.data.images import digits, mnist
from sdg_lab.data.sequences import chorales, molecules, names, pronunciations
from sdg_lab.data.types import Card, Dataset, Images, Network, Series

__all__ = [
    "Card",
    "Dataset",
    "Images",
    "Network",
    "Series",
    "catalog",
    "chorales",
    "digits",
    "load",
    "mnist",
    "molecules",
    "names",
    "pronunciations",
]
