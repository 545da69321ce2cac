"""Settings and budgets: the only place where defaults stand.

Reads the environment and `.env` only when `load_settings` is called, never at import. Keys of providers are not settings:
LiteLLM reads them from the environment itself, so that none passes through an object of ours.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlm_lab.errors import ConfigError, UsageError

ENVIRONMENT_PREFIX = "RLM_LAB_"
_KINDS = {"bool": "1 or 0", "float": "a number", "int": "a whole number"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """Limits of a run and all its children together; `None` means no limit.

    Parameters
    ----------
    steps: root replies of one run (each child run has this limit for itself).
    calls: sub-model calls of the whole tree.
    tokens: prompt and completion tokens of the whole tree.
    cost: US dollars of the whole tree.
    seconds: wall-clock time of the run; time spent paused is not counted.
    depth: how deep `rlm_query` may nest; 0 makes it a plain `llm_query`.

    Raises `UsageError` for a limit that is not a positive number.

    >>> Budget(steps=5).calls
    1000
    """

    steps: int | None = 20
    calls: int | None = 1_000
    tokens: int | None = 5_000_000
    cost: float | None = 2.0
    seconds: float | None = 1_800.0
    depth: int = 1

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check_limit(field.name, getattr(self, field.name), least=0 if field.name == "depth" else None)


def _check_limit(name: str, value: object, *, least: int | None) -> None:
    if value is None and name != "depth":
        return
    whole = name in {"steps", "calls", "tokens", "depth"}
    number = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not number or not (value >= least if least is not None else value > 0):  # type: ignore[operator]
        kind = "whole number" if whole else "number"
        bound = f"of at least {least}" if least is not None else "above 0"
        raise UsageError(f"The budget's {name} is {value!r}; give a {kind} {bound}.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How runs are made, apart from their budget.

    Parameters
    ----------
    model, sub_model: a LiteLLM name or `local`; no `sub_model` means the model itself.
    runs: folder of the run logs, made when the first run starts.
    profile: `standard`, `small`, or `auto` to choose by model.
    block_seconds: time that one block of code may compute; waiting for models is not counted.
    call_seconds: time limit of one request to a model.
    call_retries: further tries after a rate limit or a server error.
    max_concurrency: requests in flight at once, per model: replies and calls.
    max_children: child runs of one batch that go on at once; the others wait for their turn.
    output_characters: how much of a block's output the model is shown; the rest is cut out of its middle.
    allow_shell: whether model code may use `%magics` and `!commands`.
    keep_steps: for how many of its latest steps a run keeps the variables, so that it can be taken back to them; 0 keeps none.

    Raises `ConfigError` for a number that cannot be.
    """

    model: str | None = None
    sub_model: str | None = None
    runs: Path = Path(".rlm/runs")
    profile: str = "auto"
    block_seconds: float = 300.0
    call_seconds: float = 600.0
    call_retries: int = 3
    max_concurrency: int = 128
    max_children: int = 32
    output_characters: int = 8_000
    allow_shell: bool = False
    keep_steps: int = 50

    def __post_init__(self) -> None:
        for name, least in (
            ("block_seconds", 0.001),
            ("call_seconds", 0.001),
            ("call_retries", 0),
            ("max_concurrency", 1),
            ("max_children", 1),
            ("output_characters", 100),
            ("keep_steps", 0),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= least:
                raise ConfigError(f"The setting {name} is {value!r}; give a number of at least {least:g}.")


def load_settings(overrides: Mapping[str, Any] | None = None, *, folder: Path | None = None) -> Settings:
    """Settings from `overrides`, then `RLM_LAB_*` of the environment, then `.env` in `folder`, then the defaults.

    >>> load_settings({"block_seconds": 5}).block_seconds
    5
    """
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    values: dict[str, Any] = {}
    dotenv = _read_dotenv((folder or Path.cwd()) / ".env")
    for field in dataclasses.fields(Settings):
        if field.name in given:
            values[field.name] = given.pop(field.name)
            continue
        text = os.environ.get(ENVIRONMENT_PREFIX + field.name.upper()) or dotenv.get(ENVIRONMENT_PREFIX + field.name.upper())
        if text:
            values[field.name] = _from_text(field.name, str(field.type), text)
    if given:
        raise ConfigError(
            f"There is no setting {sorted(given)[0]!r}; there are {', '.join(f.name for f in dataclasses.fields(Settings))}."
        )
    if "runs" in values:
        values["runs"] = Path(values["runs"]).expanduser()
    return Settings(**values)


def load_budget(overrides: Mapping[str, Any] | None = None, *, folder: Path | None = None) -> Budget:
    """Limits from `overrides`, then `RLM_LAB_MAX_STEPS` and its like (`RLM_LAB_DEPTH`), then `.env`, then the defaults.

    >>> load_budget({"steps": 5}).steps
    5
    """
    values = {name: value for name, value in (overrides or {}).items() if value is not None}
    dotenv = _read_dotenv((folder or Path.cwd()) / ".env")
    for field in dataclasses.fields(Budget):
        name = "DEPTH" if field.name == "depth" else f"MAX_{field.name.upper()}"
        text = os.environ.get(ENVIRONMENT_PREFIX + name) or dotenv.get(ENVIRONMENT_PREFIX + name)
        if text and field.name not in values:
            kind = "float" if field.name in {"cost", "seconds"} else "int"
            values[field.name] = _from_text(name, kind, text)
    return Budget(**values)


def _read_dotenv(path: Path) -> dict[str, str | None]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    return dict(dotenv_values(path))


def _from_text(name: str, kind: str, text: str) -> Any:
    try:
        if kind == "bool":
            return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[text.lower()]
        return float(text) if kind == "float" else int(text) if kind == "int" else text
    except (KeyError, ValueError):
        raise ConfigError(f"{ENVIRONMENT_PREFIX}{name.upper()} is {text!r}; give {_KINDS[kind]}.") from None
