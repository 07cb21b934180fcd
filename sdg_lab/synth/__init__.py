"""A table of one's own in, a synthetic one and a report out.

In the order in which to read them:

``dialect``, ``spelling``, ``sheets``   a file of any kind as a table, and a table as such a file again
``contents``, ``kinds``                 what each column holds, found, shown and edited as YAML
``keys``                                keys that are made anew
``preparation``                         a person's table as numbers and categories, and back
``families``, ``choice``                which model, and why
``guard``                               no row of a single person more often than by chance
``figures``, ``verdict``                figures beside references, and what they mean
``drawings``, ``report``                one page of HTML
``judgement``                           :func:`judge`, which measures all of it
``synthesizer``                         :class:`Synthesizer`, all of it together
"""

from sdg_lab.synth.judgement import Judgement, judge
from sdg_lab.synth.kinds import Types, find_types
from sdg_lab.synth.preparation import Preparation
from sdg_lab.synth.sheets import Sheet, read_sheet
from sdg_lab.synth.synthesizer import Synthesizer

__all__ = [
    "Judgement",
    "Preparation",
    "Sheet",
    "Synthesizer",
    "Types",
    "find_types",
    "judge",
    "read_sheet",
]
