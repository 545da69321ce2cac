"""The dashboard's link in a real JupyterLab, and behind a real jupyter-server-proxy."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading

import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.browser
EXPECT = 60_000  # ms


def test_the_link_in_a_cell_opens_the_page_once_and_what_is_saved_opens_nothing(notebook, browser):
    book = notebook("%load_ext rlm_lab\n%rlm dashboard")
    book.run_next()
    link = book.output(0).get_by_role("link", name="Open the dashboard")
    expect(link).to_be_visible(timeout=EXPECT)
    address = link.get_attribute("href")
    with book.page.expect_popup() as popup:
        link.click()
    page = popup.value
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=EXPECT)
    assert "ticket" not in page.url
    page.reload()
    expect(page.get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=EXPECT)
    other = browser.new_context().new_page()
    other.goto(address)
    expect(other.get_by_text("A link can be used once")).to_be_visible(timeout=EXPECT)
    other.close()
    page.close()


@pytest.fixture
def proxied(tmp_path):
    """A Jupyter server with the proxy, under a path of its own: its address, and what it logs."""
    pytest.importorskip("jupyter_server_proxy")
    own = {f"JUPYTER_{name}_DIR": str(tmp_path / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    words = ["--no-browser", "--allow-root", "--port=0", "--ip=127.0.0.1", f"--ServerApp.root_dir={tmp_path}"]
    more = ["--IdentityProvider.token=secret", "--ServerApp.base_url=/user/ann/"]
    proxy = "--ServerApp.jpserver_extensions={'jupyter_server_proxy': True}"
    command = [sys.executable, "-m", "jupyter", "server", *words, *more, proxy]
    logged: list[str] = []
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | own) as server:
        for line in server.stderr:
            if found := re.search(r"http://127\.0\.0\.1:(\d+)/user/ann", line):
                break
        drain = threading.Thread(target=lambda: logged.extend(server.stderr))
        drain.start()
        assert found is not None, "the server did not start"
        yield f"http://127.0.0.1:{found[1]}/user/ann/", logged
        server.terminate()
        drain.join()


@pytest.mark.parametrize("way", ["#ticket=", "?token="])
def test_behind_the_proxy_the_page_works_under_its_path_and_no_log_has_the_ticket(proxied, browser, tmp_path, way):
    address, logged = proxied
    command = [sys.executable, "-m", "rlm_lab.cli", "dashboard", str(tmp_path), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        port, ticket = re.search(r":(\d+)/#ticket=(.*)", server.stdout.readline()).groups()
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{address}api?token=secret")
        page.goto(f"{address}proxy/{port}/{way}{ticket}")
        expect(page.get_by_text("No runs yet")).to_be_visible(timeout=EXPECT)  # which comes over the websocket
        assert page.url == f"{address}proxy/{port}/"
        cookie = next(one for one in context.cookies() if one["name"] == f"rlm_lab_{port}")
        assert (cookie["path"], cookie["sameSite"], cookie["httpOnly"]) == (f"/user/ann/proxy/{port}", "Strict", True)
        context.close()
        server.terminate()
        assert ticket not in server.stderr.read()
    assert ticket not in "".join(logged)
