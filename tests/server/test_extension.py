"""The extension as it is installed: seen by Jupyter, in the wheel, without Node; its pure parts have unit tests of their own."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from rlm_lab import __version__

ROOT = Path(__file__).parents[2]
VIEW = ROOT / "rlm_lab" / "views" / "component"


def jupyter(*words, **environment):
    command = [sys.executable, "-m", "jupyter", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | environment)
    return done.stdout + done.stderr


def test_jupyterlab_sees_the_extension_of_this_version_enabled():
    (line,) = [line for line in jupyter("labextension", "list").splitlines() if line.strip().startswith("rlm-lab ")]
    assert f"v{__version__}" in line
    assert "enabled" in line
    assert "OK" in line


def test_jupyters_server_loads_its_part():
    assert any("rlm_lab.server" in line and "enabled" in line for line in jupyter("server", "extension", "list").splitlines())


def test_a_wheel_that_is_made_of_the_source_archive_and_installed_without_node_brings_both(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, capture_output=True, check=True)
    (archive,) = tmp_path.glob("*.tar.gz")
    make = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
    subprocess.run([*make, f"--wheel-dir={tmp_path}", str(archive)], check=True, env=os.environ | {"PATH": ""})
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if "node_modules" in name or name.endswith(".ts")]
    prefix = tmp_path / "prefix"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--ignore-installed"]
    subprocess.run([*install, f"--prefix={prefix}", str(wheel)], check=True, env=os.environ | {"PATH": ""})
    share = prefix / "share" / "jupyter"
    listed = jupyter("labextension", "list", JUPYTER_PATH=str(share), PATH="")
    assert str(share / "labextensions") in listed
    assert (prefix / "etc" / "jupyter" / "jupyter_server_config.d" / "rlm_lab.json").is_file()


def test_the_extension_is_small_beside_the_view_that_it_shares():
    files = (ROOT / "extension" / "dist" / "static").glob("*.js")
    assert sum(file.stat().st_size for file in files if not file.name.startswith(("view.", "compare."))) < 300_000


def test_the_extension_asks_no_registry_by_name_and_is_not_committed():
    locks = [path.read_text() for path in (ROOT / "extension").glob("*/package-lock.json")] + [
        (ROOT / "extension" / "package-lock.json").read_text()
    ]
    assert not any('"resolved"' in lock for lock in locks)
    tracked = subprocess.run(["git", "ls-files", "extension"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    assert "dist/" not in tracked


def test_the_catalogue_template_holds_every_text_of_the_extension():
    path = ROOT / "tests" / "support" / "catalogue.py"
    spec = spec_from_file_location("catalogue", path)
    catalogue = module_from_spec(spec)
    spec.loader.exec_module(catalogue)
    assert catalogue.TEMPLATE.read_text(encoding="utf-8") == catalogue.template(), f"run python {path} and commit what it writes"


CHECKS = {
    "types": ["typescript/bin/tsc", "--noEmit", "-p", "."],
    "rules": ["eslint/bin/eslint.js", "-c", "check/eslint.config.mjs", "--max-warnings", "0", "src", "schema"],
    "format": ["prettier/bin/prettier.cjs", "--config", ".prettierrc", "--check", "src", "style", "schema", "tests"],
}


@pytest.mark.parametrize("check", CHECKS)
def test_the_typescript_is_clean(check):
    extension = ROOT / "extension"
    if not (extension / "check" / "node_modules" / "eslint").is_dir():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("an editable install brings what checks the extension")
    node, _ = the_hook().tools()
    program, *words = CHECKS[check]
    command = [str(node), f"check/node_modules/{program}", *words]
    done = subprocess.run(command, cwd=extension, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def the_hook():
    """The build hook, which knows where Node is."""
    spec = spec_from_file_location("hatch_build", VIEW / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    hook = module_from_spec(spec)
    spec.loader.exec_module(hook)
    return hook


def test_the_pure_parts_do_what_they_say(tmp_path):
    if not (VIEW / "node_modules" / "esbuild").is_dir() or not (ROOT / "extension" / "check" / "node_modules" / "@lumino").is_dir():
        pytest.skip("the live view was not built here, or not what checks the extension")
    node, _ = the_hook().tools()
    tests = sorted(map(str, (ROOT / "extension" / "tests").glob("*.test.ts")))
    esbuild = VIEW / "node_modules" / "esbuild" / "bin" / "esbuild"
    options = ["--bundle", "--format=cjs", "--platform=node", "--out-extension:.js=.cjs", f"--outdir={tmp_path}"]
    path = {"PATH": f"{node.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    subprocess.run([str(node), str(esbuild), *tests, *options], check=True, capture_output=True, env=os.environ | path)
    made = sorted(map(str, tmp_path.glob("*.cjs")))
    done = subprocess.run([str(node), "--test", *made], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
