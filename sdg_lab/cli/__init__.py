"""The command line: ``sdg-lab``."""
