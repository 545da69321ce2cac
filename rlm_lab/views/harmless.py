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
_LOADING = re.compile(r"url\s*\(|@import|expression\s*\(|image-set|\\|<", re.IGNORECASE)
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
    return reader.well


class _Reader(HTMLParser):
    """Reads HTML and notes whether all of it is known to be harmless."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.well = True
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_style = tag == "style"
        self.well &= tag in _TAGS
        for name, value in attrs:
            self.well &= (name in _ATTRIBUTES or name.startswith("data-")) and not (name == "style" and _loads(value))

    def handle_endtag(self, tag: str) -> None:
        self._in_style = False
        self.well &= tag in _TAGS

    def handle_data(self, data: str) -> None:
        # A "<" in text is what no parser of ours may judge: another may see a tag in it.
        self.well &= not (_loads(data) if self._in_style else "<" in data)

    def handle_comment(self, data: str) -> None:
        self.well = False

    def handle_decl(self, decl: str) -> None:
        self.well = False

    def unknown_decl(self, data: str) -> None:
        self.well = False

    def handle_pi(self, data: str) -> None:
        self.well = False


def _loads(css: str | None) -> bool:
    return bool(_LOADING.search(css or ""))
