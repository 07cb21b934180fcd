from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from papers.identifiers import arxiv_month, from_badge, from_text, from_url, normalise, slug_words

SHA = "cea967b59209c6be22829699f05b8b1ac4dc092d"


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (SHA, SHA),
        (SHA.upper(), SHA),
        (SHA[:39], None),
        ("g" + SHA[1:], None),
        ("CorpusID:3626819", "CorpusId:3626819"),
        ("CorpusId:x", None),
        ("arXiv:1409.3215v3", "ARXIV:1409.3215"),
        ("1409.3215", "ARXIV:1409.3215"),
        ("arxiv:quant-ph/9508027", "ARXIV:quant-ph/9508027"),
        ("arxiv:math.GT/0309136v1", "ARXIV:math.GT/0309136"),
        ("arXiv:2313.00001", None),  # there is no thirteenth month
        ("DOI:10.1162/NECO.1997.9.8.1735", "DOI:10.1162/neco.1997.9.8.1735"),
        ("10.48550/arXiv.2310.07849", "ARXIV:2310.07849"),
        ("ACL:P19-1423", "ACL:P19-1423"),
        ("PMID:19872477", "PMID:19872477"),
        ("", None),
        ("N/A", None),
    ],
)
def test_ids_take_the_form_that_the_api_wants(written: str, expected: str | None) -> None:
    assert normalise(written) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"https://www.semanticscholar.org/paper/Sequence-to-Sequence-Sutskever-Vinyals/{SHA}", SHA),
        (f"https://www.semanticscholar.org/paper/{SHA}?utm_source=x#cited", SHA),
        (f"https://semanticscholar.org/reader/{SHA}", SHA),
        (f"https://api.semanticscholar.org/graph/v1/paper/{SHA}?fields=title", SHA),
        ("https://api.semanticscholar.org/graph/v1/paper/arXiv:1409.3215", "ARXIV:1409.3215"),
        ("https://api.semanticscholar.org/v1/paper/DOI:10.1145/1.2", "DOI:10.1145/1.2"),
        ("https://api.semanticscholar.org/CorpusID:3626819", "CorpusId:3626819"),
        ("https://www.semanticscholar.org/arxiv/1409.3215", "ARXIV:1409.3215"),
        ("https://arxiv.org/abs/1409.3215v2", "ARXIV:1409.3215"),
        ("http://arxiv.org/pdf/1409.3215.pdf", "ARXIV:1409.3215"),
        ("https://arxiv.org/pdf/1409.3215v2.pdf#page=3", "ARXIV:1409.3215"),
        ("https://arxiv.org/html/2310.07849v2", "ARXIV:2310.07849"),
        ("https://arxiv.org/abs/quant-ph/9508027", "ARXIV:quant-ph/9508027"),
        ("https://arxiv.org/list/cs.CL/recent", None),
        ("https://doi.org/10.1162/neco.1997.9.8.1735", "DOI:10.1162/neco.1997.9.8.1735"),
        ("https://dl.acm.org/doi/abs/10.1145/1.2", "DOI:10.1145/1.2"),
        ("https://link.springer.com/article/10.1007/bf00992696", "DOI:10.1007/bf00992696"),
        ("https://royalsocietypublishing.org/doi/epdf/10.1098/rspa.1992.0167", "DOI:10.1098/rspa.1992.0167"),
        ("https://aclanthology.org/P19-1423.pdf", "ACL:P19-1423"),
        ("https://aclanthology.org/2023.emnlp-main.647/", "ACL:2023.emnlp-main.647"),
        ("https://www.alphaxiv.org/abs/2301.00775v2", "ARXIV:2301.00775"),
        ("https://huggingface.co/papers/2301.00775", "ARXIV:2301.00775"),
        ("https://huggingface.co/datasets/2301.00775", None),
        ("https://browse.arxiv.org/pdf/2301.00775.pdf", "ARXIV:2301.00775"),
        ("https://papers.cool/arxiv/2301.00775", "ARXIV:2301.00775"),
        ("https://ar5iv.labs.arxiv.org/html/2301.00775", "ARXIV:2301.00775"),
        ("https://notarxiv.org/abs/2301.00775", None),
        ("arxiv.org/abs/2301.00775", "ARXIV:2301.00775"),
        ("[https://arxiv.org/abs/2305.18365](https://arxiv.org/abs/2305.18365)", "ARXIV:2305.18365"),
        ("https://www.biorxiv.org/content/10.1101/2020.01.01.123456v2.full.pdf", "DOI:10.1101/2020.01.01.123456"),
        ("https://www.medrxiv.org/content/10.1101/2020.01.01.123456v1", "DOI:10.1101/2020.01.01.123456"),
        ("https://pubmed.ncbi.nlm.nih.gov/19872477/", "PMID:19872477"),
        ("https://www.ncbi.nlm.nih.gov/pubmed/19872477", "PMID:19872477"),
        ("https://www.ncbi.nlm.nih.gov/pmc/articles/PMC10773390/", "PMCID:10773390"),
        ("https://www.ncbi.nlm.nih.gov/gene/19872477", None),
        ("https://www.nature.com/articles/s41586-021-03819-2.pdf", "DOI:10.1038/s41586-021-03819-2"),
        ("https://www.nature.com/articles/nature14539", "DOI:10.1038/nature14539"),
        ("https://dl.acm.org/citation.cfm?id=3292500.3330701", "DOI:10.1145/3292500.3330701"),
        ("https://dl.acm.org/citation.cfm?id=3292500", None),
        ("https://ieeexplore.ieee.org/document/8953615", None),
        ("https://doi.ieeecomputersociety.org/10.1109/CVPR.2019.00584", "DOI:10.1109/cvpr.2019.00584"),
        ("https://www.aclweb.org/anthology/P/P16/P16-1162.pdf", "ACL:P16-1162"),
        ("http://aclweb.org/anthology/p19-1423", "ACL:P19-1423"),
        ("https://doi.org/10.1016%2Fj.neunet.2019.01.001", "DOI:10.1016/j.neunet.2019.01.001"),
        ("https://doi.org/10.1016%252Fj.neunet.2019.01.001", "DOI:10.1016/j.neunet.2019.01.001"),
        ("https://link.springer.com/content/pdf/10.1007/s11263-019-01247-4.pdf", "DOI:10.1007/s11263-019-01247-4"),
        ("https://www.frontiersin.org/articles/10.3389/fpsyg.2020.00001/full", "DOI:10.3389/fpsyg.2020.00001"),
        ("https://iopscience.iop.org/article/10.1088/1361-6501/ab1234/meta", "DOI:10.1088/1361-6501/ab1234"),
        (
            "https://journals.plos.org/plosone/article?id=10.1371/journal.pone.0172778",
            "DOI:10.1371/journal.pone.0172778",
        ),
        ("https://papers.ssrn.com/sol3/papers.cfm?abstract_id=3456789", "DOI:10.2139/ssrn.3456789"),
        (f"https://www.connectedpapers.com/main/{SHA}/A-Title/graph", SHA),
        ("https://github.com/a/b/tree/10.1234/x", None),
        ("https://openreview.net/forum?id=abc", None),
        ("javascript:alert(1)", None),
        ("https://[::1", None),
        ("shor/shor.ipynb", None),
    ],
)
def test_links_name_ids(url: str, expected: str | None) -> None:
    assert from_url(url) == expected


@pytest.mark.parametrize(
    ("text", "expected", "bare"),
    [
        ("arXiv:2204.07120 (v1 2022-04)", "ARXIV:2204.07120", "ARXIV:2204.07120"),
        ("NeurIPS, arXiv 2204.07120v2", "ARXIV:2204.07120", "ARXIV:2204.07120"),
        ("2204.07120", None, "ARXIV:2204.07120"),
        ("0.7512", None, None),
        ("2016.12345", None, None),
        ("see 10.1038/s41524-018-0081-z, and", "DOI:10.1038/s41524-018-0081-z", "DOI:10.1038/s41524-018-0081-z"),
        ("(10.48550/arXiv.2206.10579)", "ARXIV:2206.10579", "ARXIV:2206.10579"),
        ("PMID: 19872477", "PMID:19872477", "PMID:19872477"),
        ("version 10.4/5", None, None),
    ],
)
def test_ids_are_found_in_plain_text(text: str, expected: str | None, bare: str | None) -> None:
    assert from_text(text) == expected
    assert from_text(text, bare=True) == bare


BADGE = "https://img.shields.io/badge/dynamic/json?"
INNER = "https%3A%2F%2Fapi.semanticscholar.org%2Fgraph%2Fv1%2Fpaper%2F"


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        (f"label=citation&query=citationCount&url={INNER}{SHA}%3Ffields%3DcitationCount", SHA),
        (f"url={INNER}{SHA}%3Ffields%3DcitationCount&query=%24.citationCount&label=cite", SHA),
        (f"query=$.citationCount&url={INNER}arXiv%3A1409.3215%3Ffields%3DcitationCount", "ARXIV:1409.3215"),
        (f"query=citationCount&url={INNER}DOI%3A10.1%2Fx", None),
        (f"query=citationCount&url={INNER}DOI%3A10.1145%2Fx", "DOI:10.1145/x"),
        (f"query=citationCount&url={INNER.replace('%', '%25')}{SHA}", SHA),
        (f"query=influentialCitationCount&url={INNER}{SHA}", None),
        ("query=citationCount", None),
        ("", None),
    ],
)
def test_badges_name_the_paper_whose_citations_they_show(parameters: str, expected: str | None) -> None:
    assert from_badge(BADGE + parameters) == expected


@given(st.text())
def test_no_text_raises(text: str) -> None:
    normalise(text)
    from_text(text, bare=True)
    from_badge(text)
    from_badge("?url=" + text)
    for host in ("", "doi.org/", "dl.acm.org/", "arxiv.org/", "www.ncbi.nlm.nih.gov/", "a.b/10.1000/"):
        found = from_url("https://" + host + text)
        assert found is None or normalise(found) == found
    slug_words(text)


@given(st.sampled_from(["abs", "pdf", "html"]), st.integers(7, 26), st.integers(1, 12), st.integers(0, 99999))
def test_arxiv_links_lead_back_to_id_and_month(kind: str, year: int, month: int, number: int) -> None:
    paper = from_url(f"https://arxiv.org/{kind}/{year:02}{month:02}.{number:05}v3")
    assert paper == f"ARXIV:{year:02}{month:02}.{number:05}"
    assert arxiv_month(paper) == (2000 + year, month)


def test_old_arxiv_ids_belong_to_the_last_century() -> None:
    assert arxiv_month("ARXIV:quant-ph/9508027") == (1995, 8)
    assert arxiv_month("DOI:10.1145/x") is None


def test_the_slug_shows_words_of_the_title_without_authors() -> None:
    url = f"https://www.semanticscholar.org/paper/Sequential-Systems%3A-Challenges%2C-and-Wang-Hu/{SHA}"
    assert slug_words(url) == ["sequential", "systems", "challenges", "and"]
