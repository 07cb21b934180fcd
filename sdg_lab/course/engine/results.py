"""Results that take longer to measure than a chapter may: small tables that ship with the notebooks.

``notebooks/results/NN-name.csv`` is measured, and kept, by a module of ``benchmarks``; its docstring names the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdg_lab.course.engine import notebooks

if TYPE_CHECKING:
    import pandas as pd


def load(name: str) -> pd.DataFrame:
    """Read measured results.

    Args:
        name: of the table, such as ``"14-sums"``.

    Raises:
        FileNotFoundError: if there is no such table; the message lists those that there are.
    """
    import pandas as pd

    folder = notebooks.folder() / notebooks.RESULTS
    file = folder / f"{name}.csv"
    if not file.is_file():
        there = ", ".join(sorted(path.stem for path in folder.glob("*.csv"))) or "none"
        raise FileNotFoundError(
            f"{notebooks.RESULTS}/{name}.csv is not there (there are: {there}); bring it back with: "
            f"git checkout -- notebooks/{notebooks.RESULTS}, or measure it anew with the module of benchmarks/ that "
            "names it"
        )
    return pd.read_csv(file)
