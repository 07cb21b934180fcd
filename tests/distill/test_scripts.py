"""Words of any script: nothing is overlooked because it is not English."""

import string
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdg_lab.distill import rouge
from sdg_lab.distill.scripts import plain, words


@given(st.text(string.ascii_letters + string.digits + string.punctuation + " \t\n"))
def test_in_english_they_are_those_of_rouge(text):
    assert words(text) == rouge.words(text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Τα πάντα ῥεῖ.", ["τα", "πάντα", "ῥεῖ"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("Ça va, été?", ["ça", "va", "été"]),
        ("第3章：水", ["第", "3", "章", "水"]),
        ("カタカナ ﾊﾝｶｸ", list("カタカナハンカク")),
        ("ไทย", ["ไ", "ท", "ย"]),
        ("हिन्दी है", ["हिन्दी", "है"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("ﬁn x² １２", ["fin", "x2", "12"]),
        ("😀 — …", []),
    ],
)
def test_other_scripts(text, found):
    assert words(text) == [unicodedata.normalize("NFKC", word) for word in found]


@given(st.text())
def test_what_looks_alike_is_alike(text):
    """Composed or not, the words are the same; and a text that was made plain is left as it is."""
    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert words(unicodedata.normalize(form, text)) == words(text)
    assert words(plain(text)) == words(text)
