"""What all models of sequences stand on: an alphabet, padding, one base, sampling."""
