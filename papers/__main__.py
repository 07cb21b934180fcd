"""``python -m papers …``: the same as the command ``papers``."""

from papers.cli import app

if __name__ == "__main__":
    app(prog_name="papers")
