"""Recipes: one file a published method, each with the parameters of its paper."""
