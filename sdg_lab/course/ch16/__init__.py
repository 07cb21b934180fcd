"""Chapter 16: the catalog."""
