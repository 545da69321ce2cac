"""The layers of the library: imports point down only, and the package is light to import."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import rlm_lab

ROOT = Path(rlm_lab.__file__).parent
LAYERS = (
    {"errors", "config", "masking", "parsing", "_version"},
    {"trajectory"},
    {"models"},
    {"engine"},
    {"analysis"},
    {"views"},
    {"kernel"},
    {"evaluate"},
    {"dashboard"},
    {"server"},
    {"terminal", "demo", "cli"},
)
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
APART = {("trajectory", "models"), ("models", "trajectory"), ("views", "engine"), ("analysis", "engine"), ("views", "models")}
ONLY_IN = {
    "IPython": {"kernel"},
    "panel": {"dashboard"},
    "bokeh": {"dashboard", "views"},
    "litellm": {"models"},
    "greenlet": {"engine"},
    "httpx": {"models"},
    "jupyter_server": {"dashboard", "server"},
    "opentelemetry": {"views"},
}


def imports() -> list[tuple[str, str, str]]:
    """(file, layer, imported module) of every import statement in the package."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found += [("/".join(parts), parts[0], alias.name) for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.append(("/".join(parts), parts[0], node.module))
    return found


def test_imports_point_down_only():
    wrong = []
    for file, layer, module in imports():
        if not module.startswith("rlm_lab.") or layer == "__init__":
            continue
        target = module.split(".")[1]
        if LEVEL[target] > LEVEL[layer] or (layer, target) in APART:
            wrong.append(f"{file} imports {module}")
    assert wrong == []


def test_every_module_has_its_place_in_the_table():
    names = {path.relative_to(ROOT).with_suffix("").parts[0] for path in ROOT.rglob("*.py")} - {"__init__"}
    assert names <= set(LEVEL)


@pytest.mark.parametrize("package", sorted(ONLY_IN))
def test_heavy_packages_are_used_in_one_layer_only(package):
    users = {layer for _, layer, module in imports() if module.split(".")[0] == package}
    assert users - {"__init__"} <= ONLY_IN[package]


def test_importing_the_package_loads_nothing_heavy():
    heavy = {"litellm", "panel", "bokeh", "pandas", "IPython", "pydantic", "numpy", "anywidget", "opentelemetry"}
    code = f"import sys, rlm_lab; print(sorted({heavy} & set(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert told.strip() == "[]"
