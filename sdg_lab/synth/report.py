"""The report: one page of HTML that needs no network and no script, and shows no row of the real table.

The same judgement gives the same text. Names and values of the table are escaped wherever they stand.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sdg_lab.metrics.tables.attacks import Attack
from sdg_lab.metrics.tables.intervals import Estimate
from sdg_lab.synth.drawings import Bars, heat_map, plain, whisker
from sdg_lab.synth.figures import (
    APART,
    COLUMNS,
    EXACT,
    FIGURES,
    FOUND,
    LEARNT,
    MEMBERS,
    NEAR,
    NEARER,
    OUTLYING,
    PAIRS,
    Judged,
)
from sdg_lab.synth.verdict import Finding, legible, name_of, of_table, verdict_of

if TYPE_CHECKING:
    import pandas as pd

MOST_COLUMNS, MAPPED, WORST, LISTED = 60, 40, 20, 10
"""So many columns are drawn, so many mapped in pairs or else the worst of them, and so many lines are listed."""

LEVEL_WORDS = {"good": ("✓", "Good"), "look": ("!", "Look"), "bad": ("✗", "Stop")}
TOPICS = {
    "fidelity": "Likeness",
    "use": "Use",
    "privacy": "Privacy",
    "privacy not measured": "Privacy",
    "model": "The model",
}

SHARES = (FOUND, EXACT, NEAR, NEARER)
"""Figures that are shares of rows, written in per cent."""

HEADINGS = {
    COLUMNS: ("Columns, mean distance", "0 is best"),
    PAIRS: ("Pairs of columns, mean distance", "as real rows is best"),
    APART: ("Told apart from real rows (C2ST), area", "0.5 is best"),
    LEARNT: ("Learnt from it (TSTR), area", "as real rows is best"),
    MEMBERS: ("Members found by the strongest attack, area", "0.5 is best"),
    FOUND: ("Members found where 1 % of others are accused (TPR at 1 % FPR)", "1 % is best"),
    OUTLYING: ("Members found in the outlying tenth, area", "0.5 is best"),
    EXACT: ("Rows that equal a row learnt from", "as real rows is best"),
    NEAR: ("Rows that nearly equal one", "as real rows is best"),
    NEARER: (
        "Rows nearer to those learnt from than to new ones (DCR share)",
        "above 50 % is an alarm; 50 % is no pass",
    ),
}

EXPLAINED = {
    COLUMNS: "The largest gap between the shares of two tables up to any value (numbers: Kolmogorov–Smirnov distance), "
    "or half the sum of the gaps between the shares of each (categories: total variation): 0 is alike, 1 has nothing "
    "in common. It catches a column whose values are distributed differently. It misses all that lies between columns.",
    PAIRS: "The same for two columns at once, numbers cut into ten. It catches two columns that no longer go together. "
    "It misses what only three show, and is never 0: compare with the real rows.",
    APART: "A classifier two-sample test (C2ST): boosted trees learn to tell synthetic rows from real ones (held-out "
    "ones, if there are any); the area says how often they name the synthetic one of two rows that are new to them. It "
    "catches all that trees can see, in one column or many. It misses copies, and much of wrong rounding, which is "
    "looked for by itself; and it does not say how large a fault is.",
    LEARNT: "Trees learn to predict one column from the others, from synthetic rows (TSTR) and from as many real rows "
    "(TRTR), and are tested on other real rows; TRTS is the reverse, learnt from real rows and tested on synthetic "
    "ones. It catches links to that column that are lost, or cleaner than they are. It misses what does not help to "
    "predict it.",
    MEMBERS: "Membership inference: several attacks guess from the synthetic table whether a real row was learnt from. "
    "The area says how often they prefer a row that was to one that was not. It catches tables that remember. It "
    "misses stronger attackers: that these fail proves nothing. Attacks by likelihood need the model itself, or so "
    "many rows of it that they amount to it: they have a line of their own.",
    FOUND: "How many of the rows that were learnt from an attack finds if it may accuse only one in a hundred of the "
    "others. It catches a table that is discreet on average and gives a few away for certain.",
    OUTLYING: "The same area for the tenth of the rows that are least like others, who are the first to be given away. "
    "They are few: mind the interval.",
    EXACT: "Rows in which every value is that of a row learnt from. Coarse tables have many by chance: so have the "
    "real rows beside it. It misses a copy with one value changed.",
    NEAR: "Rows much nearer to one row that was learnt from than to the next. It catches copies that were moved a "
    "little. It misses those of which a large part was changed.",
    NEARER: "How often a synthetic row lies nearer to rows learnt from than to as many new ones. Above 50 % it is an "
    "alarm. At 50 % it proves nothing: changed copies pass, though one in five of their values is that of a real row.",
}

ATTACKS = {
    "nearest": "a synthetic row lies close by",
    "nearest, for where it lies": "one lies closer than real rows do",
    "density": "many synthetic rows lie closer than real ones do",
    "density, by trees": "trees find it more synthetic than real",
    "parts": "it shares rare values with one synthetic row",
    "parts, for where it lies": "more of them than with a real row",
    "likelihood": "the model holds it likely",
    "likelihood, for where it lies": "more likely than such rows are",
}

STYLE = """
:root{color-scheme:light dark;--paper:#fff;--ink:#222;--muted:#595959;--line:#d5d5d5;--soft:#f4f5f7;--real:#0072b2;
--made:#d55e00;--good:#00664b;--look:#8a5300;--bad:#b3261e;--fill:.3}
@media (prefers-color-scheme:dark){:root{--paper:#16181c;--ink:#e8e8e8;--muted:#a9adb3;--line:#3c4047;--soft:#20242a;
--real:#56b4e9;--made:#ff9a52;--good:#4cc9a0;--look:#f0b95a;--bad:#ff8a80;--fill:.4}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.5rem 1rem 3rem;max-width:68rem;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.7rem;line-height:1.25;margin:.2rem 0 1rem}h2{font-size:1.25rem;margin:2.6rem 0 .6rem;
padding-bottom:.2rem;border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:1.4rem 0 .4rem}
p,li,dd{max-width:46rem}.small,caption,figcaption{color:var(--muted);font-size:.875rem}
.finding{border-left:5px solid var(--of);background:var(--soft);padding:.55rem .9rem;margin:.6rem 0;border-radius:3px}
.finding p{margin:.15rem 0}.finding .mark{color:var(--of);font-weight:700}.good{--of:var(--good)}.look{--of:var(--look)}
.bad{--of:var(--bad)}.todo{font-weight:600}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;padding:.3rem 0}th,td{padding:.35rem .6rem;border-bottom:1px solid var(--line);text-align:left;
vertical-align:top}thead th{vertical-align:bottom;overflow-wrap:normal;color:var(--muted);font-weight:600}
tbody th{font-weight:500;min-width:9rem}td{white-space:nowrap;overflow-wrap:normal}td.ours{font-weight:650}
td .span,th .small{display:block;font-weight:400}
td.text{white-space:normal;min-width:9rem}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,18.5rem),1fr));gap:1.2rem 1.6rem}
figure{margin:0;break-inside:avoid}figure h3{margin:0 0 .1rem}figcaption{line-height:1.35;margin-bottom:.3rem}
svg{display:block;width:100%;height:auto}svg text{font-size:11px;fill:var(--muted)}svg .real{fill:var(--real);
fill-opacity:var(--fill)}svg .made{fill:none;stroke:var(--made);stroke-width:2}svg .axis{stroke:var(--line);fill:none}
svg .heat{fill:var(--made)}.maps{display:grid;gap:1.5rem;
grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr))}
svg.map{max-width:none}svg.map text{font-size:10px}.whisker{width:120px;height:14px}.whisker .span{stroke:var(--made);
stroke-width:3}.whisker .dot{fill:var(--made)}.whisker .chance{stroke:var(--ink);stroke-dasharray:2 2}
.key{display:inline-block;width:1.4em;height:.8em;margin:0 .3em 0 .9em;vertical-align:-.05em}
.key.real{background:var(--real);opacity:var(--fill)}.key.made{border:2px solid var(--made);border-bottom:0}
.ramp{display:inline-block;width:7em;height:.8em;margin:0 .4em;border:1px solid var(--line);
background:linear-gradient(to right,transparent,var(--made))}
dt{font-weight:600;margin-top:.8rem}dd{margin:0}
@media print{body{max-width:none;font-size:11pt;padding:0}.wide{overflow:visible}h2,h3{break-after:avoid}
.finding,tr{break-inside:avoid}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
@media (max-width:30rem){h1{font-size:1.35rem}th,td{padding:.3rem .4rem}}
"""


def page_of(judged: Judged) -> str:
    """Return the page; the same judgement gives the same text."""
    verdict = verdict_of(judged)
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>A synthetic table, judged</title><style>{STYLE}</style></head><body><main>",
        '<p class="small">A synthetic table, judged</p>',
        f"<h1>{escape(verdict.headline)}</h1>",
        *(_finding(finding) for finding in verdict.findings),
        *_figures(judged),
        *_columns(judged),
        *_pairs(judged),
        *_betrays(judged),
        *_use(judged),
        *_privacy(judged),
        *_reading(),
        *_measured(judged),
        "</main></body></html>\n",
    ]
    return "\n".join(parts)


def _finding(finding: Finding) -> str:
    mark, word = LEVEL_WORDS[finding.level]
    todo = f'<p class="todo">{escape(finding.todo)}</p>' if finding.todo else ""
    return (
        f'<div class="finding {finding.level}"><p><span class="mark"><span aria-hidden="true">{mark} </span>'
        f"{word}</span> · {TOPICS[finding.about]}</p><p>{escape(finding.says)}</p>{todo}</div>"
    )


def _figures(judged: Judged) -> Iterator[str]:
    yield "<h2>Figures, beside what they are of tables whose faults are known</h2>"
    yield (
        "<p>Real rows: as good as can be expected. Independent: the real columns, each shuffled by itself. "
        "Copies: real rows, drawn again and again. Changed copies: real rows of which four in five values were drawn "
        "anew. Areas are areas under the ROC curve (AUC). Below a figure stands its 95 % confidence interval. No "
        "attack is made on the real rows: they are who is to be found.</p>"
    )
    found = judged.estimates
    lines = []
    for name in FIGURES:
        if name not in found["synthetic"]:
            continue
        heading, best = HEADINGS[name]
        cells = [_cell(of.get(name), name in SHARES, ours=table == "synthetic") for table, of in found.items()]
        lines.append([f'{heading}<span class="small">{best}</span>', *cells])
    yield _table("All figures", ["", *(_capital(name) for name in found)], lines)


def _cell(estimate: Estimate | None, percent: bool, *, ours: bool = False) -> str:
    if estimate is None or estimate.value != estimate.value:
        return "<td>–</td>"
    text = _text(estimate.value, percent)
    if estimate.low < estimate.high:
        low, high = (_text(end, percent).removesuffix("\u00a0%") for end in (estimate.low, estimate.high))
        text += f'<span class="span small">{low} to {high}</span>'
    return f'<td class="ours">{text}</td>' if ours else f"<td>{text}</td>"


def _text(value: float, percent: bool) -> str:
    text = f"{100 * value:.1f}\u00a0%" if percent else f"{value:.3f}"
    return text.replace("-", "\u2212")


def _table(caption: str, headings: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table; the first cell of a line heads it, and cells that are no elements yet are made some."""
    head = "".join(f'<th scope="col">{heading}</th>' if heading else "<td></td>" for heading in headings)
    body = "".join(
        f'<tr><th scope="row">{line[0]}</th>'
        + "".join(cell if cell.startswith("<td") else f"<td>{cell}</td>" for cell in line[1:])
        + "</tr>"
        for line in lines
    )
    return (
        f'<div class="wide" role="region" aria-label="{escape(caption)}" tabindex="0"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _columns(judged: Judged) -> Iterator[str]:
    found = judged.synthetic.columns
    figures = ("distance", "by_chance", "missing_real", "missing_synthetic")
    far, chance, without, without_made = (found[figure].to_numpy(dtype=float) for figure in figures)
    order = np.argsort(-np.fmax(far - chance, np.abs(without - without_made)), kind="stable")[:MOST_COLUMNS]
    yield "<h2>Columns, the worst first</h2>"
    more = len(found) - len(order)
    yield (
        f'<p><span class="key real" style="margin-left:0"></span>real rows{_unseen(judged)}'
        '<span class="key made"></span>synthetic rows. Values that fewer than ten real rows have stand among the '
        "others; the ten smallest and the ten largest numbers share the outermost bars with all that lies beyond."
        + (f" {more:,} more columns, all better than these, are not drawn." if more > 0 else "")
        + "</p>"
    )
    yield '<div class="grid">'
    for i in order:
        name = str(found.index[i])
        distance = f"distance {far[i]:.3f}, by chance {chance[i]:.3f}"
        if np.isnan(far[i]):
            distance = "one of the tables has no value in it"
        empty = ""
        if without[i] or without_made[i]:
            empty = f"; missing {_text(without[i], True)} real, {_text(without_made[i], True)} synthetic"
        bars = Bars.of(judged.real[name], judged.made[name])
        note = f"<br>{escape(bars.note)}" if bars.note else ""
        yield (
            f"<figure><h3>{plain(name)}</h3><figcaption>{distance}{empty}{note}</figcaption>"
            f"{bars.svg(f'{legible(name)}, real and synthetic: {distance}{empty}')}</figure>"
        )
    yield "</div>"


def _pairs(judged: Judged) -> Iterator[str]:
    ours, real = judged.synthetic.pairs, judged.references["real rows"].pairs
    if len(ours) < 2:
        return
    real = real.reindex(index=ours.index, columns=ours.columns)
    independent = judged.references["independent"].pairs.reindex(index=ours.index, columns=ours.columns)
    beyond = (ours - real).fillna(0.0).to_numpy(copy=True)
    np.fill_diagonal(beyond, -np.inf)
    yield "<h2>Pairs of columns</h2>"
    kept = np.arange(len(ours))
    if len(ours) > MAPPED:
        kept = np.sort(np.argsort(-beyond.max(axis=1), kind="stable")[:WORST])
        yield f"<p>Of {len(ours)} columns the {WORST} whose pairs are worst are drawn.</p>"
    top = max(0.1, *(np.nanmax(_off_diagonal(table, kept)) for table in (ours, real)))
    yield (
        f'<p>How far each pair is from real rows{_unseen(judged)}: 0<span class="ramp"></span>{top:.2f}. '
        "The second map is as good as can be expected.</p>"
        '<div class="maps">'
    )
    for heading, table in (("Synthetic rows", ours), ("Real rows", real)):
        part = table.iloc[kept, kept]
        mean = float(np.nanmean(_off_diagonal(table, kept)))
        label = f"{heading}: distances of {len(part)} columns in pairs, {mean:.3f} in the mean"
        yield f'<figure><h3>{heading}</h3><div class="wide">{heat_map(part, top, label)}</div></figure>'
    yield "</div>"
    rows, columns = np.triu_indices(len(ours), k=1)
    worst = np.argsort(-beyond[rows, columns], kind="stable")[:LISTED]
    lines = []
    for i, j in zip(rows[worst], columns[worst], strict=True):
        names = f"{plain(ours.index[i])} × {plain(ours.columns[j])}"
        lines.append([names, *(_number(table.iloc[i, j]) for table in (ours, real, independent))])
    yield _table("The worst pairs: distances", ["Pair", "Synthetic", "Real rows", "Independent"], lines)


def _off_diagonal(table: pd.DataFrame, kept: NDArray[np.int64]) -> NDArray[np.float64]:
    values = table.to_numpy(dtype=float)[np.ix_(kept, kept)]
    found: NDArray[np.float64] = values[np.triu_indices(len(values), k=1)]
    return found if np.isfinite(found).any() else np.zeros(1)


def _number(value: float) -> str:
    return f"{value:.3f}" if value == value else "–"


def _betrays(judged: Judged) -> Iterator[str]:
    yield "<h2>What betrays it</h2>"
    if judged.giveaways:
        lines = [
            [escape(name_of(found)), _cell(found.auc, percent=False), f"{found.gain:.3f}"]
            for found in judged.giveaways[:WORST]
        ]
        more = len(judged.giveaways) - len(lines)
        yield _table(
            "Columns, and pairs of columns, that tell synthetic rows from real ones",
            ["", "Area", "Beyond guessing"],
            lines,
        )
        yield f'<p class="small">And {more} more.</p>' if more else ""
    else:
        yield "<p>No column betrays it alone, and no two together beyond what luck brings.</p>"
    telling = [(name, by) for name, by in judged.synthetic.apart.importance.items() if by > 0.01][:LISTED]
    if telling and judged.synthetic.apart.auc.low > 0.5:
        lines = [[plain(name), f"{by:.3f}"] for name, by in telling]
        yield _table(
            "What the classifier looks at: by how much the area falls when a column is shuffled",
            ["Column", "Falls by"],
            lines,
        )


def _use(judged: Judged) -> Iterator[str]:
    found = judged.synthetic.downstream
    yield "<h2>Use</h2>"
    if found is None:
        yield "<p>Not measured: a table of one column has nothing to predict it from.</p>"
        return
    kinds = {
        "two classes": "which of two values it has",
        "classes": "which of its values it has (the commonest; the mean over them)",
        "number": "whether it lies above its median",
    }
    yield (
        f"<p>Predicted from the other columns: <b>{plain(found.target)}</b>, {kinds[found.task]}. "
        "The area is .5 for guessing, 1 for always right.</p>"
    )
    lines = []
    for heading, estimate in (
        ("Learnt from synthetic rows, tested on real ones (TSTR)", found.synthetic),
        ("Learnt from real rows, tested on real ones (TRTR)", found.real),
        ("Learnt from real rows, tested on synthetic ones (TRTS)", found.on_synthetic),
    ):
        mark = found.real.value if found.real else None
        drawn = "" if estimate is None else whisker(estimate, 0.3, 1.0, mark)
        lines.append([heading, _cell(estimate, percent=False), drawn])
    yield _table("Areas; the dashed line is TRTR", ["", "Area", "0.3 to 1"], lines)
    yield from (f'<p class="small">{plain(reason, 300)}.</p>' for reason in found.why)


def _privacy(judged: Judged) -> Iterator[str]:
    yield "<h2>Privacy</h2>"
    if not judged.held_out:
        yield (
            "<p>Not measured: no rows were held out. A synthetic row near to a real one may be a copy, or such rows "
            "may be common; only rows that nothing has learnt from can tell the two apart.</p>"
        )
        return
    found, copied = judged.synthetic.membership, judged.synthetic.copies
    if found is None or copied is None:
        yield "<p>Not measured: too few rows were held out.</p>"
        return
    yield (
        "<p>Someone who has the synthetic table and the row of a person guesses whether that row was learnt from. "
        "That all attacks fail proves nothing; that one succeeds is evidence.</p>"
    )
    headings = [
        "Attack",
        "Area, all",
        "0.3 to 1",
        "Found at 1 %, all",
        "Area, outlying tenth",
        "Found at 1 %, outlying tenth",
    ]
    lines = [_attack("The strongest by the table alone, chosen on other rows", found.by_table, found.by_table_outlying)]
    if len(found.attacks) > len(of_table(found)):
        lines.append(_attack("The strongest, with the model known, too", found.strongest, found.strongest_outlying))
    for one, other in zip(found.attacks, found.outlying, strict=True):
        heading = f'{escape(one.name)}<span class="small">{ATTACKS.get(one.name, "")}</span>'
        lines.append(_attack(heading, one, other))
    for name, of in judged.references.items():
        if of.membership is not None:
            strongest = of.membership.by_table, of.membership.by_table_outlying
            lines.append(
                _attack(
                    f"The strongest on {'independent columns' if name == 'independent' else escape(name)}", *strongest
                )
            )
    yield _table("Attacks; 0.5 and 1 % are guessing", headings, lines)
    yield from _guessed(judged)
    yield "<h3>Copies</h3>"
    lines = [
        [
            "Equal a row learnt from",
            *(_cell(of, True) for of in (copied.exact, copied.exact_by_chance, copied.exact_excess)),
        ],
        ["Nearly equal one", *(_cell(of, True) for of in (copied.near, copied.near_by_chance, copied.near_excess))],
        ["Nearer to rows learnt from than to new ones", _cell(copied.nearer, True), "50.0 %", "an alarm, never a pass"],
    ]
    yield _table("Copies: shares of rows", ["", "Synthetic", "New real rows", "Beyond chance"], lines)


def _attack(heading: str, everyone: Attack, outlying: Attack) -> list[str]:
    return [
        heading,
        _cell(everyone.auc, percent=False),
        whisker(everyone.auc, 0.3, 1.0, 0.5),
        _cell(everyone.tpr, percent=True),
        _cell(outlying.auc, percent=False),
        _cell(outlying.tpr, percent=True),
    ]


def _guessed(judged: Judged) -> Iterator[str]:
    yield "<h3>Values that are guessed</h3>"
    if not judged.disclosures:
        yield "<p>Not measured: there is no other column to guess from.</p>"
        return
    lines = [
        [plain(of.column), _text(of.train, True), _text(of.held_out, True), _cell(of.advantage, percent=True)]
        for of in judged.disclosures[:LISTED]
    ]
    yield _table(
        "How often one column is guessed from the rest of a row and the synthetic table, the largest differences first",
        ["Column", "Rows learnt from", "New rows", "Difference"],
        lines,
    )


def _reading() -> Iterator[str]:
    yield "<h2>How to read this</h2><dl>"
    yield from (f"<dt>{HEADINGS[name][0]}</dt><dd>{EXPLAINED[name]}</dd>" for name in FIGURES)
    yield (
        "<dt>Values that are guessed</dt><dd>Attribute inference: the nearest synthetic row says the value that is not "
        "known. Of new rows, too, that is often right, since columns follow from each other; only the difference was "
        "given away by the table. The intervals of all columns hold together in 95 of 100 cases.</dd></dl>"
        "<h3>How the levels are set</h3>"
    )
    lines = [
        [
            "Told apart",
            "area at most .55, or its interval holds .5",
            "at most .65; or that of one column, or two, above .55",
            "above",
        ],
        ["Use", "area lost at most .02, or its interval reaches that of real rows", "at most .10", "above"],
        [
            "Strongest attack",
            "area at most .53, or its interval holds .5",
            "at most .60; or in the outlying tenth above .53 and not by luck; or too few rows to see .65",
            "above; or in the outlying tenth above .70 and not by luck",
        ],
        ["The model, too", "as the strongest attack", "above that", "–"],
        ["Found at 1 %", "at most 2 %, or by luck", "more, and not by luck", "more than 5 %, and not by luck"],
        ["Copies, near copies", "no more than new real rows", "at most 1 % more", "more than that"],
        ["Nearer", "–", "above 50 %, and not by luck", "–"],
        ["Values guessed", "–", "more often of rows learnt from, and not by luck", "by more than 5 %, and not by luck"],
    ]
    yield _table(
        "The worst level of all is the table's",
        ["", "Good", "Look", "Stop"],
        [[line[0], *(f'<td class="text">{cell}</td>' for cell in line[1:])] for line in lines],
    )


def _measured(judged: Judged) -> Iterator[str]:
    sizes, apart, found = judged.sizes, judged.synthetic.apart, judged.synthetic.membership
    yield "<h2>How it was measured</h2>"
    held = f"{sizes['held out']:,} real rows held out" if judged.held_out else "no real rows held out"
    yield (
        f"<p>{sizes['real']:,} real rows learnt from, {held}, {sizes['synthetic']:,} synthetic rows, "
        f"{len(judged.synthetic.columns):,} columns; seed {judged.seed}. The classifier that tells them apart saw "
        f"{apart.rows:,} rows of each kind, each judged by trees that had learnt from others."
    )
    if found is not None:
        yield (
            f" The attacks asked about {found.members:,} rows that were learnt from and as many that were not, with "
            f"{found.reference:,} more for reference, and searched all synthetic rows."
        )
    yield (
        "</p><p>Intervals are 95 % confidence intervals: how far other rows to judge would move a figure. Another run "
        "of the model would move it, too. Each question has its own: in a trial 7 of 25 perfect tables were to be "
        "looked at, and none was stopped. The same tables and the same seed give the same page. No row of the real "
        "table is on it.</p>"
    )


def _unseen(judged: Judged) -> str:
    return " that nothing was learnt from" if judged.held_out else ""


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
