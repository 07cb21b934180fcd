"""Chapter 02: Bayesian networks."""
