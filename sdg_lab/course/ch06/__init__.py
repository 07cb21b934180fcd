"""Chapter 06: recurrent networks."""
