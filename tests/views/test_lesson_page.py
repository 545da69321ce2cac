"""A lesson as a page and as static HTML: whole, without a network, and with nothing in it that could act."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest

from rlm_lab.analysis.lesson_draft import lesson_of
from rlm_lab.errors import UsageError
from rlm_lab.trajectory.tree import Block, OutputPart, Step, Trajectory
from rlm_lab.views.lesson_page import lesson_bundle, lesson_json, lesson_page, write_lesson

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(1)></textarea></script><!-- \x1b[31m \ud800 $x$"


class Tags(HTMLParser):
    """The elements of a page, and their attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.attributes: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        self.attributes |= {name for name, _ in attrs}


@pytest.fixture
def hostile(run_of):
    return lesson_of(run_of(HOSTILE))


def test_the_page_holds_the_lesson_as_json_under_a_policy_that_loads_nothing(hostile):
    page = lesson_page(hostile)
    data = re.search(r'<script type="application/json" id="rlm-lab-lesson">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["slides"][0]["number"] == 1
    assert "default-src 'none'; script-src 'sha256-" in page
    assert page.count("</script>") == 2
    page.encode()


def test_without_scripts_the_page_shows_the_steps_to_be_opened(asked):
    page = lesson_page(asked("print(1)", "FINAL(1)").lesson())
    plain = re.search(r"<noscript>(.*?)</noscript>", page, re.DOTALL)
    assert plain is not None
    assert plain[1].count("<summary>See what it did</summary>") == 2


def test_static_html_of_a_hostile_run_has_no_elements_of_its_own(hostile):
    folded = lesson_bundle(hostile)["text/html"].partition("</iframe>")[2]
    tags = Tags(folded)
    known = "div h3 h4 p b small pre code ol li details summary dl dt dd table tr td"
    assert set(tags.found) <= {*known.split(" ")}
    assert tags.attributes <= {"class", "style", "type"}
    assert folded.count("<details>") == len(hostile.slides) + 3  # the fold of all of it, the end, the glossary


def test_in_a_notebook_the_slides_stand_in_a_frame_that_can_reach_nothing(hostile):
    shown = lesson_bundle(hostile)
    assert re.match(r'<iframe sandbox="allow-scripts" srcdoc="', shown["text/html"])
    assert "<script" not in shown["text/html"]  # it is quoted, within the attribute
    framed = re.search(r'srcdoc="([^"]*)"', shown["text/html"])
    assert framed is not None
    assert html.unescape(framed[1]) == lesson_page(hostile)
    assert shown["text/plain"].startswith("<Lesson of run")


def test_a_picture_is_shown_only_when_it_is_one(asked):
    lesson = asked("FINAL(1)").lesson()
    assert [one["picture"] for slide in lesson_json(lesson)["slides"] for one in slide["outputs"]] == []
    told = lesson_json(lesson_of(_with_picture("aGk=")))["slides"][0]["outputs"][0]["picture"]
    assert told == "data:image/png;base64,aGk="
    assert lesson_json(lesson_of(_with_picture('"><script>')))["slides"][0]["outputs"][0]["picture"] == ""


def _with_picture(data):
    shown = OutputPart(kind="display", text="a figure", data={"image/png": data})
    block = Block(number=1, code="plot()", outputs=(shown,))
    return Trajectory(run="a", status="done", steps=(Step(number=1, reply="", blocks=(block,)),))


def test_the_ending_of_a_file_says_what_is_written(asked, tmp_path):
    lesson = asked("FINAL(1)").lesson()
    assert write_lesson(lesson, tmp_path / "a.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert write_lesson(lesson, tmp_path / "a.md").read_text(encoding="utf-8").startswith("<!-- The words")
    with pytest.raises(UsageError, match=r"\.html, \.ipynb or \.md"):
        write_lesson(lesson, tmp_path / "a.pdf")
