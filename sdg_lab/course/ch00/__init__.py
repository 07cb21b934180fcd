"""Chapter 00: start here."""

from sdg_lab.course.ch00.families import FAMILIES, FAMILY_COLOURS, Family
from sdg_lab.course.ch00.family_tree import family_tree

__all__ = ["FAMILIES", "FAMILY_COLOURS", "Family", "family_tree"]
