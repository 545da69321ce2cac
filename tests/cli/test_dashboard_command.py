"""`rlm-lab dashboard`: one line with the link, then it serves until Ctrl-C."""

from __future__ import annotations

import http.client
import re
import signal
import subprocess
import sys

COMMAND = [sys.executable, "-m", "rlm_lab.cli", "dashboard"]


def test_the_link_stands_on_one_line_and_ctrl_c_ends_it(tmp_path):
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([*COMMAND, str(tmp_path), "--no-browser"], text=True, **pipes) as server:
        line = server.stdout.readline()
        found = re.fullmatch(r"http://127\.0\.0\.1:(\d+)/#ticket=([\w-]{43})\n", line)
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
        connection.request("GET", f"/?token={found[2]}")
        assert connection.getresponse().status == 200
        connection.close()
        server.send_signal(signal.SIGINT)
        out, err = server.communicate(timeout=120)
    assert (server.returncode, out, err) == (0, "", "The dashboard has ended.\n")


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    told = subprocess.run([*COMMAND, str(tmp_path / "no"), "--no-browser"], capture_output=True, text=True)
    assert told.returncode == 2
    assert told.stderr.startswith("rlm-lab: There is no folder")
    assert told.stderr.count("\n") == 1
