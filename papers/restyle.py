"""Turn a badge into another style and back without losing what it says beside the count: id, label, colour, form.

A live badge becomes a static one with the same parameters, its paper's address among them, which shields.io passes over
in a static badge::

    …/badge/dynamic/json?label=citation&query=citationCount&url=…
    …/static/v1?message=512&color=blue&label=citation&query=citationCount&url=…

Two static badges differ in form, ``badge/label-message-colour`` and ``static/v1?…``; both are read, the second is made.
"""

from __future__ import annotations

import re
from urllib.parse import quote, unquote

from papers.badges import AND, Style, live_url
from papers.markup import Image

_KNOWN = re.compile(r" ?\d[\d,]* \(\d{4}-\d\d-\d\d\)\s*\Z")
_DYNAMIC = re.compile(r"(?P<host>[^?#]*/)badge/dynamic/json(?P<ending>\.\w+)?\?")
_STATIC = re.compile(r"(?P<host>[^?#]*/)static/v1(?P<ending>\.\w+)?\?")
_MESSAGE = re.compile(rf"(?P<before>\?|{AND})message=(?P<message>[^&#]*)(?:{AND}|(?=#|\Z))", re.I)
_COLOUR = re.compile(rf"(?:\?|{AND})color=", re.I)
_OURS = re.compile(rf"color=blue{AND}")
_LAST_MARK = re.compile(rf"(?:\?|{AND})+\Z")
_PATH = re.compile(r"[^?#]*/badge/(?P<parts>[^?#]+)(?:\?(?P<query>[^#]*))?", re.I)
_NAMES_PAPER = re.compile(rf"(?:\?|{AND})url=[^&#]*paper", re.I)
_AND = re.compile(AND)
_BLUE = ("blue", "informational")


def restyled(source: str, image: Image, style: Style, count: int, as_of: str, paper_id: str) -> str:
    """Return the source of a live or static badge in the other of the two styles, with a count.

    Args:
        source: the image as it stands; the positions in ``image`` count from its beginning.
        image: what was read from it.
        style: ``live`` or ``static``.
        count: citations.
        as_of: the day of the count, YYYY-MM-DD; a live badge says it in its alternative text.
        paper_id: whose citations a live badge is to count, where the static one does not say so.
    """
    old = source[slice(*image.url_span)]
    known = f"{count} ({as_of})" if style == "live" else None
    begin, end, alt = with_known(source, image, known)
    mark = found[0] if (found := _AND.search(old)) else "&amp;" if image.html else "&"
    new = _live(old, paper_id, mark) if style == "live" else _static(old, count, mark)
    first, second = sorted([(*image.url_span, new), (begin, end, alt)])
    return source[: first[0]] + first[2] + source[first[1] : second[0]] + second[2] + source[second[1] :]


def with_known(source: str, image: Image, known: str | None) -> tuple[int, int, str]:
    """Return where an image's alternative text changes, and to what: ends in the last known count, or names none.

    Args:
        source: a text with the image in it.
        image: what was read there.
        known: the count and its day, ``512 (2026-01-31)``; None takes out what stands there.
    """
    if image.alt_span is None:  # an <img> without alt
        end = image.span[1] - (2 if source[image.span[1] - 2] == "/" else 1)
        return end, end, f'{"" if source[end - 1].isspace() else " "}alt="citation {known}"' if known else ""
    start, end = image.alt_span
    alt = source[start:end]
    match = _KNOWN.search(alt)
    if not known:
        return (start + match.start(), end, "") if match else (end, end, "")
    label = alt[: match.start()] if match else alt.rstrip()
    before = source[start - 1]
    if not image.html or before in "\"'":
        space = " " if (match and match[0].startswith(" ")) or (label and not match) else ""
        return (start + len(label), end, space + known) if label or match else (start, end, f"citation {known}")
    # an attribute without quotes, or without a value
    return start, end, f'"{label or "citation"} {known}"' if before == "=" else f'="{label or "citation"} {known}"'


def _static(url: str, count: int, mark: str) -> str:
    """Return the address of a static badge with the parameters of a live one; ``mark`` is how an ``&`` is written."""
    colour = "" if _COLOUR.search(url) else f"color=blue{mark}"
    match = _DYNAMIC.match(url)
    path = f"{match['host']}static/v1{match['ending'] or ''}" if match else "https://img.shields.io/static/v1"
    rest = url[match.end() :] if match else url.partition("?")[2]
    return f"{path}?message={count}{mark}{colour}{rest}"


def _live(url: str, paper_id: str, mark: str) -> str:
    """Return the address of a live badge with the label, the colour and the parameters of a static one."""
    if (match := _STATIC.match(url)) and (message := _MESSAGE.search(url)):
        rest = url[match.end() : message.end("before")] + url[message.end() :]
        path = f"{match['host']}badge/dynamic/json{match['ending'] or ''}?"
        if _NAMES_PAPER.search(url):
            return path + (_OURS.sub("", rest, count=1) if _OURS.match(rest) else rest)
        rest = _LAST_MARK.sub("", rest)
        address = live_url(paper_id).partition("&query=")[2]
        return f"{path}{rest}{mark if rest else ''}query={address.replace('&', mark)}"
    if not (match := _PATH.match(url)):
        return live_url(paper_id)
    parts = [part[0] for part in re.finditer(r"(?:[^-]|--)+", match["parts"])]
    *label, _, colour = parts if len(parts) > 1 else ["citation", "", "blue"]
    shown = (
        unquote(label[0] if label else "").replace("--", "-").replace("__", "\0").replace("_", " ").replace("\0", "_")
    )
    new = live_url(paper_id).replace("label=citation", f"label={quote(shown, safe='')}", 1).replace("&", mark)
    colour = re.sub(r"\.(?:svg|png)\Z", "", colour)
    more = ([] if colour in _BLUE else [f"color={colour}"]) + ([match["query"]] if match["query"] else [])
    return mark.join([new, *more])
