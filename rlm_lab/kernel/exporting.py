"""`%rlm export` and `rlm-lab export`: the flags of all forms, and what was written, in a line. Needs no IPython. Any thread."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from rlm_lab.kernel.arguments import Help, Parser
from rlm_lab.views import figures
from rlm_lab.views.exports import Source, export, forms_told

_OPTIONS = ("shorten", "contexts", "failed", "endpoint", "prompts")  # of the forms, that words can tell
USAGE = "[RUN ...] [--to FORM] [--out FILE] [--overwrite]"


def add_export_flags(parser: Parser) -> None:
    """Where and as what; each option of a form is a flag."""
    parser.formatter_class = Help
    parser.epilog = f"forms:\n{forms_told()}"
    parser.add_argument("--to", metavar="FORM", help="one of the forms below; else the suffix of --out tells it; else html")
    parser.add_argument("--out", metavar="FILE", help="a file, or a folder; by default beside you, named as the run")
    parser.add_argument("--overwrite", action="store_true", help="write over a file that is there")
    parser.add_argument("--shorten", type=int, metavar="N", help="html: cut texts over N characters, and say so where they stand")
    parser.add_argument(
        "--contexts", action="store_true", default=None, help="ipynb, in a notebook: store small data beside the file"
    )
    parser.add_argument(
        "--no-failed", dest="failed", action="store_false", default=None, help="finetune: no steps whose code failed"
    )
    parser.add_argument("--endpoint", metavar="URL", help="otel: of the collector; by default as OTEL_EXPORTER_OTLP_ENDPOINT says")
    parser.add_argument("--prompts", action="store_true", default=None, help="otel: send what was asked and answered, too")


def export_told(runs: Sequence[Source], parsed: argparse.Namespace) -> str:
    """Exports as the flags say; gives a line on what was written."""
    options: dict[str, Any] = {name: getattr(parsed, name) for name in _OPTIONS if getattr(parsed, name) is not None}
    to = parsed.to or ("html" if parsed.out is None else None)
    path = export(list(runs), parsed.out, to, overwrite=parsed.overwrite, **options)
    return f"{path} · {figures.size(path.stat().st_size)}" if path is not None else f"{figures.counted(len(runs), 'run')} sent."


def magic_parser() -> Parser:
    """The flags of `%rlm export`."""
    parser = Parser(prog="%rlm export", description="A run as a file that others can open.", add_help=False, allow_abbrev=False)
    parser.add_argument("runs", nargs="*", metavar="RUN", help="a variable, a run's id or its log's path; by default the last run")
    add_export_flags(parser)
    parser.add_argument("-h", "--help", action="store_true", help="show this")
    return parser
