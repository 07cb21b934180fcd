"""Chapter 05: diffusion."""
