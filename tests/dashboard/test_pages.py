"""Pages beside the list of runs: behind the same door, with the same headers, each led to by the others."""

from __future__ import annotations

from collections.abc import Iterator

import panel as pn
import pytest

from rlm_lab.dashboard.pages import PAGES, Page
from rlm_lab.dashboard.server import Dashboard


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    page = Page(path="count", title="Count <b>", made=lambda desk: pn.pane.Str(f"{len(desk.rows)} runs are known"))
    made = Dashboard(tmp_path_factory.mktemp("pages"), kernel=False, pages=[page])
    made.start()
    yield made
    made.close()


def test_without_the_secret_a_page_is_a_door(stranger):
    status, _, text = stranger.ask("/count")
    assert (status, "bokeh" in text.lower()) == (403, False)
    assert stranger.ask("/count/ws")[0] == 403


def test_a_ticket_opens_a_page_too(stranger):
    ticket = stranger.dashboard.guard.ticket()
    assert stranger.ask(f"/count?token={ticket}")[0] == 200


def test_a_page_is_served_with_the_headers_that_bind_the_browser(guest):
    status, headers, text = guest.ask("/count")
    assert (status, headers["cache-control"]) == (200, "no-store")
    assert "default-src 'none'" in headers["content-security-policy"]
    assert '<a href="./count" aria-current="page">Count &lt;b&gt;</a>' in text


def test_the_list_of_runs_leads_to_the_page(guest):
    text = guest.ask("/")[2]
    assert '<a href="./" aria-current="page">Runs</a>' in text
    assert '<a href="./count">' in text


@pytest.mark.parametrize("path", ["/other", "/count/", "/count/x", "/counts"])
def test_what_is_no_page_is_not_there(guest, path):
    assert guest.ask(path)[0] == 404


@pytest.mark.parametrize("path", ["", "ws", "enter", "a/b", "A", ".."])
def test_a_path_that_cannot_be_is_refused(path):
    with pytest.raises(ValueError, match="page's path"):
        Page(path=path, title="", made=lambda _: pn.Row())


def test_the_pages_of_the_table_have_paths_of_their_own():
    assert len({page.path for page in PAGES}) == len(PAGES)
