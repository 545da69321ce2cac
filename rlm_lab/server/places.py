"""Which files may be read: run logs below the folder that Jupyter serves, and those in the runs folder of the settings.

The rule for paths is that of Jupyter's contents: below the root, by name. Hidden folders are left out, but for `.rlm`, where
runs are. Any thread.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from rlm_lab.config import Settings, load_settings
from rlm_lab.errors import ConfigError, UsageError
from rlm_lab.trajectory.formats import FORMATS, format_of, place_of
from rlm_lab.trajectory.formats.files import Source
from rlm_lab.trajectory.reading import SUFFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """`root` is the folder that Jupyter serves; `hidden` whether it serves hidden files, too."""

    root: Path
    hidden: bool = False

    def run(self, name: str, folder: str = "") -> Path:
        """The log of this name, relative to `folder` (itself relative to the root), or absolute.

        Raises `UsageError` for what is no log, or lies elsewhere.

        >>> Places(root=Path("/data")).run("a.rlm.jsonl", "sub").as_posix()
        '/data/sub/a.rlm.jsonl'
        >>> Places(root=Path("/data")).run("../b.rlm.jsonl")
        Traceback (most recent call last):
            ...
        rlm_lab.errors.UsageError: The run '../b.rlm.jsonl' lies outside of what this server shows.
        """
        own = name.endswith(SUFFIX)
        if "\0" in name or not name.strip("/."):
            raise UsageError(f"{name[:200]!r} is no run; the name of a run's file ends in {SUFFIX}.")
        path = self._below_root(_normal(self.root / folder.strip("/") / name))
        if not self._is_shown(path) and path.parent != self._runs(path.parent):
            raise UsageError(f"The run {name[:200]!r} lies outside of what this server shows.")
        if not own and format_of(Source(place_of(path)[0])) is None:
            names = ", ".join(one.name for one in FORMATS)
            raise UsageError(f"{name[:200]!r} is no run: neither one of rlm_lab ({SUFFIX}), nor a log of {names}.")
        return path

    def folder(self, name: str) -> Path:
        """A folder below the root. Raises `UsageError` for another."""
        path = _normal(self.root / name.strip("/"))
        if "\0" in name or not self._is_shown(path):
            raise UsageError(f"The folder {name[:200]!r} lies outside of what this server shows.")
        return path

    def folders(self, name: str) -> list[Path]:
        """Where the runs of a folder are: in itself, in its `.rlm`, and in the runs folder that the settings name."""
        folder = self.folder(name)
        found = [folder, folder / Settings().runs, self._runs(folder) or folder]
        return list(dict.fromkeys(found))

    def told(self, path: Path) -> str:
        """A path as a front end names it: relative to the root where it can be."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def _below_root(self, path: Path) -> Path:
        """A kernel names files without symbolic links; where the root was reached by one, its name is put in their place."""
        real = self.root.resolve()
        return self.root / path.relative_to(real) if path.is_relative_to(real) else path

    def _is_shown(self, path: Path) -> bool:
        if not path.is_relative_to(self.root):
            return False
        parts = path.relative_to(self.root).parts
        return self.hidden or not any(part.startswith(".") and part != ".rlm" for part in parts)

    def _runs(self, folder: Path) -> Path | None:
        """The runs folder of the settings, as seen from a folder; settings that cannot be read name none."""
        try:
            return _normal(folder / load_settings(folder=folder).runs.expanduser())
        except (ConfigError, OSError, ValueError):
            return None


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))
