"""What the columns of a table hold, told from their headers in many languages, or from what somebody says.

Headers are compared without case, accents and punctuation: as a whole, then part by part ("Title & Authors"), then by
their last words ("Google Scholar citations"), then with a slip of the pen ("Citaitons").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from functools import lru_cache
from urllib.parse import urlsplit

KINDS = ("title", "citation", "date", "author", "code", "link", "source", "category", "description", "name")
"""The kinds of column, in the order in which they choose theirs."""

Columns = Mapping[str, int | str]
"""Columns that somebody has named: a kind, and the column's number from 1 or its header; 0 says that there is none."""

# For each language what a kind is called, the most telling word first.
_WORDS: dict[str, dict[str, str]] = {
    "English": {
        "title": "paper name, paper title, title, article title, paper, papers, article, articles, publication, "
        "publications, manuscript, work, reference",
        "citation": "citation, citations, cite, cites, cited by, citation count, citations count, times cited, "
        "cited, cit",
        "date": "date, time, year, published, publication date, publish date, release date, pub date, "
        "publication year, pub year, submitted, month, when",
        "author": "author, authors, first author, authors names",
        "code": "code, github, repo, repository, project, project page, implementation, demo, website, homepage, "
        "video, slides, poster, data, dataset link, bibtex",
        "link": "link, links, url, urls, pdf, paper link, preprint, arxiv, arxiv id, doi, paper id, id, paper, papers",
        "source": "venue, conference, journal, source, published in, pub, publication, publications",
        "category": "category, categories, type, topic, topics, area, field, task, tasks, tag, tags, domain, subject, "
        "theme, keywords",
        "description": "description, short description, summary, tldr, tl dr, abstract, notes, note, introduction, "
        "intro, comments, comment, remarks, highlights, contribution, contributions, key idea, key findings, overview",
        "name": "name, model, method, approach, algorithm, framework, system, dataset, benchmark, acronym",
    },
    "Chinese": {
        "title": "论文标题, 论文题目, 论文名称, 论文名, 标题, 题目, 篇名, 论文, 文献, 文章, "
        "論文標題, 論文題目, 論文名稱, 標題, 題目, 文獻",
        "citation": "引用, 引用数, 引用量, 引用次数, 引用数量, 被引, 被引数, 被引量, 被引次数, 被引用数, 被引用次数, "
        "引用數, 引用次數, 被引用數, 被引次數, 被引用次數",
        "date": "日期, 发表日期, 发布日期, 发表时间, 时间, 年份, 年, 年度, 年月, 發表日期, 發布日期, 時間",
        "author": "作者",
        "code": "代码, 项目, 源码, 主页, 代碼, 程式碼, 專案",
        "link": "链接, 论文链接, 地址, 原文, 連結, 論文連結, 论文",
        "source": "来源, 期刊, 会议, 出处, 发表, 刊物, 來源, 會議, 出處",
        "category": "类别, 分类, 类型, 方向, 领域, 主题, 任务, 标签, 類別, 分類, 類型, 領域, 主題, 任務",
        "description": "简介, 描述, 摘要, 概述, 说明, 备注, 内容, 笔记, 贡献, 总结, 簡介, 說明, 備註",
        "name": "名称, 模型, 方法, 简称, 模型名称, 名稱, 模型名稱, 算法, 数据集",
    },
    "Japanese": {
        "title": "論文タイトル, タイトル, 論文名, 題名, 表題, 論文",
        "citation": "引用数, 被引用数, 引用回数, 被引用回数, 引用, 被引用",
        "date": "日付, 発表日, 公開日, 発行年, 出版年, 発表年, 投稿日, 年月, 年",
        "author": "著者, 著者名",
        "code": "コード, 実装, デモ, データ",
        "link": "リンク, 論文リンク, 論文",
        "source": "会議, 学会, 掲載誌, 雑誌, 出典, 発表先, ジャーナル",
        "category": "カテゴリ, カテゴリー, 分類, 分野, タスク, 種類",
        "description": "概要, 説明, 要約, 内容, メモ, 備考, 主要知見, 要旨",
        "name": "モデル名, モデル, 手法, 名前, 名称",
    },
    "Korean": {
        "title": "논문 제목, 논문제목, 제목, 논문명, 논문",
        "citation": "인용, 인용수, 인용 수, 인용 횟수, 인용횟수, 피인용, 피인용수, 피인용 수, 피인용 횟수",
        "date": "날짜, 발표일, 게재일, 출판일, 연도, 년도, 발행연도, 출판연도, 시기",
        "author": "저자",
        "code": "코드, 깃허브, 구현",
        "link": "링크, 논문 링크, 논문",
        "source": "학회, 저널, 출처, 학술지, 게재지",
        "category": "분류, 카테고리, 분야, 유형, 주제, 태그",
        "description": "설명, 요약, 내용, 비고, 초록, 개요",
        "name": "모델, 모델명, 방법, 방법론, 이름",
    },
    "German": {
        "title": "titel, aufsatz, artikel, beitrag, veröffentlichung, publikation, arbeit",
        "citation": "zitate, zitationen, zitierungen, zitiert von, zitiert, anzahl zitate, zit",
        "date": "datum, jahr, erscheinungsjahr, veröffentlicht, monat",
        "author": "autor, autoren, verfasser, autorinnen",
        "code": "quellcode, projekt",
        "link": "verweis, verweise, verknüpfung",
        "source": "konferenz, zeitschrift, quelle, tagung",
        "category": "kategorie, thema, bereich, typ, aufgabe, gebiet",
        "description": "beschreibung, zusammenfassung, notizen, anmerkung, anmerkungen, bemerkung, kurzbeschreibung",
        "name": "modell, methode, modellname, verfahren",
    },
    "French": {
        "title": "titre, titre de l article, article, papier",
        "citation": "nombre de citations, cité par, nb citations, citations",
        "date": "date de publication, année, année de publication, mois",
        "author": "auteur, auteurs",
        "code": "dépôt, projet",
        "link": "lien, liens",
        "source": "conférence, revue",
        "category": "catégorie, thème, domaine, tâche, sujet",
        "description": "résumé, remarques, remarque",
        "name": "modèle, méthode, nom",
    },
    "Spanish": {
        "title": "título, título del artículo, artículo, publicación, trabajo",
        "citation": "citas, citaciones, citado por, número de citas, nº de citas",
        "date": "fecha, año, fecha de publicación, año de publicación, mes",
        "author": "autor, autores",
        "code": "código, proyecto",
        "link": "enlace, enlaces",
        "source": "conferencia, revista, fuente",
        "category": "categoría, tema, área, tipo, tarea",
        "description": "descripción, resumen, notas",
        "name": "modelo, método, nombre",
    },
    "Portuguese": {
        "title": "título, título do artigo, artigo, publicação, trabalho",
        "citation": "citações, citado por, número de citações",
        "date": "data, ano, data de publicação, ano de publicação, mês",
        "author": "autor, autores",
        "code": "código, projeto",
        "link": "ligação, ligações",
        "source": "conferência, revista, fonte, periódico",
        "category": "categoria, tema, área, tipo, tarefa",
        "description": "descrição, resumo, notas",
        "name": "modelo, método, nome",
    },
    "Italian": {
        "title": "titolo, titolo dell articolo, articolo, pubblicazione",
        "citation": "citazioni, citato da, numero di citazioni",
        "date": "data, anno, data di pubblicazione, anno di pubblicazione, mese",
        "author": "autore, autori",
        "code": "codice, progetto",
        "link": "collegamento, collegamenti",
        "source": "conferenza, rivista, fonte",
        "category": "categoria, tema, area, tipo, compito",
        "description": "descrizione, riassunto, sommario",
        "name": "modello, metodo, nome, nome modello",
    },
    "Russian": {
        "title": "название, название статьи, статья, заголовок, публикация, работа",
        "citation": "цитирования, цитирований, цитируемость, число цитирований, количество цитирований, цитаты, цит",
        "date": "дата, год, год публикации, дата публикации, месяц",
        "author": "автор, авторы",
        "code": "код, репозиторий, проект",
        "link": "ссылка, ссылки",
        "source": "источник, журнал, конференция, издание",
        "category": "категория, тема, область, тип, задача, раздел",
        "description": "описание, аннотация, заметки, примечание, примечания, комментарий",
        "name": "модель, метод, имя",
    },
    "Ukrainian": {
        "title": "назва, назва статті, стаття",
        "citation": "цитування, кількість цитувань, цитувань",
        "date": "рік, рік публікації",
        "author": "автори",
        "link": "посилання",
        "source": "джерело, конференція",
        "category": "категорія, галузь",
        "description": "опис, анотація, примітки",
    },
    "Polish": {
        "title": "tytuł, artykuł, publikacja, praca",
        "citation": "cytowania, liczba cytowań, cytowań",
        "date": "data, rok, rok publikacji, data publikacji",
        "author": "autor, autorzy",
        "code": "kod",
        "link": "odnośnik, łącze",
        "source": "konferencja, czasopismo, źródło",
        "category": "kategoria, temat, dziedzina, typ",
        "description": "opis, streszczenie, uwagi, notatki",
        "name": "model, metoda, nazwa, nazwa modelu",
    },
    "Dutch": {
        "title": "titel, artikel, publicatie",
        "citation": "citaties, aantal citaties, geciteerd door",
        "date": "datum, jaar, publicatiejaar, maand",
        "author": "auteur, auteurs",
        "source": "conferentie, tijdschrift, bron",
        "category": "categorie, onderwerp, gebied",
        "description": "beschrijving, samenvatting, opmerkingen",
        "name": "methode, naam",
    },
    "Turkish": {
        "title": "makale başlığı, makale adı, başlık, makale, yayın",
        "citation": "atıf, atıflar, atıf sayısı, alıntı",
        "date": "tarih, yıl, yayın yılı, yayın tarihi",
        "author": "yazar, yazarlar",
        "code": "kod",
        "link": "bağlantı, bağlantılar",
        "source": "konferans, dergi, kaynak",
        "category": "kategori, konu, alan, tür",
        "description": "açıklama, özet, notlar",
        "name": "model adı, yöntem",
    },
    "Vietnamese": {
        "title": "tiêu đề, tên bài báo, bài báo, tựa đề",
        "citation": "trích dẫn, số trích dẫn, lượt trích dẫn, số lượt trích dẫn",
        "date": "ngày, năm, năm xuất bản, ngày xuất bản",
        "author": "tác giả",
        "link": "liên kết, đường dẫn",
        "source": "hội nghị, tạp chí, nguồn",
        "category": "danh mục, chủ đề, lĩnh vực, loại",
        "description": "mô tả, tóm tắt, ghi chú",
        "name": "mô hình, phương pháp, tên",
    },
    "Indonesian": {
        "title": "judul, judul makalah, makalah, artikel",
        "citation": "sitasi, jumlah sitasi, kutipan",
        "date": "tanggal, tahun, tahun terbit",
        "author": "penulis",
        "link": "tautan",
        "source": "konferensi, jurnal, sumber",
        "category": "kategori, topik, bidang, jenis",
        "description": "deskripsi, ringkasan, abstrak, catatan, keterangan",
        "name": "nama model, metode, nama",
    },
    "Arabic": {
        "title": "العنوان, عنوان, عنوان الورقة, الورقة, المقالة, البحث",
        "citation": "الاستشهادات, عدد الاستشهادات, الاقتباسات, عدد الاقتباسات",
        "date": "السنة, التاريخ, سنة النشر, تاريخ النشر",
        "author": "المؤلف, المؤلفون",
        "link": "الرابط, رابط",
        "source": "المؤتمر, المجلة, المصدر",
        "category": "الفئة, الموضوع, التصنيف, المجال",
        "description": "الوصف, الملخص, ملاحظات",
    },
    "Persian": {
        "title": "عنوان مقاله, مقاله",
        "citation": "استناد, استنادها, تعداد استناد, ارجاعات, تعداد ارجاعات",
        "date": "سال, تاریخ, سال انتشار",
        "author": "نویسنده, نویسندگان",
        "link": "لینک, پیوند",
        "source": "کنفرانس, مجله, منبع",
        "category": "دسته, موضوع, حوزه",
        "description": "توضیحات, خلاصه, چکیده",
    },
    "Hindi": {
        "title": "शीर्षक, शोध पत्र, शोधपत्र, पेपर, लेख",
        "citation": "उद्धरण, उद्धरण संख्या, उल्लेख",
        "date": "वर्ष, तिथि, दिनांक",
        "author": "लेखक",
        "link": "लिंक",
        "source": "सम्मेलन, पत्रिका, स्रोत",
        "category": "श्रेणी, विषय",
        "description": "विवरण, सारांश",
    },
}
_DATA = (
    "título",
    "titulo",
    "artigo",
    "titolo",
    "articolo",
    "tytuł",
    "artykuł",
    "autores",
    "autori",
    "autorzy",
    "ano",
    "anno",
)
_CODE = re.compile(
    r"\b(?:code|github|repo|repository|project|dataset|data|demo|video|slides|website|poster|model)\b|代码|代碼|项目|コード|코드"
)
OTHER_SOURCES = (
    r"google|gs|google ?scholar|(?<!semantic )g?scholar|scopus|openalex|crossref|wos|web ?of ?science|inspire|"
    r"pubmed|dimensions"
)
"""Who else counts citations, in plain words: what they count is not what Semantic Scholar does."""
OTHER_SOURCES_CJK = r"谷歌(?:学术)?|知网"
OWN_SOURCE = r"semantic ?scholar|s2"
_OF_PEOPLE = r"h5|h\d? ?index|i10(?: ?index)?|impact factor"
"""Measures of authors and of venues: where they stand, citations are theirs, too."""
_YEARS = r"(?:19|20)\d\d"
_OTHER_COUNTS = (
    r"\b(?:influential|self|style|format|key|bibtex|bib|index|string|text|intent|rank|percentile|rate|growth|new|recent|"
    rf"{OTHER_SOURCES}|"
    # a span of time, a day, or one number made of many
    r"per|\d*yrs?|yearly|year|years|annual|annually|month|months|monthly|week|day|daily|last|past|since|average|avg|mean|"
    r"median|max|maximum|min|minimum|expected|predicted|"
    # of something else than the paper, one of them, a list's own numbers, or what a paper's table shows
    rf"authors?|patents?|venue|journal|conference|field|{_OF_PEOPLE}|datasets?|first|how|table|tab|figure|fig|section|"
    r"cit(?:e|ation)? (?:no|nr|num|number))\b|"
    rf"δ|{OTHER_SOURCES_CJK}|年均|每年|年間|近\w*年"
)
_NOT_COUNTS = re.compile(rf"{_OTHER_COUNTS}|\b{_YEARS}\b|{_YEARS} ?年")
_NO_COUNTS_IN_WORDS = re.compile(_OTHER_COUNTS)
_MEASURES = re.compile(rf"\b(?:{_OF_PEOPLE})\b")
_SAYS_NO_MORE = re.compile(r"\b(?:\d+|s|the|a|each|every|this|by|in|of|on|from|and|total|all|citations?|cited)\b|\s")
_NUMBERED = re.compile(r"\bcit\w*\.?\s*#|%")
_NOT_TITLES = re.compile(r"\b(?:journal|book|conference|venue|series|job|number of|num|count|total)\b")
_OF = re.compile(r"(?:of|de|du|des|del|der|do|da|di|published|released|submitted|count|number|link|url|no|num)\b")
_PARTS = re.compile(
    r"\s*(?:&|\+|/|\||,|;|·|•|、|，|／|<br>|\band\b|\bund\b|\bet\b|\by\b|\be\b|[与與和及])\s*|[(\[（【].*?[)\]）】]"
)
_WORD = re.compile(r"\w+")
_CJK = re.compile(r"[\u2e80-\u9fff\uac00-\ud7af\u1100-\u11ff\u3040-\u30ff]")


def plain_name(header: str) -> str:
    """Return a header's words without case, accents, punctuation and icons."""
    plain = header.casefold()
    if not plain.isascii():
        plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return " ".join(_WORD.findall(plain.replace("_", " ")))


def find_columns(headers: Sequence[str]) -> dict[str, int]:
    """Return which column holds which kind, as far as the headers tell; no column holds two.

    Args:
        headers: what a reader sees of each header, from the left.
    """
    meanings = [_meanings(header) for header in headers]
    if not any(plain_name(word) in map(plain_name, headers) for word in _DATA):
        meanings = [[] if plain_name(header) == "data" else m for header, m in zip(headers, meanings, strict=True)]
    found: dict[str, int] = {}
    for kind in KINDS:
        fits = [
            (quality, rank, index)
            for index, meaning in enumerate(meanings)
            for known, quality, rank in meaning
            if known == kind and index not in found.values()
        ]
        if fits:
            found[kind] = min(fits)[2]
    return found


def named_columns(said: Columns, headers: Sequence[str], width: int) -> dict[str, int]:
    """Return what somebody has said of a table's columns as positions from 0; what it lacks is left out.

    Args:
        said: kinds with numbers from 1, or with headers.
        headers: the table's headers; empty where it has none.
        width: how many columns it has.
    """
    names = [plain_name(header) for header in headers]
    found = {}
    for kind, column in said.items():
        if isinstance(column, str):
            if (name := plain_name(column)) in names:
                found[kind] = names.index(name)
        elif 0 < column <= width:
            found[kind] = column - 1
    return found


def parse_columns(written: str) -> dict[str, int | str]:
    """Read ``title=2,citation=5`` or ``title=Paper``.

    Raises:
        ValueError: if it is of another form or names a kind that there is not.
    """
    found: dict[str, int | str] = {}
    for part in filter(None, (part.strip() for part in written.split(","))):
        kind, equals, column = (piece.strip() for piece in part.partition("="))
        if kind not in KINDS or not equals or not column:
            known = ", ".join(KINDS)
            raise ValueError(f"columns must be like title=2,citation=5, with any of {known}; got {part!r}")
        found[kind] = int(column) if column.isdecimal() else column
        if kind == "title" and found[kind] == 0:
            raise ValueError("columns must be like title=2,citation=5, counted from 1; papers have titles, got title=0")
    if not found:
        raise ValueError("columns must be like title=2,citation=5, got nothing")
    for kind, taken in found.items():
        twice = [other for other in found if other != kind and taken and found[other] == taken]
        if twice:
            raise ValueError(f"columns must be like title=2,citation=5; {kind} and {twice[0]} cannot both be {taken}")
    return found


def check_columns(said: Columns, widths: Sequence[int]) -> None:
    """Refuse columns that no table has.

    Args:
        said: kinds with numbers from 1, or with headers.
        widths: how many columns each table has.

    Raises:
        ValueError: if a number is too large for every table.
    """
    widest = max(widths, default=0)
    for kind, column in said.items():
        if isinstance(column, int) and column > widest > 0:
            raise ValueError(
                f"columns: no table has {column} columns, so {kind}={column} is none; the widest has {widest}"
            )


def _table() -> dict[str, list[tuple[str, int]]]:
    """Return for each known name the kinds that it may mean, and how telling it is for each (0: most)."""
    table: dict[str, list[tuple[str, int]]] = {}
    for kinds in _WORDS.values():
        for kind, words in kinds.items():
            for rank, word in enumerate(words.split(", ")):
                known = table.setdefault(plain_name(word), [])
                if kind not in [other for other, _ in known]:
                    known.append((kind, rank))
    return table


_KNOWN = _table()
_LONG = 7
"""Letters from which on a name with a slip in it is still known."""
_BY_LETTERS = {"".join(sorted(name)): name for name in _KNOWN if len(name) >= 5 and name.isascii()}


@lru_cache(maxsize=4096)
def _meanings(header: str) -> list[tuple[str, int, int]]:
    """Return what a header may mean: kind, quality (0: the whole name), and how telling it is."""
    whole = plain_name(header)
    if not whole or _NUMBERED.search(header.casefold()):
        return []
    if whole in _KNOWN:
        return [(kind, 0, rank) for kind, rank in _KNOWN[whole]]
    parts = [part for part in map(plain_name, _PARTS.split(header.casefold())) if part]
    for part in parts:
        kept = [(kind, 1, rank) for kind, rank in _KNOWN.get(part, ()) if not _contradicted(kind, whole, part)]
        if kept and part != "data":
            return kept
    for name in (head for part in dict.fromkeys([*parts[:1], whole]) for head in _heads(part)):
        kept = [(kind, 2, rank) for kind, rank in _KNOWN[name] if name != "data" and not _contradicted(kind, whole)]
        if kept:
            return [("code", 2, 0)] if kept[0][0] == "link" and _CODE.search(whole) else kept
    slips = [_BY_LETTERS[letters]] if (letters := "".join(sorted(whole))) in _BY_LETTERS else _nearly(whole)
    return [(kind, 3, rank) for name in slips for kind, rank in _KNOWN[name] if not _contradicted(kind, whole)]


def _nearly(whole: str) -> list[str]:
    """Return the known name that a longer one is but for a slip, if there is one; the first letter is seldom wrong."""
    if len(whole) < _LONG:
        return []
    near = [name for name in _KNOWN if name[0] == whole[0] and len(name) >= _LONG and abs(len(name) - len(whole)) < 3]
    return get_close_matches(whole, near, 1, 0.85)


def _heads(whole: str) -> Iterator[str]:
    """Yield the known names that a longer one begins with ("year of …") or ends in, the longest first."""
    if _CJK.search(whole):
        for start in range(1, len(whole) - 1):
            if whole[start:].strip() in _KNOWN:
                yield whole[start:].strip()
        for end in range(len(whole) - 1, 1, -1):
            if whole[:end].strip() in _KNOWN:
                yield whole[:end].strip()
        return
    words = whole.split()
    if "per" in words:  # citations per year are neither
        return
    for end in range(len(words) - 1, 0, -1):
        if (name := " ".join(words[:end])) in _KNOWN and _OF.match(" ".join(words[end:])):
            yield name
    for start in range(1, len(words)):
        if (name := " ".join(words[start:])) in _KNOWN:
            yield name


def _contradicted(kind: str, whole: str, part: str | None = None) -> bool:
    """Whether other words of a header say that it is not of the kind that one of its names, or parts, would mean.

    Citations by another source, in a span of time or up to a day are not those that a refresh would write.
    """
    if kind == "citation":
        return bool(_NOT_COUNTS.search(whole))
    return kind == "title" and part is None and bool(_NOT_TITLES.search(whole))


def says_citations(label: str) -> bool:
    """Whether a label, of a badge for one, says that it is about the citations of a paper, and all of them."""
    return find_columns([label]) == {"citation": 0}


def counts_other_things(words: str, *, whole: bool = False) -> bool:
    """Whether words beside a number of citations say that it is not the paper's, or not all of it.

    A year says nothing there: it may well be the paper's own.

    Args:
        words: a label, or what stands in brackets.
        whole: whether they have to say that and nothing else, where they may be a title: "Last year".
    """
    plain = plain_name(words)
    if not _NO_COUNTS_IN_WORDS.search(plain):
        return False
    return not whole or not _SAYS_NO_MORE.sub("", _NO_COUNTS_IN_WORDS.sub(" ", plain))


def names_other_source(words: str) -> bool:
    """Whether words, or the name of a logo, say that somebody else than Semantic Scholar counts."""
    return bool(re.search(rf"\b(?:{OTHER_SOURCES})\b|{OTHER_SOURCES_CJK}", plain_name(words)))


def leads_to_other_source(url: str) -> bool:
    """Whether a link leads to somebody else who counts citations: a number in it is theirs."""
    try:
        return names_other_source(urlsplit(url).hostname or "")
    except ValueError:
        return False


def measures_people(words: str) -> bool:
    """Whether words name a measure of authors or of venues, such as the h-index."""
    return bool(_MEASURES.search(plain_name(words)))
