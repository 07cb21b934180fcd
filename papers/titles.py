"""Say whether two titles are those of one paper: typing and typesetting aside, but not "2" for "3"."""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache

SAME = 0.93
"""Least likeness of two spellings of one title. True matches have been seen from 0.95 on, a wrong one at 0.85."""
OTHER = 0.6
"""Below this likeness, two full titles are those of different papers."""
FULL = 4
"""Words from which on a title is full; a shorter one may be a nickname ("BERT"), which contradicts nothing."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""A letter of a script that puts no spaces between words: Chinese, Japanese, Thai, Lao, Burmese, Khmer."""
_LETTERS = 2
"""Letters of such a script that make a word, more or less."""
_SIGNS = str.maketrans(
    {"α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "λ": "lambda", "μ": "mu", "π": "pi", "×": "x"}
)
_LATEX_ACCENT = re.compile(r"\\(?:[\"'`^~=.]\s*\{?|[uvHtcdbkr]\{)\\?([A-Za-z])\}?")
_LATEX_LETTER = re.compile(r"\\(alpha|beta|gamma|delta|epsilon|lambda|mu|pi|sigma|ss|ae|oe|o|l|i|j)(?![a-z])\s*")
_LATEX_COMMAND = re.compile(r"\\[a-z]+\s*(?=\{)")
_LATEX_MARKS = re.compile(r"[{}$]")
VENUES = (
    "neurips|nips|icml|iclr|cvpr|iccv|eccv|wacv|bmvc|accv|3dv|acl|emnlp|naacl|eacl|coling|conll|tacl|colm|aaai|ijcai|uai|"
    "aistats|colt|kdd|www|sigir|cikm|wsdm|recsys|icdm|icde|vldb|sigmod|siggraph|eurographics|tog|cgf|icra|iros|corl|rss|"
    "interspeech|icassp|ismir|miccai|isbi|midl|osdi|sosp|nsdi|atc|eurosys|asplos|isca|micro|hpca|mlsys|ppopp|ccs|ndss|"
    "usenix|chi|uist|arxiv|preprint|corr|jmlr|tmlr|tpami|pami|ijcv|tip|tnnls|tkde|tmm|nature|science|pnas"
)
"""Conferences and journals as lists name them, for a pattern."""
_YEAR = r"(?:(?:19|20)\d\d|['’`]\d\d)"
_PRAISE = (
    r"(?:[\s,;|/-]*(?:oral|spotlight|poster|highlight|best|outstanding|paper|award|workshops?|findings|main|track))*"
)
_YEAR_BEHIND = r"(?:(?:19|20)\d\d|['’`]?\d\d(?!\d))"
_SERIES = rf"(?:{VENUES})(?:[-/ ](?:hlt|w|workshops?|findings|ijcnlp|d&b|datasets and benchmarks))?"
_ARXIV = r"(?:arxiv\W{0,2})\d{4}\.\d{4,5}(?:v\d+)?(?:\s*\[[\w.-]+\])?"
_PROCEEDINGS = r"(?:in:?\s+)?(?:proc(?:eedings)?\.?\s+(?:of\s+)?(?:the\s+)?)?"
_DATED = rf"(?:{_ARXIV}|{_PROCEEDINGS}{_SERIES}[\s,.-]*{_YEAR_BEHIND}{_PRAISE}|{_YEAR})"
_SAYS_WHERE = rf"(?:{_DATED}|{_SERIES}{_PRAISE}|(?-i:[A-Z][A-Za-z&+/-]{{1,14}} ?){{1,3}}[ ,]*{_YEAR}{_PRAISE}|v\d+)"
_WHERE_BEHIND = re.compile(
    rf"\s*(?:[(\[（]\s*{_SAYS_WHERE}\s*[)\]）]|[(\[（][^()\[\]（）]{{0,50}}\b(?:19|20)\d\d\b[^()\[\]（）]{{0,30}}[)\]）]|"
    rf"(?:[-–—|@,.;:]|\s[-–—|@]|(?<=[?!)\]])(?=\s))\s*{_DATED}(?:\s*\({_PRAISE}\))?|\s{_ARXIV}|\sv\d)"
    r"[\s.,;]*\Z",
    re.I,
)
_WHERE_BEFORE = re.compile(
    rf"\A\s*(?:\d{{1,3}}[.)]\s+|[(\[（]\s*{_SAYS_WHERE}\s*[)\]）]\s*[:.–—-]?\s*|{_DATED}\s*[:.|–—-]\s+)(?=\S)", re.I
)
_IN_BRACKETS = (
    r"[(\[](?!(?i:part|vol|volume|chapter|version|lecture|i{1,3}|iv|vi{0,3})\b)[^\s()\[\]]{2,20}(?: \d[\w.]{0,4})?[)\]]"
)
ASIDE = re.compile(rf"\A\s*{_IN_BRACKETS}:?(?=\s)|(?<=\s){_IN_BRACKETS}(?:\s*\Z|(?=:\s))")
"""A name, or a year, that stands in brackets before a title, behind it or before its colon."""
_TAG = 120
"""Characters at the end of a title in which a venue is looked for."""


@lru_cache(maxsize=4096)
def bare(title: str) -> str:
    """Return a title without what lists set before and behind it: venue, year, arXiv number, version, a short name.

    ``[NeurIPS 2017] …``, ``… - CVPR 2022``, ``… (ICLR'21 Oral)``, ``… arXiv:2201.11903v6``, ``… (GPT-3)``.
    """
    while True:
        end = len(title)
        while end and not (title[end - 1].isalnum() or title[end - 1] in ")]）.…!?"):
            end -= 1
        if behind := _WHERE_BEHIND.search(title, max(0, end - _TAG), end):
            end = behind.start()
        cut = ASIDE.sub("", _WHERE_BEFORE.sub("", title[:end])).strip()
        if cut == title or not simplify(cut):
            return title
        title = cut


def _without_latex(title: str) -> str:
    """Return a title with LaTeX's letters and accents as letters, without its commands, braces and dollars."""
    plain = _LATEX_ACCENT.sub(r"\1", title)
    return _LATEX_MARKS.sub("", _LATEX_LETTER.sub(r"\1", _LATEX_COMMAND.sub("", plain)))


@lru_cache(maxsize=4096)
def simplify(title: str) -> str:
    """Return a title's words in lower case, without accents, punctuation and markup."""
    if "\\" in title or "{" in title or "$" in title:
        title = _without_latex(title)
    if not title.isascii():
        title = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c))
    plain = re.sub(r"\\[a-z]+|<[^>]*>", " ", title.casefold()).translate(_SIGNS)
    return " ".join(re.findall(r"\w+", plain.replace("'", "").replace("’", "")))


def words_of(title: str) -> list[str]:
    """Return a title's simplified words; where a script does not part words, its letters one by one."""
    return _UNSPACED.sub(r" \g<0> ", simplify(title)).split()


def length(title: str) -> int:
    """Return how many words a title has, by its letters where the script does not part words."""
    letters = len(_UNSPACED.findall(simplify(title)))
    return len(_UNSPACED.sub(" ", simplify(title)).split()) + letters // _LETTERS


def unspaced(word: str) -> bool:
    """Whether a word is a letter of a script that does not part words."""
    return bool(_UNSPACED.fullmatch(word))


def same_script(one: str, other: str) -> bool:
    """Whether both titles are in Latin letters, or neither: a translation is not contradicted by its original."""
    a, b = (sum(c.isascii() for c in title) * 2 > len(title) for title in (one, other))
    return a == b


def likeness(one: str, other: str) -> float:
    """Return how alike two titles are, from 0 to 1, by their matching characters."""
    a, b = simplify(one), simplify(other)
    return 1.0 if a == b else SequenceMatcher(None, a, b, autojunk=False).ratio()


def same_title(one: str, other: str) -> bool:
    """Whether two titles name one paper: nearly the same words, the same numbers, or one cut off at a whole word."""
    a, b = simplify(one), simplify(other)
    if a == b:
        return True
    if re.findall(r"\d+", a) != re.findall(r"\d+", b):
        return False
    short, long = sorted((a, b), key=len)
    if length(short) >= FULL and long.startswith(short + " "):
        return True
    return likeness(one, other) >= SAME


def other_title(one: str, other: str) -> bool:
    """Whether two titles are certainly those of different papers; both must be full titles for that."""
    a, b = simplify(one), simplify(other)
    if a == b or min(length(a), length(b)) < FULL or f" {a} " in f" {b} " or f" {b} " in f" {a} ":
        return False
    return likeness(one, other) < OTHER
