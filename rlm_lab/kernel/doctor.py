"""The doctor: what is installed, which model would answer and whether it does, what is missing and how to mend it.

Keys are only told as set or not set. A request is made to the model only where that is asked for. Main thread.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import time
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from pathlib import Path

from rlm_lab.config import Settings
from rlm_lab.errors import RLMError
from rlm_lab.kernel.tables import Table
from rlm_lab.models.base import Message, Model, Request

ASK_SECONDS = 60.0  # how long the model may take to answer the doctor; a local server starts in that time too
OPTIONAL = {
    "xllamacpp": "the embedded model needs it: pip install 'rlm_lab[local]'",
    "pandas": "the lessons need it: pip install 'rlm_lab[local]'",
}
PROVIDERS = {
    "OpenAI": ("OPENAI_API_KEY", "openai/gpt-4.1-mini"),
    "Anthropic": ("ANTHROPIC_API_KEY", "anthropic/claude-sonnet-4-5"),
    "Google": ("GEMINI_API_KEY", "gemini/gemini-2.5-flash"),
    "Mistral": ("MISTRAL_API_KEY", "mistral/mistral-small-latest"),
    "DeepSeek": ("DEEPSEEK_API_KEY", "deepseek/deepseek-chat"),
    "Groq": ("GROQ_API_KEY", "groq/llama-3.3-70b-versatile"),
    "xAI": ("XAI_API_KEY", "xai/grok-3-mini"),
    "OpenRouter": ("OPENROUTER_API_KEY", "openrouter/qwen/qwen3-coder"),
    "Together": ("TOGETHERAI_API_KEY", "together_ai/Qwen/Qwen2.5-Coder-32B-Instruct"),
    "Azure": ("AZURE_API_KEY", "azure/your-deployment"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at; `mend` says what to do where it is not well."""

    what: str
    well: bool
    told: str
    mend: str = ""


def examine(settings: Settings, *, model: object = None, ask: bool = True) -> list[Finding]:
    """All findings. With `ask`, one request of one token is made to the model that would answer."""
    return [*_model(settings, model, ask=ask), _local_model(), _keys(), _runs_folder(settings), _python(), *_packages()]


def report(findings: list[Finding]) -> Table:
    """The findings as a table."""
    rows: list[tuple[str, ...]] = []
    for finding in findings:
        rows.append(("ok" if finding.well else "✗", finding.what, finding.told, finding.mend))
    head: tuple[str, ...] = ("", "what", "found", "how to mend it")
    if not any(finding.mend for finding in findings):
        head, rows = head[:3], [row[:3] for row in rows]
    wrong = sum(not finding.well for finding in findings)
    count = "1 thing is" if wrong == 1 else f"{wrong} things are"
    told = "All is well." if not wrong else f"{count} missing or wrong; the last column says how to mend it."
    return Table(title="rlm_lab doctor", head=head, rows=rows, note=told)


def model_table(settings: Settings) -> Table:
    """What can be used after `-m`: the models on this machine, and the providers with a key."""
    from rlm_lab.models.local import embedded, installed

    rows = []
    for small in (False, True):
        model = embedded(small)
        found = "installed" if installed(small) else f"not installed: rlm-lab model install{' --small' if small else ''}"
        rows.append((model.name, f"{model.title}, {model.gigabytes}, on this machine", found))
    known = _dotenv_names()
    for provider, (variable, example) in PROVIDERS.items():
        if _is_set(variable, known):
            rows.append((example, f"{provider}, e.g.", f"{variable} is set"))
    if settings.model:
        default = f"The default is {settings.model}, as it is set."
    elif installed():
        default = "The default is local."
    else:
        default = "There is no default: set RLM_LAB_MODEL, or run `rlm-lab model install`."
    others = (
        "Any LiteLLM name works, with its provider's key in the environment; in a notebook so does a variable that holds a model."
    )
    return Table(title="Models", head=("-m", "what", "state"), rows=rows, note=f"{default} {others}")


def _python() -> Finding:
    return Finding(what="Python", well=True, told=f"{platform.python_version()} on {platform.system()}")


def _packages() -> list[Finding]:
    """One finding for all packages that are as they should be, one for each that is not."""
    lines = importlib.metadata.requires("rlm_lab") or []
    found = [_package(line) for line in lines if "extra ==" not in line]
    found += [_optional(name, mend) for name, mend in OPTIONAL.items()]
    whole = ", ".join(f"{one.what} {one.told}" for one in found if not one.mend)
    return [Finding(what="packages", well=True, told=whole), *(one for one in found if one.mend)]


def _package(line: str) -> Finding:
    from packaging.requirements import Requirement

    wanted = Requirement(line)
    version = _version(wanted.name)
    if version is None:
        return Finding(what=wanted.name, well=False, told="not installed", mend=f"pip install '{wanted.name}{wanted.specifier}'")
    if not wanted.specifier.contains(version, prereleases=True):
        told = f"{version}, needed is {wanted.specifier}"
        return Finding(what=wanted.name, well=False, told=told, mend=f"pip install '{wanted.name}{wanted.specifier}'")
    return Finding(what=wanted.name, well=True, told=version)


def _optional(name: str, mend: str) -> Finding:
    version = _version(name)
    return Finding(what=name, well=True, told=version or "not installed", mend="" if version else mend)


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _local_model() -> Finding:
    from rlm_lab.models.local import embedded, installed

    model = embedded()
    if installed():
        return Finding(what="embedded model", well=True, told=f"{model.title}, {model.path}")
    other = f"; {embedded(small=True).title} is" if installed(small=True) else ""
    mend = f"rlm-lab model install ({model.gigabytes}), unless you use another model"
    return Finding(what="embedded model", well=True, told=f"{model.title} is not installed{other}", mend=mend)


def _keys() -> Finding:
    known = _dotenv_names()
    found = [provider for provider, (variable, _) in PROVIDERS.items() if _is_set(variable, known)]
    missing = [provider for provider in PROVIDERS if provider not in found]
    told = f"set: {', '.join(found) or 'none'}; not set: {', '.join(missing) or 'none'}"
    return Finding(what="keys of providers", well=True, told=told)


def _dotenv_names() -> frozenset[str]:
    """Names that `.env` gives a value."""
    path = Path.cwd() / ".env"
    if not path.is_file():
        return frozenset()
    from dotenv import dotenv_values

    return frozenset(name for name, value in dotenv_values(path).items() if value)


def _is_set(variable: str, dotenv: frozenset[str]) -> bool:
    return bool(os.environ.get(variable)) or variable in dotenv


def _runs_folder(settings: Settings) -> Finding:
    folder = Path(settings.runs)
    place = next((one for one in (folder.absolute(), *folder.absolute().parents) if one.exists()), Path("/"))
    if place.is_dir() and os.access(place, os.W_OK):
        return Finding(what="runs folder", well=True, told=str(folder))
    return Finding(what="runs folder", well=False, told=f"{folder} cannot be written", mend="set RLM_LAB_RUNS to a folder that can")


def _model(settings: Settings, spec: object, *, ask: bool) -> list[Finding]:
    from rlm_lab.models.resolve import resolve

    try:
        model = resolve(spec, settings)
    except RLMError as error:
        return [Finding(what="model", well=False, told="none would answer", mend=_line(str(error)))]
    if not ask:
        return [Finding(what="model", well=True, told=f"{model.name} would answer; it was not asked")]
    return [_asked(model)]


def _asked(model: Model) -> Finding:
    """Whether the model answers one request of one token."""
    from rlm_lab.models.loop import ModelLoop

    request = Request(messages=(Message(role="user", content="Say yes."),), max_tokens=1, seconds=ASK_SECONDS, retries=0)
    began = time.monotonic()
    future = ModelLoop.shared().submit(model.complete(request))
    try:
        future.result(timeout=ASK_SECONDS)
    except FutureTimeoutError:
        told = f"{model.name} gave no answer in {ASK_SECONDS:.0f} s"
        return Finding(what="model", well=False, told=told, mend="try again, or take another")
    except Exception as error:  # noqa: BLE001 - a model object may be foreign code
        return Finding(what="model", well=False, told=f"{model.name} did not answer", mend=_line(str(error)))
    finally:
        future.cancel()
    told = f"{model.name} answered in {time.monotonic() - began:.1f} s (one token was asked for)"
    return Finding(what="model", well=True, told=told)


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()[:400]
