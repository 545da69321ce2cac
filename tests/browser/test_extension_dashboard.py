"""The dashboard in a tab beside its notebook: framed by the Jupyter server's own pages, and by no other."""

from __future__ import annotations

import http.server
import threading

import pytest
from playwright.sync_api import expect

from rlm_lab.dashboard.server import Dashboard

pytestmark = pytest.mark.browser
EXPECT = 60_000  # ms


def frame_of(book):
    return book.page.frame_locator(".rlm-lab-Dashboard iframe")


def test_the_dashboard_opens_in_a_tab_by_command_and_by_magic_and_what_is_saved_opens_none(notebook):
    book = notebook("%load_ext rlm_lab\nx = 1", "%rlm dashboard", theme="JupyterLab Dark")
    book.run_next()
    book.run_next()
    expect(frame_of(book).get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=EXPECT)
    tabs = book.page.locator(".rlm-lab-Dashboard iframe")
    assert tabs.get_attribute("sandbox") == "allow-scripts allow-same-origin allow-downloads"
    expect(frame_of(book).locator("html")).to_have_attribute("data-theme", "dark")
    book.picture("extension-dashboard")
    book.command("rlm-lab:dashboard")
    expect(tabs).to_have_count(1)
    book.page.locator(".jp-Notebook .cm-content").first.click()
    book.saved()
    book.page.reload()
    expect(book.output(1).get_by_role("button", name="Open the dashboard in a tab beside")).to_be_visible(timeout=EXPECT)
    expect(tabs).to_have_count(0)
    book.output(1).get_by_role("button", name="Open the dashboard in a tab beside").click()
    expect(frame_of(book).get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=EXPECT)


REMOTE = """\
import os
os.environ["JUPYTERHUB_SERVICE_PREFIX"] = "/"  # as where a hub has started the server
%load_ext rlm_lab
from rlm_lab import ScriptedModel
root = ScriptedModel(["```repl\\nFINAL(42)\\n```"])"""


def test_where_the_server_is_elsewhere_the_tab_goes_through_its_proxy_websocket_and_all(notebook):
    pytest.importorskip("jupyter_server_proxy")
    book = notebook(REMOTE, "%rlm dashboard", "%%rlm -m root\nWhich kite is late?")
    sockets = []
    book.page.on("websocket", lambda socket: sockets.append(socket.url))
    for _ in range(2):
        book.run_next()
    expect(frame_of(book).get_by_role("heading", name="Runs", exact=True)).to_be_visible(timeout=EXPECT)
    server = book.page.url.partition("/lab")[0]
    assert book.page.locator(".rlm-lab-Dashboard iframe").get_attribute("src").startswith(f"{server}/proxy/")
    assert any(url.startswith(f"{server.replace('http', 'ws', 1)}/proxy/") for url in sockets)
    book.page.locator(".jp-Notebook .jp-Cell .cm-content").nth(2).click()
    book.run_next()
    expect(frame_of(book).get_by_text("Which kite is late?").first).to_be_visible(timeout=EXPECT)  # told over the websocket
    book.picture("extension-dashboard-proxied")


@pytest.fixture
def other_site():
    """A server of somebody else; `serve` gives the address of a page with this text."""
    pages = {}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(pages.get(self.path, "").encode())

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def serve(text):
            pages["/"] = text
            return f"http://127.0.0.1:{server.server_port}/"

        yield serve
        server.shutdown()
        thread.join()


def test_a_page_of_another_origin_still_cannot_frame_the_dashboard(notebook, other_site):
    ask = "import rlm_lab, json\nlink = rlm_lab.dashboard_link(embed='http://127.0.0.1:1')\nprint('to:', str(link))"
    book = notebook(ask)
    book.run_next()
    expect(book.output(0)).to_contain_text("to: http://127.0.0.1", timeout=EXPECT)
    address = book.output(0).inner_text().partition("to: ")[2].strip()
    book.page.goto(other_site(f'<iframe src="{address}"></iframe>'))
    frame = next(one for one in book.page.frames if one != book.page.main_frame)
    book.page.wait_for_load_state()
    assert frame.url.startswith("chrome-error:")


def test_in_a_frame_the_door_has_the_theme_that_the_link_names(browser, other_site, tmp_path):
    dashboard = Dashboard(tmp_path, kernel=False)
    dashboard.start()
    address = other_site(f'<iframe src="http://127.0.0.1:{dashboard.port}/#theme=dark"></iframe>')
    dashboard.guard.allow_frame(address.rstrip("/"))
    page = browser.new_page(color_scheme="light")
    page.goto(address)
    door = page.frame_locator("iframe")
    expect(door.get_by_text("A link can be used once")).to_be_visible(timeout=EXPECT)
    assert door.locator("html").evaluate("html => getComputedStyle(html).backgroundColor") == "rgb(23, 25, 28)"
    page.close()
    dashboard.close()
