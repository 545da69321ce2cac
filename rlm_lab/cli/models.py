"""The commands that look after models and the installation: `model install`, `model list`, `doctor`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from rlm_lab.cli.command import FAILED, Command, complain, say
from rlm_lab.errors import UsageError
from rlm_lab.kernel.arguments import Parser


def _add_install(parser: Parser) -> None:
    parser.add_argument("path", nargs="?", help="a file you have")
    parser.add_argument("--from", dest="source", metavar="PATH", help="take the file from there instead of fetching it")
    parser.add_argument("--small", action="store_true", help="the small model, 0.5 GB instead of 1.1 GB")


def _install(parsed: argparse.Namespace) -> int:
    from rlm_lab.models.local import embedded

    if parsed.path and parsed.source:
        raise UsageError(f"The file is given twice, {parsed.path} and --from {parsed.source}; give it once.")
    source = parsed.path or parsed.source
    install_model(embedded(parsed.small), Path(source).expanduser() if source else None)
    return 0


def install_model(model: Any, source: Path | None = None) -> None:
    """Says where the file comes from, brings it here with a progress bar, says where it is."""
    from tqdm import tqdm

    from rlm_lab.models.local import explain_source, install

    complain(explain_source(model, source))
    with tqdm(total=model.size, unit="B", unit_scale=True, unit_divisor=1000, file=sys.stderr, miniters=1) as bar:

        def report(done: int, _total: int, text: str) -> None:
            bar.set_description(text, refresh=False)
            bar.update(done - bar.n)

        path = install(model, source=source, report=report)
    say(f"{model.title} is installed: {path}")


def need_local_model() -> None:
    """Installs the embedded model where it is not there yet."""
    from rlm_lab.models.local import embedded, installed

    if not installed():
        install_model(embedded())


def _list(_: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.doctor import model_table

    say(model_table(load_settings()).text())
    return 0


def _add_doctor(parser: Parser) -> None:
    parser.add_argument("--no-ask", action="store_true", help="do not ask the model for a token")


def _doctor(parsed: argparse.Namespace) -> int:
    from rlm_lab.config import load_settings
    from rlm_lab.kernel.doctor import examine, report

    findings = examine(load_settings(), ask=not parsed.no_ask)
    say(report(findings).text())
    return 0 if all(finding.well for finding in findings) else FAILED


MODEL = (
    Command(name="install", told="fetch the embedded model, check it, keep it", do=_install, add=_add_install),
    Command(name="list", told="the models that can be used", do=_list),
)
DOCTOR = Command(name="doctor", told="what is installed, whether the model answers, what is missing", do=_doctor, add=_add_doctor)
