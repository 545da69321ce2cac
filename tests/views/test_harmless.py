"""What of a display's HTML may stand in a notebook's file."""

from __future__ import annotations

import pandas
import polars
import pytest

from rlm_lab.views.harmless import bundle_of, is_harmless


@pytest.mark.parametrize(
    "html",
    [
        """<b title="\x1b]" title='\x07" onclick=alert(1) x="'>hi</b>""",
        '<b style="background:ur\x1b[0ml(http://evil)">hi</b>',
        "<b>hi</b><\x1b[0mscript>alert(1)</script>",
    ],
)
def test_html_is_judged_as_it_is_stored(html: str) -> None:
    assert bundle_of({"text/html": html}, "t") == {"text/plain": "t"}


def test_control_sequences_in_harmless_html_are_cut() -> None:
    assert bundle_of({"text/html": "<b>\x1b[31mred\x1b[0m</b>"}, "t")["text/html"] == "<b>red</b>"


@pytest.mark.parametrize(
    "html",
    [
        '<div data-commandlinker-command="terminal:create-new">hi</div>',
        '<div style="position:fixed;inset:0">hi</div>',
        '<div style="color:red;/**/position:fixed">hi</div>',
        '<div style="margin:-9em">hi</div>',
        '<div class="big jp-Dialog">hi</div>',
        "<style>*{display:none}</style>",
        "<style>.dataframe td, body{text-align:right}</style>",
        "<style>.dataframe ~ div{text-align:right}</style>",
        "<style>.dataframe td{position:fixed}</style>",
        "<style>.dataframe td{text-align:right/*}</style>",
        "<style>@media all{.dataframe td{text-align:right}}</style>",
        "<style>.dataframe td{text-align:right}",
    ],
)
def test_html_that_reaches_beyond_its_own_place_is_left_out(html: str) -> None:
    assert not is_harmless(html)


@pytest.mark.parametrize(
    "html",
    [
        pandas.DataFrame({"a": [1]})._repr_html_(),  # type: ignore[operator]
        polars.DataFrame({"a": [1]})._repr_html_(),
        "<pre style=\"white-space:pre;line-height:normal;font-family:Menlo,'DejaVu Sans Mono'\"><b>x</b></pre>",
        '<span style="color: #008080; font-weight: bold">2</span>',
    ],
)
def test_tables_and_coloured_text_stay(html: str) -> None:
    assert is_harmless(html)
