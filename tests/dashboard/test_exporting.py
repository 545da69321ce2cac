"""A run is downloaded through the dashboard: by its name, in a form of the table, as a file and never as a page."""

from __future__ import annotations

from urllib.parse import quote

import pytest

from rlm_lab import Settings


@pytest.fixture
def run(asked, folder):
    return asked("FINAL('<script>1</script>')", settings=Settings(runs=folder), question="What is sent?")


def test_a_run_is_sent_as_a_file_and_not_as_a_page(guest, run):
    status, headers, text = guest.ask(f"/export?run={run.id}&to=html")
    assert (status, headers["content-type"]) == (200, "application/octet-stream")
    assert headers["content-disposition"] == f'attachment; filename="{run.id}.html"'
    assert (headers["cache-control"], headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert "What is sent?" in text


def test_a_saved_run_is_sent_too(guest, run, folder):
    (folder / "other.rlm.jsonl").write_text(run.path.read_text().replace(run.id, "other"))
    status, _, text = guest.ask("/export?run=other&to=steps.csv")
    assert (status, text.splitlines()[0].startswith("run,")) == (200, True)


@pytest.mark.parametrize("name", ["../../../etc/passwd", "/etc/passwd", "..", "", "a\x00b", "no such run"])
def test_a_name_that_is_no_runs_reaches_no_file(guest, run, name):
    status, _, text = guest.ask(f"/export?run={quote(name)}&to=md")
    assert (status, text.startswith("There is no run")) == (400, True)


@pytest.mark.parametrize("form", ["", "otel", "pdf", "../x"])
def test_a_form_that_is_none_is_refused_in_a_line(guest, run, form):
    assert guest.ask(f"/export?run={run.id}&to={quote(form)}")[0] == 400


def test_another_sites_page_gets_no_file(guest, stranger, run):
    path = f"/export?run={run.id}&to=md"
    assert stranger.ask(path)[0] == 403
    assert guest.ask(path, Origin="http://evil.example")[0] == 403
    assert guest.ask(path, Host="evil.example")[0] == 421
