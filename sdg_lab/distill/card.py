"""The data card: what a stranger has to know of a data set before using it.

It is a README.md whose first lines tell the library ``datasets`` where each kind of records is. What models and people
wrote is shown in blocks that no Markdown is read in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from sdg_lab.distill.budget import Account, counted
from sdg_lab.distill.contamination import Contamination
from sdg_lab.distill.funnel import Funnel, printable

FENCE = "```"


TITLE = "Synthetic data of the recipe"
FIRST_LINES = f"---\npretty_name: {TITLE}"
"""How a card begins: what tells it from another README.md."""


def card(
    files: Mapping[str, str],
    rows: Mapping[str, int],
    *,
    run: Mapping[str, Any],
    funnel: Funnel,
    spent: Account,
    stopped: str = "",
    contamination: Contamination | None = None,
) -> str:
    """Return the text of the card.

    Args:
        files: of each kind of records, relative to the card; the first is what is loaded where no kind is named.
        rows: how many records of each kind there are.
        run: its description: recipe, stages, seed, teacher.
        funnel: what fell where.
        spent: what it cost.
        stopped: why the run ended early, if it did.
        contamination: what was found; None if nobody looked.
    """
    import yaml

    configs: list[dict[str, Any]] = [{"config_name": kind, "data_files": file} for kind, file in files.items()]
    if configs:
        configs[0]["default"] = True
    head = {
        "pretty_name": f"{TITLE} {_name(run['recipe'])}",
        "tags": ["synthetic"],
        "configs": configs,
    }
    teacher = run["teacher"]
    parts = [
        f"---\n{yaml.safe_dump(head, sort_keys=False, allow_unicode=True)}---",
        f"# Synthetic data: {_inline(_name(run['recipe']))}",
        "A language model, or a program in its place, wrote these records; rules, and not people, chose among them. "
        "Nothing here is a fact because it is here."
        + (f"\n\n**The run is not complete**: {_inline(stopped)}." if stopped else ""),
        "| kind of records | how many | file |\n| --- | --- | --- |\n"
        + "\n".join(f"| {kind} | {rows[kind]:,} | `{file}` |" for kind, file in files.items()),
        "Columns: the fields of a record, then where it comes from: its id, the ids of the records that it was made "
        "from, and the prompt, the seed and the teacher that made it. `journal.jsonl` holds all that was refused, too, "
        "each with the reason.",
        "## Teacher",
        f"- name: {_inline(teacher['name'])}\n- licence: {_inline(teacher['licence'])}\n"
        f"- terms: {_inline(teacher['terms'] or 'none known; ask its owner what its texts may be used for')}",
        "## How it was made",
        _block(json.dumps({key: run[key] for key in run if key != "teacher"}, indent=2, ensure_ascii=False), "json"),
        f"It took {counted(spent.requests, 'request')} and {counted(spent.tokens, 'token')}.",
        "## What was refused",
        _block(str(funnel), "text"),
        "## Contamination",
        "Nobody has compared this data set with test data yet; do so before you test a student that learnt from it."
        if contamination is None
        else _found(contamination),
    ]
    return "\n\n".join(parts) + "\n"


def _found(found: Contamination) -> str:
    said = str(found)
    sentence = f"{said[0].upper()}{said[1:]}."
    if not (found.equal or found.sharing):
        return sentence
    ids = list(dict.fromkeys([*found.equal, *found.sharing]))
    named = ", ".join(ids[:20]) + (f", and {len(ids) - 20:,} more" if len(ids) > 20 else "")
    return f"{sentence} Leave these out before you test a student: {named}.\n\n" + _block(
        "\n".join(found.examples), "text"
    )


def _name(recipe: Any) -> str:
    return str(recipe["name"] if isinstance(recipe, Mapping) else recipe)


def _inline(text: str) -> str:
    """Return a text as Markdown shows it, and not as Markdown or HTML would read it."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|&~])", r"\\\1", printable(text))


def _block(text: str, language: str) -> str:
    """Return a text between fences that it cannot close."""
    longest = max((len(found) for found in re.findall("`+", text)), default=0)
    fence = FENCE + "`" * max(0, longest - 2)
    lines: Sequence[str] = [printable(line) for line in text.split("\n")]
    return "\n".join([f"{fence}{language}", *lines, fence])
