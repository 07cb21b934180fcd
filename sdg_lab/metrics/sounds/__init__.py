"""Metrics of sounds: the pitch that is heard, and figures in the features of a classifier of spectrograms."""
