"""``auto``: the most faithful of those that do not betray their rows, by rows that they have not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from sdg_lab.synth import choice
from sdg_lab.synth.choice import Choice, Trial, choose


def table(n: int = 300, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    size = rng.normal(size=n)
    kind = pd.Series(np.where(size + rng.normal(size=n) > 0, "large", "small"), dtype="category")
    return pd.DataFrame({"size": size.round(2), "kind": kind, "count": rng.poisson(3, n)})


def judged(monkeypatch: pytest.MonkeyPatch, figures: dict[str, tuple[float, float]]) -> list[str]:
    """Have each candidate, by its family and leaf, the figures said; return what is tried."""
    tried: list[str] = []

    def trial(family: str, options: dict[str, Any], *_: object) -> Trial:
        name = family + "".join(str(value)[0] if key == "order" else str(value) for key, value in options.items())
        tried.append(name)
        apart, members = figures.get(name, (0.9, 0.9))
        return Trial(family, options, apart, members, 0.001)

    monkeypatch.setattr(choice, "_try", trial)
    return tried


def test_the_first_that_is_faithful_and_keeps_its_rows_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = judged(monkeypatch, {"treesf": (0.52, 0.51)})
    found = choose(table(), progress=False)
    assert tried == ["treesf"]
    assert (found.family, found.options) == ("trees", {"order": "falling"})


def test_the_better_order_gets_the_larger_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = judged(monkeypatch, {"treesf": (0.56, 0.6), "treesr": (0.55, 0.6), "treesr20": (0.57, 0.52)})
    found = choose(table(), progress=False)
    assert tried == ["treesf", "treesr", "treesr20", "boosted", "copula", "bayesnet"]
    assert found.options == {"order": "rising", "leaf": 20}
    assert "the least told apart of 1 (of 6 that were tried), since the others betray" in found.why


def test_if_all_betray_their_rows_the_one_that_does_least_is_taken_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    judged(monkeypatch, {"copula": (0.8, 0.6)})
    found = choose(table(), progress=False)
    assert found.family == "copula"
    assert "all 6 that were tried betray their rows" in found.why


def test_what_the_error_allows_is_no_betrayal() -> None:
    assert not Trial("trees", {}, 0.5, 0.545, 0.02).betrays
    assert Trial("trees", {}, 0.5, 0.545, 0.01).betrays


def test_boosting_is_not_tried_on_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice, "MAX_BOOSTED", 100)
    tried = judged(monkeypatch, {})
    choose(table(), progress=False)
    assert tried == ["treesf", "treesr", "treesf20", "copula", "bayesnet"]


@pytest.mark.slow
def test_for_real_a_copier_is_refused_and_an_honest_family_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = table(600)
    monkeypatch.setattr(choice, "ORDERS", (("trees", {"leaf": 1, "trees": 1, "order": "falling"}), *choice.ORDERS))
    found = choose(rows, progress=False)
    copier = found.trials[0]
    assert copier.betrays
    assert found.options.get("leaf") != 1
    assert 0.4 < found.trials[-1].membership < 0.6


def test_what_cannot_learn_is_said_and_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ValueError("too many categories")

    monkeypatch.setattr(choice, "learnt_by", refuse)
    with pytest.raises(ValueError, match=r"no family can learn from this table: .*too many categories"):
        choose(table(), progress=False)


def test_it_comes_back_from_json() -> None:
    import json

    found = Choice("trees", {"leaf": 20}, "so", (Trial("trees", {"leaf": 20}, 0.5, 0.51, 0.01), Trial("copula", {})))
    again = Choice.from_config(json.loads(json.dumps(found.config())))
    assert again.config() == found.config() or str(again) == str(found)
    assert again.trials[0] == found.trials[0]
