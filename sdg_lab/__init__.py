"""sdg_lab: synthetic data from scratch, judged honestly, offline.

One street, walked one way: ``data -> models -> metrics -> show``; ``course`` and the command line stand on top.
Importing the package sets the thread policy (:mod:`sdg_lab.threads`) and loads nothing heavy.
"""

from sdg_lab import threads

__version__ = "0.1.0"

threads.configure()
