"""Figures for tables."""
