"""The page that `papers report` writes, from a file, in a real browser: nothing is loaded, text is text, it sorts."""

import pytest

from papers.history import Count, append_history
from papers.report import report

pytestmark = pytest.mark.browser

EVIL = "</td><script>document.title='evil'</script><img src=x onerror=document.title='evil'>"
LIST = f"""\
| Date | Category | Title | Citation |
|---|---|---|---|
| 2014.6 | GAN | [Generative Adversarial Nets](https://arxiv.org/abs/1406.2661) | 900 |
| 2011 | VAE | [Auto-Encoding Variational Bayes](https://arxiv.org/abs/1312.6114) | 7,000 |
| 2020 | {EVIL} | [{EVIL}](javascript:document.title='evil') | 12 |
| 2017.6 | Transformer | [注意力](https://arxiv.org/abs/1706.03762) | |
"""


@pytest.fixture
def opened(page, tmp_path):
    """The page, opened from the disk; whatever it asks for beyond itself, and what its console says, is kept."""
    path = tmp_path / "list.md"
    path.write_text(LIST, encoding="utf-8")
    append_history(path, [Count("2026-01-01", "ARXIV:1406.2661", 1000), Count("2026-02-01", "ARXIV:1406.2661", 1200)])
    out = tmp_path / "list.html"
    out.write_text(report(path), encoding="utf-8")
    page.asked, page.said = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.said.append(message.text))
    page.on("pageerror", lambda error: page.said.append(str(error)))
    page.goto(out.as_uri())
    return page


def column(page, at, table="papers"):
    return page.locator(f"#{table} tbody tr:visible td:nth-child({at})").all_inner_texts()


def test_it_asks_for_nothing_and_what_the_list_says_is_text(opened):
    assert [url for url in opened.asked if not url.startswith(("file:", "data:"))] == []
    assert opened.said == []
    assert opened.title() == "list.md: papers"
    assert opened.locator("#papers script, #papers img, #findings script").count() == 0
    assert opened.locator("#papers a[href^=javascript]").count() == 0
    assert "document.title='evil'" in opened.locator("#papers").inner_text()
    assert opened.evaluate("document.querySelector('figure img').naturalWidth") > 500


def test_a_click_on_a_head_sorts_and_what_is_not_known_stands_last(opened):
    opened.get_by_role("button", name="Citations").click()
    assert column(opened, 4) == ["7,000", "1,200", "12", ""]
    opened.get_by_role("button", name="Citations").click()
    assert column(opened, 4) == ["12", "1,200", "7,000", ""]
    opened.get_by_role("button", name="Date").click()
    assert column(opened, 1) == ["2011", "2014.6", "2017.6", "2020"]


def test_words_in_any_order_find_a_paper(opened):
    opened.get_by_label("Search the papers").fill("bayes 2011")
    assert column(opened, 1) == ["2011"]
    assert opened.locator("#shown").inner_text() == "1 of 4"
    opened.get_by_label("Search the papers").fill("")
    assert len(column(opened, 1)) == 4


def test_a_paper_and_its_findings_lead_to_each_other(opened):
    opened.locator("#papers").get_by_role("link", name="date").click()
    assert opened.url.endswith("#f4")
    opened.locator("#f4").get_by_role("link", name="4").click()
    assert opened.url.endswith("#l4")
