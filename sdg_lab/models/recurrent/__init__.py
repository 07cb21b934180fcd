"""Recurrent networks: sequences, pairs of sequences, and series of numbers."""

from sdg_lab.models.recurrent.seq2seq import Seq2Seq
from sdg_lab.models.recurrent.sequences import Recurrent
from sdg_lab.models.recurrent.series import RecurrentSeries

__all__ = [
    "Recurrent",
    "RecurrentSeries",
    "Seq2Seq",
]
