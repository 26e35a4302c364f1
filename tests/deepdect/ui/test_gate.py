"""The gate around a small application that says what it received."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse

from deepdect.ui import gate

JOIN = "/gradio_api/queue/join"
UPLOAD = "/gradio_api/upload"


@pytest.fixture(autouse=True)
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))


async def application(scope, receive, send):
    request = Request(scope, receive)
    body = await request.body()
    if request.headers.get("stumble"):
        raise AttributeError(f"'int' object has no attribute 'get': {body!r}")
    if request.headers.get("break off"):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise AttributeError("in the middle")
    if request.headers.get("full"):
        return await JSONResponse({"detail": "Queue is full. Max size is 64 and size is 64."}, 503)(
            scope, receive, send
        )
    await JSONResponse({"path": request.url.path, "bytes": len(body)})(scope, receive, send)


class Visitor:
    """Asks a gate, from an address, and keeps no connection."""

    def __init__(self, **settings: Any) -> None:
        self.gate = gate.Gate(application, **settings)

    def __call__(self, method: str, path: str, *, address: str = "203.0.113.7", **request: Any) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(self.gate, client=(address, 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost:7860") as client:
                return await client.request(method, path, **request)

        # in a thread of its own: the browser tests' Playwright leaves an event loop running in this one
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(asyncio.run, ask()).result()


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/config",
        "/pwa_icon/192",
        "/assets/a.js",
        "/gradio_api/info",
        "/gradio_api/file=/tmp/a.png",
        "/gradio_api/call/a/b",
    ],
)
def test_what_the_page_needs_passes(path):
    answer = Visitor()("GET", path)
    assert answer.json()["path"] == path
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == gate.POLICY  # no other site's page holds this one


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/gradio_api/proxy=https://example.org/", 404),
        ("GET", "//gradio_api//proxy=https://example.org/", 404),
        ("GET", "/gradio_api/file=https://example.org/a.png", 403),
        ("GET", "/gradio_api/file=HTTPS:/example.org/a.png", 403),
        ("GET", "/gradio_api/file=file:///etc/passwd", 403),
        ("POST", "/gradio_api/process_recording", 404),
        ("POST", "/gradio_api/component_server", 404),
        ("POST", "/gradio_api/vibe-code", 404),
        ("GET", "/gradio_api/deep_link", 404),
        ("GET", "/gradio_api/dev/reload", 404),
        ("GET", "/gradio_api/run-history/records", 404),
        ("GET", "/monitoring/summary", 404),
        ("GET", "/pwa_icon/20000", 404),
        ("GET", "/docs", 404),
    ],
)
def test_what_else_gradio_offers_does_not(method, path, status):
    assert Visitor()(method, path).status_code == status


@pytest.mark.parametrize("origin", ["http://localhost:7860", "https://localhost", "http://LOCALHOST:7860"])
def test_the_page_s_own_requests_pass(origin):
    assert Visitor()("POST", JOIN, json={}, headers={"Origin": origin}).status_code == 200


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://localhost.evil.example", "null", "file://", "", "http://[", "x://localhost"],
)
def test_other_sites_are_refused_in_a_visitor_s_browser(origin):
    for method, path in (("POST", JOIN), ("POST", UPLOAD), ("GET", "/config")):
        answer = Visitor()(method, path, headers={"Origin": origin})
        assert answer.status_code == 403 and "other web sites" in answer.json()["detail"]


def test_a_page_behind_a_proxy_is_known_by_the_name_that_the_proxy_forwards():
    headers = {"Origin": "https://faces.example", "X-Forwarded-Host": "faces.example"}
    assert Visitor()("POST", JOIN, json={}, headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:7860", 200),
        ("127.0.0.1", 200),
        ("[::1]:7860", 200),
        ("evil.example:7860", 403),
        ("127.0.0.1.evil.example", 403),
        ("", 403),
        ("[", 403),
    ],
)
def test_a_local_page_answers_to_local_names_alone(host, status):
    answer = Visitor(local=True)("GET", "/config", headers={"Host": host})
    assert answer.status_code == status
    if status == 403:
        assert "--trusted-proxy" in answer.json()["detail"]
    assert Visitor(local=False)("GET", "/config", headers={"Host": host}).status_code == 200


def test_one_client_s_rate_is_not_another_s():
    ask = Visitor(rate=2)
    assert [ask("POST", JOIN, json={}).status_code for _ in range(3)] == [200, 200, 429]
    refused = ask("POST", "/gradio_api/call/analyze", json={})  # asked in another way, the same kind
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 60 and "Try again in" in refused.json()["detail"]
    assert ask("POST", UPLOAD).status_code == 200  # another kind
    assert ask("GET", "/config").status_code == 200  # looking is free
    assert ask("POST", "/gradio_api/cancel", json={}).status_code == 200
    assert ask("POST", JOIN, json={}, address="203.0.113.8").status_code == 200
    # uvicorn has replaced the address where it is to be believed; the header itself counts for nothing
    assert ask("POST", JOIN, json={}, headers={"X-Forwarded-For": "198.51.100.9"}).status_code == 429


def test_passwords_cannot_be_tried_without_end():
    ask = Visitor()
    attempt = {"username": "a", "password": "b"}
    answers = [ask("POST", "/login", data=attempt).status_code for _ in range(gate.LOGINS + 1)]
    assert answers == [200] * gate.LOGINS + [429]
    assert ask("POST", JOIN, json={}).status_code == 200  # which has no limit unless one was set


def test_a_full_queue_is_told_in_words_that_help():
    answer = Visitor()("POST", JOIN, json={}, headers={"full": "yes"})
    assert answer.status_code == 503 and answer.json() == {"detail": gate.BUSY}
    assert answer.headers["Retry-After"] == "60"


async def chunks(count: int):
    for _ in range(count):
        yield b"x" * 1000


@pytest.mark.parametrize(("path", "limit"), [(UPLOAD, "UPLOAD_BYTES"), (JOIN, "JSON_BYTES")])
def test_bodies_are_limited_whether_or_not_their_length_is_declared(path, limit, monkeypatch):
    monkeypatch.setattr(gate, limit, 3000)
    ask = Visitor()
    body = b'"' + b"x" * 2998 + b'"'
    assert ask("POST", path, content=body).json()["bytes"] == 3000
    for content in (body + b" ", chunks(4)):
        answer = ask("POST", path, content=content)
        assert answer.status_code == 413 and "3,000 bytes" in answer.json()["detail"]
    assert ask("POST", path, content=body, headers={"Content-Length": "-1"}).status_code == 413


def test_no_upload_is_taken_when_the_disk_is_nearly_full(monkeypatch):
    monkeypatch.setattr(gate, "FREE_BYTES", 10**18)
    answer = Visitor()("POST", UPLOAD, content=b"x")
    assert answer.status_code == 503 and "no room" in answer.json()["detail"]
    assert Visitor()("POST", JOIN, json={}).status_code == 200


def test_uploads_that_are_on_their_way_count_as_on_the_disk_already(monkeypatch):
    monkeypatch.setattr(gate.shutil, "disk_usage", lambda folder: SimpleNamespace(free=gate.FREE_BYTES + 1500))
    ask = Visitor()
    answers = []

    async def slow(scope, receive, send):
        if not answers:  # while the first is being received, another comes
            answers.append(None)
            answers[0] = ask("POST", UPLOAD, content=b"x" * 1000).status_code
        await application(scope, receive, send)

    ask.gate._app = slow
    assert ask("POST", UPLOAD, content=b"x" * 1000).status_code == 200
    assert answers == [503]
    assert ask("POST", UPLOAD, content=b"x" * 1000).status_code == 200  # the first one is done


@pytest.mark.parametrize(
    "address",
    [
        *("http://example.org/a.jpg", "HTTPS://example.org", " http://x", "file:///etc/passwd"),
        *("/etc/passwd", "/etc/x\x1b[31m\nA forged line of the log", "../../etc/passwd", 7, ["a.jpg"], "a\0b"),
    ],
)
def test_only_uploads_are_taken_for_files(address, tmp_path):
    document = {"data": [[{"photo": {"path": address, "meta": {"_type": "gradio.FileData"}}}]]}
    for path in (JOIN, "/gradio_api/call/analyze", "/gradio_api/call/v2/analyze", "/gradio_api/run/analyze"):
        answer = Visitor()("POST", path, json=document)
        assert answer.status_code == 400 and "upload the picture" in answer.json()["detail"]
    document["data"][0][0]["photo"]["path"] = str(tmp_path / "1" / "a.jpg")
    assert Visitor()("POST", JOIN, json=document).json()["bytes"] == len(json.dumps(document, separators=(",", ":")))


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff", b"1" * 5000])
def test_a_body_that_is_no_json_is_refused(body):
    answer = Visitor()("POST", JOIN, content=body)
    assert answer.status_code == 400 and "JSON" in answer.json()["detail"]


def test_websockets_are_closed():
    sent = []

    async def send(message):
        sent.append(message)

    with ThreadPoolExecutor(1) as pool:  # as in Visitor
        pool.submit(asyncio.run, gate.Gate(application)({"type": "websocket", "path": "/"}, None, send)).result()
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_a_request_that_gradio_stumbles_over_is_refused_and_its_words_stay_out_of_the_log(caplog):
    answer = Visitor()("POST", JOIN, headers={"stumble": "yes"}, json=["a secret"])
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("The request is not understood. Send what")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "/gradio_api/queue was refused: AttributeError in test_gate.py:" in caplog.text
    assert "secret" not in caplog.text and "Traceback" not in caplog.text
    caplog.clear()
    Visitor()("GET", "/static/a%20secret", headers={"stumble": "yes"})
    assert "a request to the page was refused" in caplog.text and "secret" not in caplog.text


def test_an_answer_that_breaks_off_is_not_followed_by_another():
    with pytest.raises(AttributeError, match="in the middle"):
        Visitor()("POST", JOIN, headers={"break off": "yes"}, json=[])
