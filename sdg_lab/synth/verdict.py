"""What the figures mean for a person without statistics: a level, sentences, and what to do next.

Each question gets a level by a fixed rule, and the worst of them is the table's. An interval is of 95 in 100: what lies
within it may be luck.

==============  ==================================  ============================  ==================================
question        good                                look                          bad
==============  ==================================  ============================  ==================================
told apart      area at most .55                    at most .65                   above
use             area lost at most .02               at most .10                   above
members         area of the strongest attack at     at most .60                   above; or, of the outlying tenth,
                most .53, or its interval holds .5                                above .70 and not by luck
copies          no more than held-out rows have     more, at most one in 100      more than that
near copies     the same                            the same                      the same
==============  ==================================  ============================  ==================================

Copies and near copies are more than held-out rows have if the interval of the difference lies above 0. Nothing is ever
called safe: these attacks failed, another may not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from sdg_lab.metrics.tables.attacks import Attack, Disclosure
from sdg_lab.metrics.tables.intervals import Estimate
from sdg_lab.synth.judgement import Judgement

Level: TypeAlias = Literal["good", "look", "bad"]
LEVELS: tuple[str, ...] = get_args(Level)

NAMED = 3
"""Columns that are named; a table with a fault everywhere needs no list of all."""


@dataclass(frozen=True)
class Finding:
    """One question, and its answer.

    Attributes:
        about: ``"fidelity"``, ``"use"`` or ``"privacy"``.
        level: how the answer is to be taken.
        says: the answer, a sentence or two.
        todo: what to do next; empty where there is nothing.
    """

    about: str
    level: Level
    says: str
    todo: str = ""


@dataclass(frozen=True)
class Verdict:
    """All findings, the worst first.

    Attributes:
        level: the worst of them.
        findings: at least one.
    """

    level: Level
    findings: tuple[Finding, ...]

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        if self.level == "good":
            return "It is like your table, and no attack that was tried found out who is in it."
        worst = {finding.about for finding in self.findings if finding.level == self.level}
        if "privacy" in worst:
            strong = self.level == "bad"
            return "Do not share it: it gives people away." if strong else "Look before you share it: people may show."
        return "It is not like your table." if self.level == "bad" else "It is like your table, with exceptions."

    def __str__(self) -> str:
        marks = {"good": "+", "look": "!", "bad": "x"}
        lines = [self.headline]
        for finding in self.findings:
            lines.append(f"  {marks[finding.level]} {finding.says}" + (f" {finding.todo}" if finding.todo else ""))
        return "\n".join(lines)


def verdict_of(judged: Judgement) -> Verdict:
    """Return what a judgement means."""
    findings = sorted(_findings(judged), key=lambda finding: -LEVELS.index(finding.level))
    return Verdict(findings[0].level, tuple(findings))


def _findings(judged: Judgement) -> Iterator[Finding]:
    yield _told_apart(judged)
    if judged.synthetic.downstream is not None:
        yield _use(judged)
    if not judged.held_out:
        yield Finding(
            "privacy",
            "look",
            "No rows were held out, so nothing can be said about who gives himself away in it.",
            "Give rows that nothing has learnt from (--holdout).",
        )
    if judged.synthetic.membership is not None:
        yield _members(judged)
    if judged.synthetic.copies is not None:
        yield from _copies(judged)
    if guessed := [of for of in judged.disclosures if of.advantage.low > 0]:
        yield _guessed(guessed)


def _told_apart(judged: Judgement) -> Finding:
    area = judged.synthetic.apart.auc
    level = _level(area.value, 0.55, 0.65)
    if area.low <= 0.5:
        level = "good"
    real = judged.references["real rows"].apart.auc.value
    says = (
        f"A program that was shown real and synthetic rows picks the real one of a pair in {_in_100(area.value)}; "
        f"50 is guessing, and between real rows it is {100 * real:.0f}."
    )
    betray = [_names(giveaway.columns, giveaway.how) for giveaway in judged.giveaways[:NAMED]]
    if betray:
        rest = len(judged.giveaways) - len(betray)
        says += f" What betrays it: {'; '.join(betray)}" + (f"; and {rest} more." if rest else ".")
    elif level != "good":
        says += " No column betrays it alone, and no two together: it is what three or more show."
    small = judged.sizes["held out"] or judged.sizes["real"]
    if area.high - area.low > 0.15:
        says += f" (With {small:,} real rows to compare, this figure may be off by {(area.high - area.low) / 2:.2f}.)"
    return Finding("fidelity", level, says, "" if level == "good" else "Try another model (--model).")


def _names(columns: tuple[str, ...], how: str) -> str:
    if how == "together":
        return f"{columns[0]} and {columns[1]} do not go together as in the real table"
    what = "its values are spread otherwise" if how == "values" else "its numbers are written with other digits"
    return f"{columns[0]} ({what})"


def _use(judged: Judgement) -> Finding:
    found = judged.synthetic.downstream
    assert found is not None
    if found.synthetic is None or found.real is None:
        return Finding("use", "look", "How useful it is cannot be measured: " + "; ".join(found.why) + ".")
    lost = found.real.value - found.synthetic.value
    level = "good" if found.synthetic.high >= found.real.value else _level(lost, 0.02, 0.10)
    says = (
        f"Who learns from it to predict {found.target} puts two real rows in the right order in "
        f"{_in_100(found.synthetic.value)} pairs; who learns from the real table, in {100 * found.real.value:.0f}."
    )
    todo = "" if level == "good" else "Do not train on it without a test on real rows."
    return Finding("use", level, says, todo)


def _members(judged: Judgement) -> Finding:
    found = judged.synthetic.membership
    assert found is not None
    everyone, outlying = found.strongest, found.strongest_outlying
    level: Level = "good" if everyone.auc.low <= 0.5 else _level(everyone.auc.value, 0.53, 0.60)
    if outlying.auc.low > 0.5 and outlying.auc.value > 0.70:
        level = "bad"
    elif level == "good" and outlying.auc.low > 0.53:
        level = "look"
    copies = judged.references["copies"].membership
    says = (
        f"An attacker who has a person's row guesses whether it was in your table, and is right in "
        f"{_in_100(everyone.auc.value)} pairs ({_rate(everyone)}); 50 is guessing"
    )
    says += f", and of a table of copies it would be {100 * copies.strongest.auc.value:.0f}." if copies else "."
    says += f" Of the tenth of people who are least like others: {100 * outlying.auc.value:.0f}."
    todo = {
        "good": "",
        "look": "Raise --min-count, or leave out columns that single people out.",
        "bad": "Do not share it; raise --min-count, leave out columns, or take another model.",
    }[level]
    return Finding("privacy", level, says, todo)


def _rate(attack: Attack) -> str:
    return f"{100 * attack.tpr.value:.1f} % of members are found where 1 % of others are accused wrongly"


def _copies(judged: Judgement) -> Iterator[Finding]:
    found = judged.synthetic.copies
    assert found is not None
    n = judged.sizes["synthetic"]
    for what, share, chance, excess in (
        ("equal", found.exact, found.exact_by_chance, found.exact_excess),
        ("are nearly equal to", found.near, found.near_by_chance, found.near_excess),
    ):
        verb = what if what.startswith("are") else f"{what} to"
        many = excess.low > 0
        level: Level = "good" if not many else _level(excess.value, 0.0, 0.01)
        says = (
            f"{round(share.value * n):,} of {n:,} synthetic rows {verb.replace('equal to', 'equal')} a row that was "
            f"learnt from ({100 * share.value:.1f} %); of new people {100 * chance.value:.1f} % do by chance."
        )
        yield Finding("privacy", level, says, "" if level == "good" else "Raise --min-count, or drop these rows.")
    if found.nearer.low > 0.5:
        says = (
            f"In {_in_100(found.nearer.value)} cases a synthetic row lies nearer to rows that were learnt from than to "
            "others; 50 would be no sign of memory."
        )
        yield Finding("privacy", "look", says, "See what the attacks say.")


def _guessed(guessed: list[Disclosure]) -> Finding:
    worst = guessed[0]
    says = (
        f"With it and all the rest of a person's row, {worst.column} is guessed right in {_in_100(worst.train)} for "
        f"people in your table, and in {100 * worst.held_out:.0f} for others."
    )
    level: Level = "bad" if worst.advantage.low > 0.05 else "look"
    return Finding("privacy", level, says, f"Leave out {worst.column}, or coarsen it.")


def _level(value: float, good: float, look: float) -> Level:
    return "good" if value <= good else "look" if value <= look else "bad"


def _in_100(share: float) -> str:
    return f"{100 * share:.0f} of 100"


def interval(estimate: Estimate) -> str:
    """Return an interval in words."""
    return f"{estimate.low:.2f} to {estimate.high:.2f}"
