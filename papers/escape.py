"""Text from elsewhere is data: make it harmless where it goes. One function a destination."""

from __future__ import annotations

import html
import re
from urllib.parse import quote, urlsplit

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_MARKDOWN = re.compile(r"([\\`*_\[\]|~!#])")
_BIBTEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "{": r"\{",
        "}": r"\}",
        "%": r"\%",
        "$": r"\$",
        "&": r"\&",
        "#": r"\#",
        "_": r"\_",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
    }
)


def one_line(text: str) -> str:
    """Return text without control characters (terminal escapes, text that runs backwards, halves of characters)."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def for_html(text: str) -> str:
    """Return text for an HTML element or a quoted attribute."""
    return html.escape(one_line(text))


def for_markdown(text: str) -> str:
    """Return text for a cell of a pipe table: no markup, no new cell, no HTML."""
    text = _MARKDOWN.sub(r"\\\1", one_line(text))
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def for_bibtex(text: str) -> str:
    """Return text for a BibTeX field in braces."""
    return one_line(text).translate(_BIBTEX)


def for_csv(text: str) -> str:
    """Return text for a CSV cell; one that a spreadsheet would take for a formula gets an apostrophe before it."""
    text = one_line(text)
    return "'" + text if text.startswith(("=", "+", "-", "@")) else text


def safe_url(url: str) -> str | None:
    """Return an http(s) address that can stand in a table without breaking out of it, or None for any other.

    A ``javascript:`` or ``data:`` link never gets through; characters that end an attribute, a Markdown address or a
    cell are percent-encoded.
    """
    url = url.strip()
    try:
        parts = urlsplit(url)
        if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
            return None
    except ValueError:
        return None
    return quote(url, safe="/:?#@!$&*+,;=%~-._")
