"""Figures for sequences and series."""
