"""The funnel of a run: how many items each stage refused, why, and three examples of each."""

from __future__ import annotations

import html
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sdg_lab.distill.records import Record

OWN = ("teacher", "read", "repeated")
"""Stages that the pipeline itself has; they are shown where something fell."""

EXAMPLES = 3
REASONS = 5
"""How many reasons of a stage are shown; the commonest first."""

MAX_REASONS = 1_000
"""How many are counted apart; a stage that always finds another word fills no memory."""

WIDTH = 80
"""Characters of an example."""


@dataclass
class Stage:
    """What one stage refused.

    Attributes:
        fell: how many.
        reasons: how often each reason was given; numbers in it are left out, so that like ones are one.
        examples: the first three, each as the item and the reason.
    """

    fell: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    examples: list[tuple[str, str]] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Count a record that fell here."""
        self.fell += 1
        reason = re.sub(r"\d[\d,.]*", "…", record.reason)
        self.reasons[reason if reason in self.reasons or len(self.reasons) < MAX_REASONS else "other reasons"] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append((shown(record), printable(record.reason)))


@dataclass
class Kind:
    """What became of the items of one kind."""

    proposed: int = 0
    kept: int = 0
    stages: dict[str, Stage] = field(default_factory=dict)

    def reached(self) -> Iterator[tuple[str, int, Stage]]:
        """Yield each stage in its order: its name, how many came to it, and what it refused."""
        left = self.proposed
        for name, stage in self.stages.items():
            yield name, left, stage
            left -= stage.fell

    def fallen(self) -> Iterator[tuple[str, int, Stage]]:
        """Yield the stages that refused something; the pipeline's own mostly refuse nothing."""
        return (entry for entry in self.reached() if entry[2].fell or entry[0] not in OWN)


class Funnel:
    """How many items of each kind fell where.

    Args:
        stages: the names of each kind's stages, in their order, ``"*"`` of all others; one that is not here comes last.
        records: to begin with.
    """

    def __init__(self, stages: dict[str, list[str]] | None = None, records: Iterable[Record] = ()) -> None:
        self._order = stages or {}
        self.kinds: dict[str, Kind] = {}
        for record in records:
            self.add(record)

    def add(self, record: Record) -> None:
        """Count a record."""
        if record.kind not in self.kinds:
            order = self._order.get(record.kind, self._order.get("*", []))
            self.kinds[record.kind] = Kind(stages={name: Stage() for name in order})
        kind = self.kinds[record.kind]
        kind.proposed += 1
        if record.kept:
            kind.kept += 1
        else:
            kind.stages.setdefault(record.stage, Stage()).add(record)

    @property
    def proposed(self) -> int:
        """All items."""
        return sum(kind.proposed for kind in self.kinds.values())

    @property
    def kept(self) -> int:
        """All that passed every stage."""
        return sum(kind.kept for kind in self.kinds.values())

    def verdict(self) -> str:
        """Return a sentence: which stage took the most, of the kind of which least is left."""
        if not self.proposed:
            return "nothing was proposed"
        fallen = {name: kind for name, kind in self.kinds.items() if kind.kept < kind.proposed} or self.kinds
        name, kind = min(fallen.items(), key=lambda pair: pair[1].kept)
        falls = [(stage.fell, where) for where, stage in kind.stages.items()]
        if not falls or not max(falls)[0]:
            return f"all {kind.proposed:,} of kind {name!r} were kept"
        fell, where = max(falls, key=lambda pair: pair[0])
        stage = kind.stages[where]
        reason = stage.reasons.most_common(1)[0][0]
        example = f", such as {stage.examples[0][0]!r}" if stage.examples else ""
        return (
            f"{kind.kept:,} of {kind.proposed:,} of kind {name!r} were kept; {where!r} took {fell:,} "
            f"({printable(reason)}{example})"
        )

    def to_json(self) -> dict[str, object]:
        """Return all counts and examples, as JSON can say them."""
        return {
            name: {
                "proposed": kind.proposed,
                "kept": kind.kept,
                "stages": [
                    {
                        "stage": where,
                        "reached": reached,
                        "fell": stage.fell,
                        "reasons": dict(stage.reasons.most_common(REASONS)),
                        "examples": [{"item": item, "reason": reason} for item, reason in stage.examples],
                    }
                    for where, reached, stage in kind.reached()
                ],
            }
            for name, kind in self.kinds.items()
        }

    def __str__(self) -> str:
        lines = []
        for name, kind in self.kinds.items():
            lines.append(
                f"{printable(name)}: {kind.kept:,} of {kind.proposed:,} kept ({_share(kind.kept, kind.proposed)})"
            )
            for where, reached, stage in kind.fallen():
                lines.append(
                    f"  {printable(where):<24} {stage.fell:>7,} of {reached:,} fell ({_share(stage.fell, reached)})"
                )
                for reason, count in stage.reasons.most_common(REASONS):
                    lines.append(f"      {count:>7,} × {printable(reason)}")
                lines += [f"              “{item}”: {reason}" for item, reason in stage.examples]
        return "\n".join(lines) or "nothing was proposed"

    def _repr_html_(self) -> str:
        rows = []
        for name, kind in self.kinds.items():
            rows.append(
                f"<tr><th>{_escaped(name)}</th><th>{kind.proposed:,}</th><th>{kind.kept:,} kept "
                f"({_share(kind.kept, kind.proposed)})</th><th></th></tr>"
            )
            for where, reached, stage in kind.fallen():
                reasons = "<br>".join(
                    f"{count:,} × {_escaped(why)}" for why, count in stage.reasons.most_common(REASONS)
                )
                examples = "".join(f"<li>“{_escaped(item)}”: {_escaped(why)}</li>" for item, why in stage.examples)
                shown = f"<details><summary>examples</summary><ul>{examples}</ul></details>" if examples else ""
                rows.append(
                    f"<tr><td>{_escaped(where)}</td><td>{reached:,}</td><td>{stage.fell:,} fell "
                    f"({_share(stage.fell, reached)})</td><td>{reasons}{shown}</td></tr>"
                )
        head = "<tr><th>stage</th><th>came</th><th></th><th>why</th></tr>"
        return f"<table>{head}{''.join(rows)}</table>"


def shown(record: Record) -> str:
    """Return an item in at most 80 characters that a terminal may show."""
    texts = [str(value) for value in record.fields.values() if isinstance(value, (str, int, float))]
    text = " · ".join(texts) or ", ".join(record.fields)
    return printable(text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…")


def printable(text: str) -> str:
    """Return a text on one line, with a mark where it has what a terminal would obey instead of show."""
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "\ufffd" for letter in text)


def _escaped(text: str) -> str:
    return html.escape(printable(text))


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"
