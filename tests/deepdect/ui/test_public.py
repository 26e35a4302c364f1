"""The page as a public host would start it: login, rates, a full queue."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from deepdect import ui
from deepdect.texts import ENGLISH
from deepdect.ui import gate
from deepdect.ui import page as page_module
from deepdect.ui.access import Access
from deepdect.ui.photo import ANALYSES_AT_ONCE
from tests.hostile.samples import SAMPLES

CALL = "/gradio_api/call/analyze"
NOTHING = {"data": [None]}


@pytest.fixture
def open_page(detector, monkeypatch) -> Iterator[Callable[..., httpx.Client]]:
    """Launches a page with the given access; returns a client that is not logged in."""
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "")  # so that what `launch` sets is undone afterwards
    opened: list[Any] = []

    def launch(access: Access, judge: Any = detector) -> httpx.Client:
        page = ui.build(judge)
        settings = ui.LAUNCH | access.launch()
        _, url, _ = page.launch(server_name="127.0.0.1", prevent_thread_lock=True, share=False, **settings)
        opened.append(page)
        return httpx.Client(base_url=url.rstrip("/"), timeout=60)

    yield launch
    for page in opened:
        page.close()


def test_without_the_password_there_is_nothing_to_see_or_do(open_page):
    web = open_page(Access(auth=("ann", "a:b")))
    for method, path, body in (
        ("GET", "/config", None),
        ("GET", "/gradio_api/info", None),
        ("GET", "/gradio_api/file=/tmp/x.png", None),
        ("POST", CALL, NOTHING),
        ("POST", "/gradio_api/queue/join", {"data": [], "fn_index": 0, "session_hash": "x"}),
    ):
        assert web.request(method, path, json=body).status_code == 401
    assert web.post("/gradio_api/upload", files={"files": ("a.png", SAMPLES["PNG"])}).status_code == 401
    start = web.get("/").text
    assert '"auth_required":true' in start and ENGLISH.placeholder.splitlines()[0] not in start
    assert web.post("/login", data={"username": "ann", "password": "wrong"}).status_code == 400
    assert web.post("/login", data={"username": "ann", "password": "a:b"}).status_code == 200
    assert web.get("/config").status_code == 200
    assert web.post("/gradio_api/upload", files={"files": ("a.png", SAMPLES["PNG"])}).status_code == 200


def asked(web: httpx.Client, forwarded: str) -> int:
    return web.post(CALL, json=NOTHING, headers={"X-Forwarded-For": forwarded}).status_code


def test_who_the_client_is_nobody_may_claim(open_page):
    web = open_page(Access(rate=2))
    assert [asked(web, f"203.0.113.{number}") for number in range(3)] == [200, 200, 429]


def test_a_trusted_proxy_says_who_the_client_is(open_page):
    web = open_page(Access(rate=2, trusted_proxies=("127.0.0.1",)))
    assert [asked(web, "203.0.113.1") for _ in range(3)] == [200, 200, 429]
    assert asked(web, "203.0.113.2") == 200
    assert asked(web, "203.0.113.3, 203.0.113.1") == 429  # before the proxy's own word: the client's


def test_uploads_that_broke_off_are_swept_while_the_page_runs(open_page, monkeypatch):
    lifetime = []

    @asynccontextmanager
    async def watched(app):
        lifetime.append("begun")
        yield
        lifetime.append("ended")

    monkeypatch.setattr("deepdect.ui.access.sweeping", watched)
    open_page(Access())
    assert lifetime == ["begun"]


class Waiting:
    """A detector that takes until it is told to end."""

    def __init__(self, real: Any) -> None:
        self._real, self.go_on = real, threading.Event()
        self.calibration = real.calibration

    def analyze(self, source: Any, name: str | None = None) -> Any:
        assert self.go_on.wait(60)
        return self._real.analyze(source, name)


def test_beyond_the_waiting_line_visitors_are_told_to_come_back(open_page, detector, monkeypatch):
    monkeypatch.setattr(page_module, "WAITING_LINE", 2)
    slow = Waiting(detector)
    web = open_page(Access(), slow)
    (path,) = web.post("/gradio_api/upload", files={"files": ("a.png", SAMPLES["PNG"])}).json()
    photo = {"data": [{"path": path, "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}]}
    taken, refused = [], None
    while refused is None and len(taken) < 20:
        answer = web.post(CALL, json=photo)
        if answer.status_code == 200:
            taken.append(answer.json()["event_id"])
        else:
            refused = answer
    slow.go_on.set()
    assert refused is not None and refused.status_code == 503
    assert refused.json() == {"detail": gate.BUSY} and refused.headers["Retry-After"] == "60"
    assert 2 <= len(taken) <= 2 + ANALYSES_AT_ONCE + 1
    for event in taken:  # what was let in is answered
        with web.stream("GET", f"{CALL}/{event}") as stream:
            assert "no_face" in stream.read().decode()
