"""Chapter 14: distillation."""
