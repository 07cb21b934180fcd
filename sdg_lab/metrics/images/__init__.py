"""Figures for images."""
