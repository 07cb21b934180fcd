"""Chapter 01: Markov chains."""
