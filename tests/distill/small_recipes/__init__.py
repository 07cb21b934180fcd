"""Recipes for tests."""
