"""Chapter 03: autoencoders."""
