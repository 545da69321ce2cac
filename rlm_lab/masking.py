"""Keys in texts, put out of sight before a text is shown or logged: by their shape, by the environment, by the name they are given.

A key of no known shape that stands under no telling name cannot be found. May be used from any thread.
"""

from __future__ import annotations

import os
import re

_NAMED = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL")
_SHAPED = re.compile(r"\b(?:sk|pk|gsk|xai|hf)[-_][\w*.-]{6,}|(?<=Bearer )\S+|\bAIza[\w-]{10,}")
_GIVEN = re.compile(
    r"""((?!keys?\b)\b\w*(?:key|token|secret|passw|credential)\w*["'\]]*\s*[=:,]\s*[rbuf]{0,2})(?P<quote>["'])(?:\\.|(?!(?P=quote)).)+(?P=quote)""",
    re.IGNORECASE,
)
SHORTEST = 8  # characters of a value of the environment that may be a key


def masked(text: str, secret: str | None = None) -> str:
    """The text without keys of a known shape, those of the environment, and `secret`.

    >>> masked("key sk-abcdef123456 given")
    'key [key] given'
    """
    for key in _secrets(secret):
        text = text.replace(key, "[key]")
    return _SHAPED.sub("[key]", text)


def masked_code(source: str) -> str:
    """Code without keys; also without the texts that it gives to names such as `api_key` and `PASSWORD`.

    >>> masked_code("api_key = 'abc'; rows.sort(key='delay')")
    "api_key = '[key]'; rows.sort(key='delay')"
    """
    return _GIVEN.sub(r"\1\g<quote>[key]\g<quote>", masked(source))


def is_telling(name: str) -> bool:
    """Whether a variable of this name may hold a key."""
    return _NAMED.search(name.upper()) is not None


def _secrets(secret: str | None) -> list[str]:
    found = [value for name, value in os.environ.items() if _NAMED.search(name.upper()) and len(value) >= SHORTEST]
    return sorted([*found, secret] if secret else found, key=len, reverse=True)
