"""Chapter 08: reinforcement learning."""
