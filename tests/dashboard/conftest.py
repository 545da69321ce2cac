"""A dashboard of this process, without a kernel, and what talks to it: plain requests, as an attacker's would be."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from rlm_lab.dashboard.server import Dashboard


class Client:
    """Requests to a dashboard. `cookie` is sent once `enter` has brought it."""

    def __init__(self, dashboard: Dashboard) -> None:
        self.dashboard = dashboard
        self.host = f"127.0.0.1:{dashboard.port}"
        self.cookie: str | None = None

    def ask(
        self, path: str, method: str = "GET", body: str | None = None, **headers: str | None
    ) -> tuple[int, dict[str, str], str]:
        """Status, headers and text of an answer; a header given as None is not sent, `_` in a name stands for `-`."""
        sent = {"Host": self.host, "Cookie": self.cookie} | {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.dashboard.port, timeout=60)
        try:
            connection.request(method, path, body, {name: value for name, value in sent.items() if value is not None})
            reply = connection.getresponse()
            text = "" if reply.status == 101 else reply.read().decode("utf-8", "replace")
            return reply.status, {name.lower(): value for name, value in reply.getheaders()}, text
        finally:
            connection.close()

    def enter(self, **headers: str | None) -> tuple[int, dict[str, str], str]:
        """Exchanges a ticket for the cookie, as the page does."""
        ticket = self.dashboard.guard.ticket()
        status, got, text = self.ask("/enter", "POST", ticket, **({"Origin": f"http://{self.host}"} | headers))
        if "set-cookie" in got:
            self.cookie = got["set-cookie"].partition(";")[0]
        return status, got, text

    def websocket(self, **headers: str | None) -> int:
        """The status of an answer to a websocket's opening; 101 means that it was let in."""
        own = {
            "Upgrade": "websocket", "Connection": "Upgrade", "Sec_WebSocket_Version": "13",
            "Sec_WebSocket_Key": "AAAAAAAAAAAAAAAAAAAAAA==",
            "Origin": f"http://{self.host}", "Sec_WebSocket_Protocol": "bokeh, token",
        }  # fmt: skip
        return self.ask("/ws", **(own | headers))[0]


@pytest.fixture(scope="module")
def dashboard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    made = Dashboard(tmp_path_factory.mktemp("dashboard") / "runs", kernel=False)
    made.start()
    yield made
    made.close()


@pytest.fixture
def stranger(dashboard: Dashboard) -> Client:
    """Somebody without the secret."""
    return Client(dashboard)


@pytest.fixture
def guest(dashboard: Dashboard) -> Client:
    """Somebody who came by a link."""
    client = Client(dashboard)
    assert client.enter()[0] == 204
    return client


@pytest.fixture
def folder(dashboard: Dashboard) -> Path:
    """The folder of runs that the dashboard shows."""
    made = dashboard.desk.shelf.folders[0]
    made.mkdir(exist_ok=True)
    return made
