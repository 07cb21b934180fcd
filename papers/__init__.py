"""A catalog of papers in a README: read the table as it stands, refresh its citation counts, audit it, extend it.

The table may be HTML or Markdown. Nothing but the characters of a count is ever changed, and no failed request ever
replaces a good count. See ``papers --help``.
"""

from papers.audit import Audit, Finding, audit, audit_text
from papers.catalog import Refresh, RowResult, refresh
from papers.crossref import Crossref
from papers.html_tables import Cell
from papers.openalex import OpenAlex
from papers.semantic_scholar import SemanticScholar
from papers.service import Answer
from papers.sources import Sources
from papers.table import Edit, Row, Table, read_rows, read_tables, splice

__version__ = "0.2.0"

__all__ = [
    "Answer",
    "Audit",
    "Cell",
    "Crossref",
    "Edit",
    "Finding",
    "OpenAlex",
    "Refresh",
    "Row",
    "RowResult",
    "SemanticScholar",
    "Sources",
    "Table",
    "audit",
    "audit_text",
    "read_rows",
    "read_tables",
    "refresh",
    "splice",
]
