"""The dashboard's link as a cell shows it: a line for each way to open it."""

from __future__ import annotations

import re

import pytest

from rlm_lab.dashboard.links import Link

NEAR, FAR = "http://127.0.0.1:1/#ticket=a", "/proxy/1/#ticket=b"


def lines(link: Link) -> list[str]:
    return [re.sub("<[^>]*>", "", line) for line in re.findall("<div>.*?</div>", link.bundle()["text/html"])]


@pytest.mark.parametrize(
    ("link", "uses"),
    [
        (Link(url=NEAR), ["in a new tab of this browser"]),
        (Link(url=NEAR, proxied=FAR), ["in a new tab of this browser", "through the Jupyter server, from another machine"]),
        (
            Link(url=NEAR, proxied=FAR, remote=True),
            ["through the Jupyter server, from another machine", "in a browser on the kernel’s own machine"],
        ),
    ],
)
def test_each_link_stands_in_a_line_that_says_what_it_is_for_and_that_it_is_good_once(link, uses):
    *shown, note = lines(link)
    assert all(line.endswith(f" {use}") for line, use in zip(shown, uses, strict=True))
    assert "good once" in note
    assert "good once" in link.bundle()["text/plain"]
