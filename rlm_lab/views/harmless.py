"""What of a display may stand in a notebook's file: pictures, texts, and HTML that shows and does nothing.

HTML that has anything else in it than tables and text is left out; the display's text stays. May be used from any thread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from rlm_lab.views.clean import plain, storable


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BASE64 = re.compile(r"[A-Za-z0-9+/=\s]+")
_IMAGES = frozenset({"image/png", "image/jpeg", "image/gif"})
_TAGS = _words(
    "table caption colgroup col thead tbody tfoot tr th td div span p b i em strong u br hr code pre small sub sup ul ol li dl dt "
    "dd h1 h2 h3 h4 h5 h6 style details summary"
)
_ATTRIBUTES = _words("class id style border colspan rowspan scope scoped title dir align halign valign dtype")
_LOADING = re.compile(r"url\s*\(|expression\s*\(|image-set|\\|<", re.IGNORECASE)
# What a style may set: how its own text looks, never where it stands. A value has no ";", ":" and "/" in it, so that each
# declaration of CSS is one that is judged here, and there are no comments.
_STYLE = re.compile(
    r"\s*(?:(?:color|(?:min-|max-)?width|line-height|white-space|vertical-align|overflow-[xy]|text-(?:align|decoration[a-z-]*)"
    r"|(?:font|border|padding|background)(?:-[a-z-]+)?)\s*:[\w\s.,#%()'\"!-]*(?:;\s*|\Z))*",
    re.IGNORECASE,
)
# A sheet holds for the whole notebook: only those of the frames of pandas and polars are let in, which align their cells.
_SELECTOR = r"\.dataframe[\w\s.:>-]*"
_SHEET = re.compile(
    rf"\s*(?:{_SELECTOR}(?:,\s*{_SELECTOR})*\{{\s*(?:(?:text-align|vertical-align|white-space)\s*:[\w\s-]*(?:;\s*|(?=\}})))*\}}\s*)*"
)
_OF_JUPYTER = re.compile(r"\b(?:jp|lm|p)-", re.IGNORECASE)  # classes that would lay a display over the page
_LONGEST = 4_000_000


def bundle_of(data: Mapping[str, Any], text: str) -> dict[str, Any]:
    """A mime bundle with nothing in it that runs or loads.

    >>> bundle_of({"text/html": "<b>1</b>", "text/plain": "1"}, "1")
    {'text/plain': '1', 'text/html': '<b>1</b>'}
    >>> bundle_of({"text/html": "<script>1</script>"}, "1")
    {'text/plain': '1'}
    """
    bundle: dict[str, Any] = {"text/plain": plain(text)}
    for mime, value in data.items():
        if mime in _IMAGES and isinstance(value, str) and _BASE64.fullmatch(value):
            bundle[mime] = value
        elif mime == "text/html" and isinstance(value, str) and is_harmless(html := plain(value)):
            bundle[mime] = html  # what is stored is what was judged: cutting a sequence out afterwards can make another tag
        elif mime == "application/json" and isinstance(value, (dict, list)):
            bundle[mime] = storable(value)
    return bundle


def is_harmless(html: str) -> bool:
    """Whether HTML is nothing but tables and text.

    >>> is_harmless('<td onclick="go()">1</td>'), is_harmless('<table border="1"><td>1</td></table>')
    (False, True)
    """
    if len(html) > _LONGEST:
        return False
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.well and not reader.in_style and html.rfind("<") <= html.rfind(">")  # a tag without an end is not told to readers


class _Reader(HTMLParser):
    """Reads HTML and notes whether all of it is known to be harmless."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.well = True
        self.in_style = False
        self._sheet = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.in_style = tag == "style"
        self.well &= tag in _TAGS and all(_is_known(name, value or "") for name, value in attrs)

    def handle_endtag(self, tag: str) -> None:
        self.in_style = False
        self.well &= tag in _TAGS and _SHEET.fullmatch(self._sheet) is not None
        self._sheet = ""

    def handle_data(self, data: str) -> None:
        # A "<" in text is what no parser of ours may judge: another may see a tag in it.
        self.well &= "<" not in data
        self._sheet += data if self.in_style else ""

    def handle_comment(self, data: str) -> None:
        self.well = False

    def handle_decl(self, decl: str) -> None:
        self.well = False

    def unknown_decl(self, data: str) -> None:
        self.well = False

    def handle_pi(self, data: str) -> None:
        self.well = False


def _is_known(name: str, value: str) -> bool:
    """Whether an attribute only says how its own element looks."""
    if name == "style":
        return _STYLE.fullmatch(value) is not None and not _LOADING.search(value)
    return name in _ATTRIBUTES and not (name == "class" and _OF_JUPYTER.search(value))
