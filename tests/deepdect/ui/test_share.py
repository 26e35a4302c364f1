"""Public link and privacy words, with Gradio's servers played by the test."""

from __future__ import annotations

import urllib.request

import gradio as gr
import pytest
from gradio import networking, tunneling

from deepdect import ui
from deepdect.texts import ENGLISH
from deepdect.ui import share


@pytest.mark.parametrize(
    ("host", "link", "space", "expected"),
    [
        ("127.0.0.1:7860", None, None, ENGLISH.private_local),
        ("localhost:7860", None, None, ENGLISH.private_local),
        ("[::1]:7860", None, None, ENGLISH.private_local),
        ("192.168.1.5:7860", None, None, ENGLISH.private_remote.format(host="192.168.1.5")),
        ("abc.gradio.live", "https://abc.gradio.live", None, ENGLISH.private_shared),
        ("127.0.0.1:7860", "https://abc.gradio.live", None, ENGLISH.private_shared),
        ("someone-deepdect.hf.space", None, "someone/deepdect", ENGLISH.private_space),
    ],
)
def test_the_privacy_line_is_true_for_each_way_to_the_page(host, link, space, expected, monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    if space:
        monkeypatch.setenv("SPACE_ID", space)
    assert share.privacy(host, link, ENGLISH) == expected


class _Visited(Exception):
    """Raised where `serve` would wait for Ctrl+C."""


@pytest.fixture
def visit(monkeypatch):
    """What `serve` leads to: the page's own document, fetched while it serves, instead of serving forever."""
    seen: dict[str, str] = {}

    def block_thread(page: gr.Blocks) -> None:
        with urllib.request.urlopen(page.local_url) as answer:
            seen["document"] = answer.read().decode()
        page.close()
        raise _Visited

    monkeypatch.setattr(gr.Blocks, "block_thread", block_thread)
    return seen


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_without_a_public_link_the_page_still_serves_and_says_why(detector, visit, monkeypatch, capsys):
    def unreachable(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr(networking.httpx, "get", _only_local(networking.httpx.get, unreachable))
    with pytest.raises(_Visited):
        ui.serve(detector, port=free_port(), share=True)
    told = capsys.readouterr().err
    assert "No public link could be made: " in told and "no route to host" in told
    assert "still serves at http://127.0.0.1:" in told
    assert "gradio_config" in visit["document"]


def _only_local(real, otherwise):
    """httpx.get that reaches this machine alone."""
    return lambda url, *rest, **named: (real if "127.0.0.1" in url else otherwise)(url, *rest, **named)


def test_with_a_public_link_the_page_names_it_and_loads_nothing_from_elsewhere(detector, visit, monkeypatch, capsys):
    class Answer:
        @staticmethod
        def json():
            return [{"host": "tunnel.invalid", "port": "7000", "root_ca": "certificate"}]

    monkeypatch.setattr(networking.httpx, "get", _only_local(networking.httpx.get, lambda *_, **__: Answer))
    monkeypatch.setattr(tunneling.Tunnel, "start_tunnel", lambda tunnel: "http://abc.gradio.live")
    monkeypatch.setattr(networking, "CERTIFICATE_PATH", __import__("os").devnull)
    with pytest.raises(_Visited):
        ui.serve(detector, port=free_port(), share=True)
    assert "https://abc.gradio.live" in capsys.readouterr().err
    assert 'src="./assets/' in visit["document"] and 'src="http' not in visit["document"]


def test_a_port_that_is_taken_is_named(detector):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SystemExit, match=f"port {port}.*--port"):
            ui.serve(detector, port=port)
