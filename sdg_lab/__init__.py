"""sdg_lab: synthetic data from scratch, judged honestly, offline.

One street, walked one way: ``files → tables → data → training → models → metrics → show → course → cli``.
Importing the package sets the thread policy (:mod:`sdg_lab.threads`) and loads nothing heavy.
"""

import os
import warnings

from sdg_lab import extras, threads

__version__ = "0.1.0"

try:
    threads.configure()
except ValueError as error:  # a slip in the environment is said; it stops nobody
    warnings.warn(f"{error}; for now it counts as unset", stacklevel=2)
    del os.environ["SDG_LAB_THREADS"]
    threads.configure()
extras.explain_missing()
