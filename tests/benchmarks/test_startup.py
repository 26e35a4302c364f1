"""The clock, on a server of the standard library's that needs no time to start."""

from __future__ import annotations

import sys

import pytest

from benchmarks import startup

SERVER = """
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[1]))
        self.end_headers()
        self.wfile.write(b"<html></html>")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Page).serve_forever()
"""


def test_the_clock_stops_at_the_page():
    port = startup.free_port()
    assert 0 < startup.seconds_to_page([sys.executable, "-c", SERVER, "200", str(port)], port) < startup.DEADLINE


def test_a_server_that_ends_or_answers_otherwise_is_told(monkeypatch):
    with pytest.raises(RuntimeError, match="no page within"):
        startup.seconds_to_page([sys.executable, "-c", "pass"], startup.free_port())
    monkeypatch.setattr(startup, "DEADLINE", 2.0)
    port = startup.free_port()
    with pytest.raises(RuntimeError, match="no page within 2 s"):
        startup.seconds_to_page([sys.executable, "-c", SERVER, "500", str(port)], port)
