"""Attacks on a real dashboard: without the secret, with a wrong one, from other sites, through other names."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re

import pytest
from bokeh.util.token import get_token_payload
from tornado.httpclient import HTTPRequest
from tornado.websocket import WebSocketClosedError, websocket_connect

from rlm_lab.dashboard.guard import Guard
from rlm_lab.dashboard.page import LARGEST_MESSAGE
from rlm_lab.dashboard.server import Dashboard
from rlm_lab.errors import StateError

SITES = ("http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1", "null", "http://[", "file://")
PATHS = ("/ws", "/static/js/bokeh.min.js", "/static/extensions/panel/panel.min.js", "/assets/shell.js", "/metadata", "/autoload.js",
         "/components/rlm_lab.dashboard.page/Part/_esm/part.js", "/../../../etc/passwd", "/favicon.ico",
         "/export?run=a&to=md")  # fmt: skip


def test_without_the_secret_the_page_is_a_door_that_shows_nothing(stranger):
    status, _, text = stranger.ask("/")
    assert status == 403
    assert "token" not in text.lower().replace("?token=", "")
    assert "bokeh" not in text.lower()


@pytest.mark.parametrize("path", PATHS)
def test_without_the_secret_nothing_is_served(stranger, path):
    assert stranger.ask(path)[0] == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "HEAD"])
def test_without_the_secret_no_method_helps(stranger, method):
    assert stranger.ask("/", method)[0] in {403, 405}
    assert stranger.ask("/ws", method)[0] in {403, 405}


@pytest.mark.parametrize("cookie", ["", "=", "\\", "rlm_lab=x", "a" * 5_000, '"', "é"])
def test_a_wrong_cookie_is_no_secret(stranger, cookie):
    stranger.cookie = f"{stranger.dashboard.guard.cookie}={cookie}".encode().decode("latin-1")
    assert stranger.ask("/assets/shell.js")[0] == 403
    assert stranger.websocket() == 403


def test_a_wrong_ticket_opens_nothing(stranger):
    status, headers, _ = stranger.ask("/enter", "POST", "wrong", Origin=f"http://{stranger.host}")
    assert (status, "set-cookie" in headers) == (403, False)
    assert stranger.ask("/?token=wrong")[0] == 403


def test_a_ticket_is_good_once(stranger):
    ticket = stranger.dashboard.guard.ticket()
    first, second = (stranger.ask(f"/?token={ticket}") for _ in range(2))
    assert (first[0], "set-cookie" in first[1]) == (200, True)
    assert (second[0], "set-cookie" in second[1]) == (403, False)


def test_a_lasting_ticket_is_good_again(stranger):
    ticket = stranger.dashboard.guard.ticket(lasting=True)
    assert [stranger.ask(f"/?token={ticket}")[0] for _ in range(2)] == [200, 200]


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(stranger):
    _, headers, _ = stranger.enter()
    cookie = headers["set-cookie"]
    assert "; HttpOnly" in cookie
    assert "; SameSite=Strict" in cookie
    assert cookie.startswith(f"rlm_lab_{stranger.dashboard.port}=")
    assert len(cookie.partition("=")[2].partition(";")[0]) >= 43  # 32 bytes


def test_with_the_secret_the_page_comes_and_does_not_hold_it(guest):
    status, _, text = guest.ask("/")
    assert status == 200
    assert guest.cookie.partition("=")[2] not in text
    payload = get_token_payload(re.search(r'"token": "([^"]+)"', text)[1])
    assert (payload["headers"], payload["cookies"]) == ({}, {})
    assert guest.websocket() == 101


@pytest.mark.parametrize("origin", SITES)
def test_another_sites_websocket_is_refused_with_the_secret_too(guest, origin):
    assert guest.websocket(Origin=origin) == 403


def test_a_websocket_without_an_origin_is_refused(guest):
    assert guest.websocket(Origin=None) == 403


def test_a_request_that_a_browser_calls_cross_site_is_refused(guest):
    assert guest.websocket(Sec_Fetch_Site="cross-site") == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "localhost:1", "127.0.0.1.evil.example:{port}"]
)
def test_another_name_for_this_machine_is_refused_with_the_secret_too(guest, host):
    host = host.format(port=guest.dashboard.port)
    assert guest.ask("/", Host=host)[0] in {400, 421}
    assert guest.websocket(Host=host, Origin=f"http://{host}") in {400, 421}


def test_a_ticket_does_not_work_under_another_name(stranger):
    host = f"evil.example:{stranger.dashboard.port}"
    ticket = stranger.dashboard.guard.ticket()
    assert stranger.ask(f"/?token={ticket}", Host=host)[0] == 403
    assert stranger.ask("/enter", "POST", ticket, Host=host, Origin=f"http://{host}")[0] == 403


def test_behind_a_proxy_the_cookie_is_for_its_path_and_the_name_is_known_then(stranger):
    host, path = "hub.example", f"/user/ann/proxy/{stranger.dashboard.port}"
    proxied = {"Host": host, "Origin": f"https://{host}", "X-ProxyContextPath": path}
    stranger.host = host
    assert stranger.websocket(**proxied) == 421
    assert (stranger.ask("/", **proxied)[0], stranger.ask("/assets/shell.js", **proxied)[0]) == (403, 421)
    status, headers, _ = stranger.enter(**proxied)
    assert (status, f"; Path={path};" in headers["set-cookie"]) == (204, True)
    assert stranger.ask("/", Host=host)[0] == 200
    assert stranger.websocket(Host=host, Origin=f"https://{host}") == 101


@pytest.mark.parametrize("path", ["/a;Domain=evil", "/a\\", "//evil", "a", "/ä"])
def test_a_proxys_path_that_is_none_is_not_believed(stranger, path):
    headers = {"Host": "hub.example", "Origin": "http://hub.example", "X-ProxyContextPath": path.encode().decode("latin-1")}
    assert "set-cookie" not in stranger.enter(**headers)[1]


@pytest.mark.parametrize("path", ["/metadata", "/autoload.js", "/static/js/../../../x", "/assets/page.html",
                                  "/assets/../page.py", "/components/rlm_lab.dashboard.page/Part/_esm/part.js",
                                  "/static/js/bokeh-api.min.js"])  # fmt: skip
def test_with_the_secret_only_what_the_page_needs_is_there(guest, path):
    assert guest.ask(path)[0] == 404


def test_a_session_with_a_name_of_somebodys_choice_is_refused(guest):
    assert guest.ask("/?bokeh-session-id=mine")[0] == 403
    assert guest.ask("/", **{"Bokeh-Session-Id": "mine"})[0] == 403


def test_every_answer_binds_the_browser(guest, stranger):
    for client, path in (
        (guest, "/"),
        (guest, "/assets/shell.js"),
        (guest, "/static/js/bokeh.min.js"),
        (stranger, "/"),
        (stranger, "/no"),
    ):
        _, headers, _ = client.ask(path)
        policy = headers["content-security-policy"]
        assert re.search(r"script-src 'nonce-[\w-]{20,}' 'strict-dynamic'(;|$)", policy)
        assert not {"unsafe-eval", "*", "http:", "https:"} & set(policy.replace(";", " ").split())
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "frame-ancestors 'none'" in policy
        assert "server" not in headers


def test_scripts_of_the_page_carry_its_number_and_none_is_written_in_it(guest):
    _, headers, text = guest.ask("/")
    nonce = re.search(r"'nonce-([\w-]+)'", headers["content-security-policy"])[1]
    scripts = re.findall(r"<script[^>]*>", text)
    assert len(scripts) == 7
    assert all(f'nonce="{nonce}" src="' in script or 'type="application/json"' in script for script in scripts)
    assert "//" not in "".join(re.findall(r'(?:src|href)="([^"]*)"', text))
    assert guest.ask("/")[1]["content-security-policy"] != headers["content-security-policy"]


def test_what_bokeh_warns_of_on_our_thread_is_kept_out_of_the_users_cells(guest, capfd, caplog):
    with caplog.at_level(logging.INFO):
        assert guest.ask("/?bokeh-session-id=mine")[0] == 403  # an error in Bokeh's log
    assert (caplog.text, capfd.readouterr().err) == ("", "")


def test_nothing_logs_the_secret_or_a_ticket(guest, stranger, caplog):
    with caplog.at_level(logging.DEBUG):
        stranger.ask(f"/?token={stranger.dashboard.guard.ticket()}")
        secret, ticket = guest.cookie.partition("=")[2], stranger.dashboard.guard.ticket()
        stranger.enter()
        guest.ask(f"/?token={ticket}&x=1")
        guest.ask("/")
        guest.ask("/no")
    assert secret not in caplog.text
    assert ticket not in caplog.text
    assert "token=" not in caplog.text
    assert secret not in repr(guest.dashboard.guard) + repr(vars(guest.dashboard))


def test_only_a_page_of_the_origin_that_was_named_may_frame_the_dashboard(stranger, tmp_path):
    dashboard = Dashboard(tmp_path)
    dashboard.start()
    try:
        client = type(stranger)(dashboard)
        assert client.ask("/")[1]["x-frame-options"] == "DENY"
        dashboard.guard.allow_frame("http://localhost:8888")
        _, headers, _ = client.ask("/")
        assert "frame-ancestors http://localhost:8888;" in headers["content-security-policy"]
        assert "x-frame-options" not in headers
    finally:
        dashboard.close()


@pytest.mark.parametrize(
    "origin", ["*", "https:", "http://a b", "http://a;script-src *", "null", "http://a/path", "javascript:x", "http://A\n"]
)
def test_what_is_no_origin_is_never_put_into_the_policy(origin):
    with pytest.raises(StateError, match="no origin"):
        Guard(1).allow_frame(origin)


def talk(guest, *messages: str | bytes) -> None:
    """Says these messages over the page's websocket, once it was greeted."""

    async def talking() -> None:
        token = re.search(r'"token": "([^"]+)"', guest.ask("/")[2])[1]
        headers = {"Cookie": guest.cookie, "Origin": f"http://{guest.host}", "Host": guest.host}
        address = HTTPRequest(f"ws://{guest.host}/ws", headers=headers)
        socket = await websocket_connect(address, subprotocols=["bokeh", token])
        await socket.read_message()
        with contextlib.suppress(WebSocketClosedError):
            for message in messages:
                await socket.write_message(message, binary=isinstance(message, bytes))
        socket.close()
        while await asyncio.wait_for(socket.read_message(), 60) is not None:
            pass

    asyncio.run(talking())


def test_a_message_that_is_too_large_ends_its_own_page_and_nothing_else(guest):
    talk(guest, "x" * (LARGEST_MESSAGE + 1))
    assert (guest.ask("/")[0], guest.websocket()) == (200, 101)


@pytest.mark.parametrize("message", ["no header", "{}", "[" * 100_000, '{"msgtype": "PATCH-DOC", "msgid": "1"}', b"\xff\x00"])
def test_a_message_that_is_no_message_ends_its_own_page_and_nothing_else(guest, message, capfd):
    talk(guest, message, "{}", "{}")
    assert (guest.ask("/")[0], guest.websocket()) == (200, 101)
    assert capfd.readouterr().err == ""


def test_a_large_body_brings_no_cookie_and_breaks_nothing(stranger):
    with contextlib.suppress(ConnectionError):
        assert "set-cookie" not in stranger.ask("/enter", "POST", "x" * 2_000_000, Origin=f"http://{stranger.host}")[1]
    assert stranger.enter()[0] == 204


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "a/../b", "..", "\x00", "x" * 100_000])
def test_a_runs_name_that_is_a_path_is_no_run(stranger, folder, name):
    (folder.parent / "passwd.rlm.jsonl").write_text("{}\n")
    assert stranger.dashboard.call(looked_up(stranger.dashboard, name)).result(60) is None


async def looked_up(dashboard, name):
    return dashboard.desk.source(name)
