"""Chapter 07: transformers."""
