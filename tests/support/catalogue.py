"""The extension’s texts as a catalogue template: `python tests/support/catalogue.py` writes `extension/locale/rlm_lab.pot` anew."""

from __future__ import annotations

import json
import re
from pathlib import Path

EXTENSION = Path(__file__).parents[2] / "extension"
TEMPLATE = EXTENSION / "locale" / "rlm_lab.pot"
_TEXT = r"'((?:[^'\\]|\\.)*)'"
_ONE = re.compile(rf"\.__\(\s*{_TEXT}")
_MANY = re.compile(rf"\._n\(\s*{_TEXT},\s*{_TEXT}")
HEAD = 'msgid ""\nmsgstr ""\n"Project-Id-Version: rlm_lab\\n"\n"Content-Type: text/plain; charset=UTF-8\\n"\n'


def template() -> str:
    """Every text, in the order of the alphabet; the settings' texts come from the schema."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in sorted((EXTENSION / "src").glob("*.ts")))
    single = {(_plain(text), "", "") for text in _ONE.findall(source)}
    plural = {(_plain(one), _plain(many), "") for one, many in _MANY.findall(source)}
    return HEAD + "".join(_entry(*text) for text in sorted(single | plural | _of_settings()))


def _of_settings() -> set[tuple[str, str, str]]:
    schema = json.loads((EXTENSION / "schema" / "plugin.json").read_text(encoding="utf-8"))
    parts = [schema, *schema["properties"].values()]
    return {(part[name], "", "schema") for part in parts for name in ("title", "description")}


def _plain(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)


def _entry(text: str, plural: str, context: str) -> str:
    lines = [f"msgctxt {_quoted(context)}"] if context else []
    lines += [f"msgid {_quoted(text)}"]
    lines += [f"msgid_plural {_quoted(plural)}", 'msgstr[0] ""', 'msgstr[1] ""'] if plural else ['msgstr ""']
    return "\n" + "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


if __name__ == "__main__":
    TEMPLATE.parent.mkdir(exist_ok=True)
    TEMPLATE.write_text(template(), encoding="utf-8")
