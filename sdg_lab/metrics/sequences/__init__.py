"""Metrics of sequences: edit distance, time series, and next-item prediction."""
