"""Metrics of images: a classifier whose hidden layer is the feature space, figures in it, and their table."""
