"""Which links lead to a paper: by the id in the address, by the publisher or the PDF, or by what the link says."""

from __future__ import annotations

import re
from functools import lru_cache

from papers.identifiers import from_url, is_code

_PUBLISHERS = """
openreview.net proceedings.mlr.press papers.nips.cc papers.neurips.cc proceedings.neurips.cc openaccess.thecvf.com
thecvf.com cv-foundation.org ieeexplore.ieee.org ieee.org dl.acm.org link.springer.com springer.com sciencedirect.com
jmlr.org usenix.org ecva.net nature.com science.org aclweb.org aclanthology.org isca-speech.org ijcai.org aaai.org
bmva.org mlsys.org roboticsproceedings.org pnas.org biorxiv.org medrxiv.org chemrxiv.org techrxiv.org authorea.com
ssrn.com hal.science semanticscholar.org eprint.iacr.org researchgate.net jstor.org mdpi.com frontiersin.org plos.org
onlinelibrary.wiley.com tandfonline.com academic.oup.com cell.com epubs.siam.org pubs.acs.org pubs.rsc.org arxiv.org
iopscience.iop.org pubmed.ncbi.nlm.nih.gov ncbi.nlm.nih.gov distill.pub transformer-circuits.pub doi.org
"""
_ELSEWHERE = """
youtube.com youtu.be twitter.com x.com medium.com reddit.com zhihu.com zhuanlan.zhihu.com bilibili.com colab.google
colab.research.google.com kaggle.com linkedin.com facebook.com discord.gg scholar.google.com wikipedia.org
img.shields.io slideslive.com
"""
_PLACES, _NO_PAPERS = frozenset(_PUBLISHERS.split()), frozenset(_ELSEWHERE.split())
_ADDRESS = re.compile(r"https?://(?P<host>[^/?#:@\s]+)(?::\d+)?(?P<path>[^?#\s]*)", re.I)
_OFTEN = frozenset(["paper", "pdf", "arxiv", "论文", "openreview"])
_LABEL = re.compile(
    r"\b(?:paper|pdf|arxiv|abs|doi|openreview|preprint|article|publication|proceedings|journal|论文|論文|논문|原文)\b|"
    r"^[A-Z][A-Za-z+&/ -]{1,14}[ '’]*(?:(?:19|20)?\d\d)$",
    re.I,
)


@lru_cache(maxsize=1024)
def id_of(url: str) -> str | None:
    """Return the id that an address names; see :func:`papers.identifiers.from_url`."""
    return from_url(url)


@lru_cache(maxsize=1024)
def leads_to_paper(url: str) -> bool:
    """Whether an address is a paper's, whatever the link says: it names an id, a publisher, or a PDF."""
    if id_of(url):
        return True
    host, path = _host(url)
    if host in _NO_PAPERS:
        return False
    if path.lower().endswith(".pdf"):
        return True
    while host and host not in _PLACES:
        host = host.partition(".")[2]
    return bool(host)


def may_lead_to_paper(url: str) -> bool:
    """Whether an address can be a paper's, if the link says so: not one of code, of a video, of a network."""
    host, path = _host(url)
    return bool(host) and host not in _NO_PAPERS and (not is_code(url) or path.lower().endswith(".pdf"))


def says_paper(label: str) -> bool:
    """Whether a link says that it leads to a paper: "pdf", "Paper", "CVPR 2018"."""
    return label.lower() in _OFTEN or bool(_LABEL.search(label))


@lru_cache(maxsize=1024)
def _host(url: str) -> tuple[str, str]:
    address = _ADDRESS.match(url)
    return (address["host"].lower().removeprefix("www."), address["path"]) if address else ("", "")
