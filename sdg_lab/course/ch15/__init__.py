"""Chapter 15: self-improvement, and collapse."""
