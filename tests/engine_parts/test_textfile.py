"""A text file as a str that is not read."""

from __future__ import annotations

import os
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlm_lab.engine.textfile import TextFile
from rlm_lab.errors import ContextError

LONG = "Zürich → 日本 🦀 plain\r\nsecond line\n" * 20_000


@pytest.fixture
def make(tmp_path):
    def write(text: str | bytes, encoding: str = "utf-8") -> TextFile:
        path = tmp_path / "text.txt"
        path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
        return TextFile(path, encoding)

    return write


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    path = tmp_path_factory.mktemp("long") / "long.txt"
    path.write_bytes(LONG.encode())
    return TextFile(path)


@given(start=st.integers(-700_000, 700_000), stop=st.integers(-700_000, 700_000))
def test_a_slice_is_the_slice_of_the_text(long, start, stop):
    assert long[start:stop] == LONG[start:stop]


@given(at=st.integers(0, len(LONG) - 1))
def test_positions_count_characters(long, at):
    assert long[at] == LONG[at]
    assert long[at - len(LONG)] == LONG[at]
    assert long.find("second", at) == LONG.find("second", at)


@given(text=st.text(), part=st.text(min_size=1, max_size=2))
def test_it_answers_as_the_text_does(tmp_path_factory, text, part):
    path = tmp_path_factory.mktemp("any") / "any.txt"
    path.write_bytes(text.encode())
    if text.startswith("\ufeff"):
        text = text[1:]
    file = TextFile(path)
    assert (len(file), str(file), part in file) == (len(text), text, part in text)
    assert (file.find(part), file.count(part)) == (text.find(part), text.count(part))
    assert (file.startswith(part), file.endswith(part)) == (text.startswith(part), text.endswith(part))
    assert (list(file), file[::-1], file[1:9:2]) == (list(text), text[::-1], text[1:9:2])


def test_whole_text_and_length_agree(long):
    assert len(long) == len(LONG)
    assert str(long) == LONG
    assert long.count("日本") == 20_000
    assert long.upper().startswith("ZÜRICH")
    assert f"<{long}>"[1:7] == "Zürich"


def test_lines_come_without_newlines_and_can_keep_them(make):
    file = make("a\r\nb\n\nlast")
    assert list(file.lines()) == ["a", "b", "", "last"]
    assert list(file.lines(keepends=True)) == ["a\r\n", "b\n", "\n", "last"]
    assert file.splitlines() == ["a", "b", "", "last"]
    assert file.split("\n")[0] == "a\r"


def test_a_pattern_is_found_with_positions_of_the_file(long):
    found = long.search(r"(second) (?P<what>line)")
    assert found is not None
    assert found.span() == (LONG.index("second"), LONG.index("second") + 11)
    assert (found[1], found.group("what"), found.groups()) == ("second", "line", ("second", "line"))
    assert found.groupdict() == {"what": "line"}
    assert len(long.findall("🦀")) == 20_000
    assert long.search("nowhere") is None


def test_matches_beyond_the_first_eight_megabytes_have_right_positions(make):
    text = "é line\n" * 1_200_000 + "needle\n"
    assert next(make(text).finditer("needle")).start() == text.index("needle")


def test_a_byte_order_mark_is_left_out(make):
    file = make(b"\xef\xbb\xbfabc")
    assert (str(file), len(file), file[0]) == ("abc", 3, "a")


def test_another_encoding_is_read_when_named(make):
    file = make("Zürich", "cp1252")
    assert (str(file), len(file), file[1], "ü" in file, "日" in file) == ("Zürich", 6, "ü", True, False)


def test_an_empty_file_is_an_empty_text(make):
    file = make("")
    assert (len(file), str(file), bool(file), file[:5], list(file.lines())) == (0, "", False, "", [])
    with pytest.raises(IndexError):
        file[0]


def test_a_wrong_encoding_is_told_with_the_byte_and_the_remedy(make):
    with pytest.raises(ContextError, match=r"not utf-8 text \(byte 0xfc at 1\); save it as UTF-8, or give its text: open\('"):
        make("Zürich".encode("cp1252"))


@pytest.mark.parametrize("encoding", ["utf-16", "klingon", "shift-jis"])
def test_an_encoding_that_cannot_be_mapped_is_refused(make, encoding):
    with pytest.raises(ContextError, match=r"no encoding|cannot be in"):
        TextFile(make("x").path, encoding)


def test_a_missing_file_a_folder_and_a_pipe_are_refused(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    for path, word in [(tmp_path / "none.txt", "There is no file"), (tmp_path, "a folder"), (tmp_path / "pipe", "no regular file")]:
        with pytest.raises(ContextError, match=word) as caught:
            TextFile(path)
        assert "\n" not in str(caught.value)


def test_a_file_that_shrinks_is_an_error_and_not_the_end_of_the_process(make):
    file = make("x" * 100_000)
    os.truncate(file.path, 10)
    with pytest.raises(ContextError, match="has become shorter"):
        file[50_000:50_010]


def test_its_repr_is_short_and_it_can_be_pickled(make):
    file = make("x" * 5_000)
    assert repr(file).endswith("text.txt', 5,000 bytes)")
    assert str(pickle.loads(pickle.dumps(file))) == str(file)  # noqa: S301


def test_what_a_text_does_not_have_it_does_not_have(make):
    with pytest.raises(AttributeError, match="has the methods of str"):
        make("x").readlines()
