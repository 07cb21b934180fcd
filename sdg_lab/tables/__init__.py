"""A table of mixed types to numbers and back."""
