"""The families that synthesise a table, by the name that a person says; each takes what a preparation encodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

from sdg_lab.checks import one_of
from sdg_lab.models.contract import SyntheticModel

TableModel: TypeAlias = "SyntheticModel[Any]"

FAMILIES: dict[str, str] = {
    "trees": "sequential decision trees",
    "boosted": "boosted trees, column by column",
    "bayesnet": "a Bayesian network",
    "copula": "a Gaussian copula",
}
"""What each is in words."""


def model_of(family: str, options: Mapping[str, Any]) -> TableModel:
    """Return an unfitted model.

    Raises:
        ImportError: if a package is missing; the sentence says which command brings it.
        ValueError: if there is no such family, or the options do not fit it.
    """
    return _class(one_of("model", family, FAMILIES))(**options)


def restored(family: str, header: Mapping[str, Any], state: dict[str, Any]) -> TableModel:
    """Return the fitted model that a header and its arrays describe.

    Raises:
        ValueError: if they describe none.
    """
    return _class(one_of("model", family, FAMILIES)).from_header(header, state)


def _class(family: str) -> type[TableModel]:
    """Import only what is asked for: boosting needs a package that the others do without."""
    if family == "trees":
        from sdg_lab.models.trees import Trees

        return Trees
    if family == "boosted":
        from sdg_lab.models.boosted import Boosted

        return Boosted
    if family == "bayesnet":
        from sdg_lab.models.bayes_net import BayesNet

        return BayesNet
    from sdg_lab.models.copula import GaussianCopula

    return GaussianCopula
