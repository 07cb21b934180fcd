"""``python -m papers …``: the same as the command ``papers``."""

from papers.cli import app

app(prog_name="papers")
