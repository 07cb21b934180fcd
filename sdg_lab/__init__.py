"""sdg_lab: synthetic data from scratch, judged honestly, offline.

One street, walked one way: ``files → shards → tables → data → training → models → metrics → show → distill → course →
cli``.
Importing the package sets the thread policy (:mod:`sdg_lab.threads`) and loads nothing heavy.
"""

from sdg_lab import extras, threads

__version__ = "0.2.0"

threads.configure()
extras.explain_missing()
