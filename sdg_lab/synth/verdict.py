"""What the figures mean for a person without statistics: a level, sentences, and what to do next.

Each question gets a level by a fixed rule, and the worst of them is the table's. Intervals are confidence intervals of
95 %, each question's own, so a perfect table is sometimes to be looked at, too: of 25 that were drawn from the very law
of a world of 600 rows (that of the tests), 7 were, and none was bad.

==============  ==================================  ============================  ==================================
question        good                                look                          bad
==============  ==================================  ============================  ==================================
told apart      area at most .55, or its interval   at most .65; or of one        above
                holds .5                            column, or two, above .55
use             area lost at most .02, or TSTR's    at most .10                   above
                interval reaches TRTR
members         area of the strongest attack by     at most .60; or, of the       above; or, of the outlying tenth,
                the table alone at most .53, or     outlying tenth, the interval  above .70 and not by luck
                its interval holds .5               lies above .53
model           the same, the likelihood of the     above                         never: the table is judged, and
                model known, too                                                  need not go with its model
members at 1 %  share found at most .02, or the     the interval lies above .01   the interval lies above .05
                interval holds .01
copies          no more than held-out rows have     more, at most one in 100      more than that
near copies     the same                            the same                      the same
nearer          never: it passes no one             the interval lies above .5    never: it is an alarm
attributes      nothing is said                     guessed more often of rows    by more than one in 20, and not
                                                    that were learnt from         by luck
==============  ==================================  ============================  ==================================

Copies and near copies are more than held-out rows have if the interval of the difference lies above 0. Where so few
rows were held out that an attack could succeed unseen (the interval of its area ends above .65), that is said, and
asks to look. Nothing is ever called harmless: these attacks failed, another may not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from sdg_lab.metrics.tables.attacks import LIKELIHOOD, Attack, Disclosure, Membership
from sdg_lab.metrics.tables.two_sample import Giveaway
from sdg_lab.synth.figures import Judged

Level: TypeAlias = Literal["good", "look", "bad"]
LEVELS: tuple[str, ...] = get_args(Level)

UNSEEN = 0.65
"""Where the interval of the strongest attack's area ends above this, it might succeed and not be seen to."""

NAMED = 3
"""Columns that are named; a table with a fault everywhere needs no list of all."""


@dataclass(frozen=True)
class Finding:
    """One question, and its answer.

    Attributes:
        about: ``"fidelity"``, ``"use"``, ``"privacy"``, ``"privacy not measured"``, or ``"model"``.
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

    def worst_of(self, *about: str) -> Level | None:
        """Return the worst level of some questions; None if none was asked."""
        levels = [finding.level for finding in self.findings if finding.about in about]
        return max(levels, key=LEVELS.index) if levels else None

    @property
    def headline(self) -> str:
        """The verdict in one or two sentences."""
        like = {
            "good": "It is like your table",
            "look": "It is mostly like your table",
            "bad": "It is not like your table",
        }
        fidelity, use = self.worst_of("fidelity") or "look", self.worst_of("use") or "good"
        says = like[fidelity]
        if use == "bad" and fidelity != "bad":
            says += ", but much less can be learnt from it"
        privacy = self.worst_of("privacy")
        if privacy == "bad":
            return f"Do not share it: it gives away who is in your table. {says}."
        if privacy == "look":
            return f"Look before you share it: it may give away some of those in your table. {says}."
        if privacy is None:
            return f"{says}. Whether it gives away who is in your table was not measured."
        joined = ", and" if says == like["good"] else "; and"
        return f"{says}{joined} no attack that was tried did much better than guessing who is in it."

    def __str__(self) -> str:
        marks = {"good": "+", "look": "!", "bad": "x"}
        lines = [self.headline]
        for finding in self.findings:
            lines.append(f"  {marks[finding.level]} {finding.says}" + (f" → {finding.todo}" if finding.todo else ""))
        return "\n".join(lines)


def verdict_of(judged: Judged) -> Verdict:
    """Return what a judgement means."""
    findings = sorted(_findings(judged), key=lambda finding: -LEVELS.index(finding.level))
    return Verdict(findings[0].level, tuple(findings))


def legible(text: object, most: int = 60) -> str:
    r"""Return a name or a value of someone's table in one line that shows what it is made of, and obeys nothing.

    What is not printed, or turns the direction of what follows, is written as ``\u202e``; a long text loses its middle.
    """
    shown = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode("ascii") for letter in str(text)
    )
    shown = shown if shown.strip() else repr(shown)
    end = (most - 1) // 3
    return shown if len(shown) <= most else f"{shown[: most - 1 - end]}…{shown[-end:]}"


def _findings(judged: Judged) -> Iterator[Finding]:
    yield _told_apart(judged)
    if judged.synthetic.downstream is not None:
        yield _use(judged)
    if judged.held_out and judged.synthetic.membership is not None and judged.synthetic.copies is not None:
        yield _members(judged)
        yield from _model(judged.synthetic.membership)
        yield from _copies(judged)
        if guessed := [of for of in judged.disclosures if of.advantage.low > 0]:
            yield _guessed(guessed[0])
    elif not judged.held_out:
        says = (
            "No rows were held out: whether it gives away who is in your table was not measured, and it was compared "
            "with rows that may have been learnt from, which flatters copies."
        )
        yield Finding("privacy not measured", "look", says, "Give rows that nothing has learnt from (--holdout).")


def _told_apart(judged: Judged) -> Finding:
    area = judged.synthetic.apart.auc
    level = "good" if area.low <= 0.5 else _level(area.value, 0.55, 0.65)
    if level == "good" and any(giveaway.auc.value > 0.55 for giveaway in judged.giveaways):
        level = "look"  # digits, say, which no tree sees
    real = judged.references["real rows"].apart.auc.value
    says = (
        f"Shown a real and a synthetic row, a classifier names the synthetic one in {_in_100(area.value)} cases; 50 is "
        f"guessing, and of two real rows it is {100 * real:.0f}."
    )
    betray = [name_of(giveaway) for giveaway in judged.giveaways[:NAMED]]
    if betray:
        rest = len(judged.giveaways) - len(betray)
        says += f" What betrays it: {'; '.join(betray)}" + (f"; and {rest} more." if rest else ".")
    elif level != "good":
        says += " No column shows it alone, and no two together: it takes more of them, or a finer look at them."
    half = (area.high - area.low) / 2
    if half > 0.075:
        rows = judged.synthetic.apart.rows
        says += f" With only {rows:,} rows of each kind to compare, chance may move this by {100 * half:.0f}."
    return Finding("fidelity", level, says, "" if level == "good" else "Try another model, or learn from more rows.")


def name_of(giveaway: Giveaway) -> str:
    """Return what betrays a table, in words."""
    names = [legible(name) for name in giveaway.columns]
    if giveaway.how == "together":
        return f"{names[0]} with {names[1]} (they do not go together as in real rows)"
    what = {"values": "its values are distributed differently", "digits": "its numbers are rounded differently"}
    return f"{names[0]} ({what[giveaway.how]})"


def _use(judged: Judged) -> Finding:
    found = judged.synthetic.downstream
    assert found is not None
    if found.synthetic is None or found.real is None:
        says = f"How much can be learnt from it was not measured: {legible('; '.join(found.why), 400)}."
        return Finding("use", "look", says, "Name a column that one would predict (--target).")
    lost = found.real.value - found.synthetic.value
    level = "good" if found.synthetic.high >= found.real.value else _level(lost, 0.02, 0.10)
    much = {"good": "as well as", "look": "a little worse than", "bad": "much worse than"}[level]
    doubt = ", as far as the rows to test on can tell" if level == "good" and lost > 0.02 else ""
    says = (
        f"One learns to predict {legible(found.target)} from it {much} from your table{doubt}: "
        f"{_in_100(found.synthetic.value)} pairs of real rows are put in the right order, against "
        f"{100 * found.real.value:.0f}."
    )
    return Finding("use", level, says, "" if level == "good" else "Test on real rows whatever learns from it.")


def _members(judged: Judged) -> Finding:
    found = judged.synthetic.membership
    assert found is not None
    everyone, outlying = found.by_table, found.by_table_outlying
    level: Level = "good" if everyone.auc.low <= 0.5 else _level(everyone.auc.value, 0.53, 0.60)
    share = everyone.tpr
    few = everyone.auc.high > UNSEEN
    if (outlying.auc.low > 0.5 and outlying.auc.value > 0.70) or share.low > 0.05:
        level = "bad"
    elif level == "good" and (outlying.auc.low > 0.53 or (share.low > 0.01 and share.value > 0.02) or few):
        level = "look"
    copies = judged.references["copies"].membership
    says = (
        f"The strongest of {len(of_table(found))} attacks tells a row of your table from a new one in "
        f"{_in_100(everyone.auc.value)} cases (of the tenth least like others, in {100 * outlying.auc.value:.0f}); 50 "
        "is guessing"
    )
    says += f", and mere copies would give {100 * copies.by_table.auc.value:.0f}." if copies else "."
    says += f" Where 1 of 100 strangers is accused wrongly, it finds {100 * share.value:.1f} of 100 of yours."
    if few and everyone.auc.low <= 0.5:
        says += (
            f" But only {found.members:,} rows could be asked about: up to {_in_100(everyone.auc.high)} would fit what "
            "was seen."
        )
        return Finding("privacy", level, says, "" if level == "good" else "Hold out more rows, if there are more.")
    todo = {
        "good": "",
        "look": "Raise --min-count, or leave out columns that single people out.",
        "bad": "Raise --min-count, leave out columns that single people out, or take another model.",
    }[level]
    return Finding("privacy", level, says, todo)


def of_table(found: Membership) -> list[Attack]:
    """Return the attacks that have the table alone."""
    return [attack for attack in found.attacks if not attack.name.startswith(LIKELIHOOD)]


def _model(found: Membership) -> Iterator[Finding]:
    """Say what the model itself gives away; the longer a table, the more it shows of the model."""
    area, outlying = found.strongest.auc, found.strongest_outlying.auc
    if len(found.attacks) == len(of_table(found)) or area.low <= 0.5 or area.value <= 0.53:
        return
    says = (
        f"Someone who has the model that made it, too, tells a row of your table from a new one in "
        f"{_in_100(area.value)} cases; of the tenth least like others, in {100 * outlying.value:.0f}."
    )
    todo = "Hand out the table, not the model, and not many times more rows than your table has."
    yield Finding("model", "look", says, todo)


def _copies(judged: Judged) -> Iterator[Finding]:
    found = judged.synthetic.copies
    assert found is not None
    kinds = (
        ("equal a row of your table", found.exact, found.exact_by_chance, found.exact_excess),
        ("nearly equal one", found.near, found.near_by_chance, found.near_excess),
    )
    chances = []
    for what, share, chance, excess in kinds:
        here = f"{_percent(share.value)} of the synthetic rows {what}, and {_percent(chance.value)} of new real rows do"
        if excess.low > 0:
            level = _level(excess.value, 0.0, 0.01)
            yield Finding("privacy", level, f"{here}: more than chance brings.", "Raise --min-count.")
        else:
            chances.append(here)
    if chances:
        yield Finding("privacy", "good", "; ".join(chances) + ": no more than chance brings.")
    if found.nearer.low > 0.5:
        says = (
            f"A synthetic row lies nearer to your rows than to new ones in {_in_100(found.nearer.value)} cases; 50 "
            "would be no sign of memorisation."
        )
        yield Finding("privacy", "look", says, "An alarm: see what the attacks found.")


def _guessed(worst: Disclosure) -> Finding:
    name = legible(worst.column)
    says = (
        f"Someone who knows all the rest of a row guesses {name} in {_in_100(worst.train)} cases if the row is in your "
        f"table, and in {100 * worst.held_out:.0f} if not."
    )
    return Finding(
        "privacy", "bad" if worst.advantage.low > 0.05 else "look", says, f"Leave out {name}, or coarsen it."
    )


def _level(value: float, good: float, look: float) -> Level:
    return "good" if value <= good else "look" if value <= look else "bad"


def _in_100(share: float) -> str:
    return f"{100 * share:.0f} of 100"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
