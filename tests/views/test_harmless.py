"""What of a display's HTML may stand in a notebook's file."""

from __future__ import annotations

import pytest

from rlm_lab.views.harmless import bundle_of


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
