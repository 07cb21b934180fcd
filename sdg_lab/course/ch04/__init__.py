"""Chapter 04: GANs."""
