"""The report: one page of HTML that needs no network and no script."""

from __future__ import annotations

from html import escape

from sdg_lab.synth.judgement import Judgement
from sdg_lab.synth.verdict import verdict_of

HEAD = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>A synthetic table, judged</title></head>
<body>"""


def page_of(judged: Judgement) -> str:
    """Return the page; the same judgement gives the same text."""
    verdict = verdict_of(judged)
    lines = [HEAD, f"<h1>{escape(verdict.headline)}</h1><ul>"]
    lines += [f"<li>{escape(finding.says)} {escape(finding.todo)}</li>" for finding in verdict.findings]
    lines += ["</ul>", judged.figures.round(3).to_html(na_rep=""), "</body></html>"]
    return "\n".join(lines)
