"""Which cassette file a run records in or plays from: the path itself, or, for a folder, a file in it named by the question.

So one setting serves a whole notebook: `%config RLM.replay = "recordings"`. Nothing is read or written here. Any thread.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

SUFFIX = ".cassette.jsonl"
_WORDS = 6


def cassette_for(path: str | None, question: str) -> Path | None:
    """The file for one question; a path that ends in a separator, or is a folder, is a folder.

    >>> cassette_for("recordings/", "Which carrier was late?").as_posix()
    'recordings/which-carrier-was-late-773f60.cassette.jsonl'
    """
    if not path:
        return None
    folder = Path(path).expanduser()
    return folder / name_of(question) if path.endswith(("/", "\\")) or folder.is_dir() else folder


def name_of(question: str) -> str:
    """A file name that tells questions apart, and can be read."""
    text = " ".join(question.split())
    words = re.findall(r"[a-z0-9]+", text.lower())[:_WORDS]
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:6]
    return "-".join([*words, digest]) + SUFFIX
