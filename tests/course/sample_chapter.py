"""The notebook of the sample chapter."""

import nbformat

STUB = """def {name}({parameters}):
    raise NotImplementedError("your turn")"""


def sample_notebook():
    """The notebook of the sample chapter, as an author would write it."""
    code, text = nbformat.v4.new_code_cell, nbformat.v4.new_markdown_cell
    return nbformat.v4.new_notebook(
        cells=[
            text("# 98 · A sample"),
            code("import numpy as np\n\nfrom sdg_lab import course\n\ncourse.header('98')"),
            code(STUB.format(name="smoothing", parameters="counts: np.ndarray, alpha: float")),
            code("course.check('98.smoothing', smoothing)  # course.hint('98.smoothing')"),
            code(STUB.format(name="turned", parameters="word")),
            code("course.check('98.reverse', turned)"),
            code("def letters(word):\n    ..."),
            code(STUB.format(name="softplus", parameters="logits")),
            code("course.check('98.softplus', softplus)"),
            code("from sdg_lab.course import check\n\ncheck('98.letters', letters)"),
        ]
    )
